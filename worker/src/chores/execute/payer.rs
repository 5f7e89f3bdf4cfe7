//! Who pays, and with what: read from Stripe right before a charge, a subscription or a credit is sent, because the
//! ledger keeps neither a customer's cards nor which of them is the default.

use chrono::TimeDelta;
use domain::money::shown;
use domain::operations::lost_cards::{Card, Tried, any_lost, lost};
use domain::operations::parameters::{Charge, Credit, InvoiceRetry, Subscribe};
use domain::operations::{AnswerClass, Operation, Refused};
use stripe_api::{
    Answer, Api, CreatedBetween, CustomerNow, InvoiceNow, PaymentIntentNow, PaymentMethodNow, StripeError,
    SubscriptionNow,
};

use super::at_stripe::{Checked, Now, not, on_its_way, present, read_all};
use super::look_up::is_made_by;

/// Payments that are older are no second way to pay what is charged for now.
const LIVE: TimeDelta = TimeDelta::days(90);

/// A charge: the customer is there and has a payment method, and nothing else can pay the same invoice.
pub(super) async fn of_charge(
    api: &Api,
    operation: &Operation,
    charge: &Charge,
) -> Result<Checked, StripeError> {
    let account = operation.key.account.as_str();
    let customer = match customer(api, &charge.customer, account).await? {
        Ok(customer) => customer,
        Err(gone) => return Ok(Checked::Facts(gone)),
    };
    let created = CreatedBetween { from: Some(operation.requested_at - LIVE), until: None };
    let listed = api.payment_intents_of(&charge.customer, created, account).await?.objects;
    if let Some(made) = made_by(&listed, operation)? {
        return Ok(Checked::AlreadyMade(made));
    }
    let intents = read_all::<PaymentIntentNow>(&listed)?;
    if let Some(invoice) = &charge.invoice {
        for intent in &intents {
            let is_of_invoice = intent.metadata.get("invoice_id") == Some(invoice);
            let payment = intent.id.clone();
            match intent.status.as_str() {
                _ if !is_of_invoice => {}
                "canceled" => {}
                "succeeded" | "processing" | "requires_capture" => {
                    return Ok(Checked::Facts(Now::Not(Refused::PaymentUnderway { payment })));
                }
                _ => return Ok(Checked::Facts(Now::Not(Refused::OtherWayToPay { payment }))),
            }
        }
    }
    let now = paid_by(api, &customer, charge.payment_method.as_deref(), account).await?;
    unless_lost(api, now, &intents, account).await.map(Checked::Facts)
}

/// A subscription: likewise, and the customer has none of its prices yet.
pub(super) async fn of_subscription(
    api: &Api,
    operation: &Operation,
    subscribe: &Subscribe,
) -> Result<Checked, StripeError> {
    let account = operation.key.account.as_str();
    let customer = match customer(api, &subscribe.customer, account).await? {
        Ok(customer) => customer,
        Err(gone) => return Ok(Checked::Facts(gone)),
    };
    let listed = api.subscriptions_of(&subscribe.customer, account).await?.objects;
    if let Some(made) = made_by(&listed, operation)? {
        return Ok(Checked::AlreadyMade(made));
    }
    for own in read_all::<SubscriptionNow>(&listed)?.into_iter().filter(|own| !own.has_ended()) {
        if let Some(price) = subscribe.prices.iter().find(|price| own.has_price(price)) {
            let refused = Refused::AlreadySubscribed { subscription: own.id, price: price.clone() };
            return Ok(Checked::Facts(Now::Not(refused)));
        }
    }
    paid_by(api, &customer, subscribe.payment_method.as_deref(), account).await.map(Checked::Facts)
}

pub(super) async fn of_credit(
    api: &Api,
    operation: &Operation,
    credit: &Credit,
) -> Result<Checked, StripeError> {
    let account = operation.key.account.as_str();
    if let Err(gone) = customer(api, &credit.customer, account).await? {
        return Ok(Checked::Facts(gone));
    }
    let listed = api.balance_changes_of(&credit.customer, account).await?.objects;
    Ok(made_by(&listed, operation)?.map_or(Checked::Facts(Now::Fine), Checked::AlreadyMade))
}

/// What the operation has made already: the ledger may have forgotten that, as after a restored backup.
fn made_by(listed: &[Answer], operation: &Operation) -> Result<Option<Answer>, StripeError> {
    for made in listed {
        if is_made_by(made, operation)? {
            return Ok(Some(made.clone()));
        }
    }
    Ok(None)
}

/// A retry: the invoice is open, and nobody else collects it.
pub(super) async fn of_retry(
    api: &Api,
    operation: &Operation,
    retry: &InvoiceRetry,
) -> Result<Now, StripeError> {
    let account = operation.key.account.as_str();
    if let Some(intent) = &retry.payment_intent {
        return of_own_invoice(api, intent, operation, retry).await;
    }
    let now = match present::<InvoiceNow>(api.invoice(&retry.invoice, account).await, "invoice")? {
        Ok(now) => now,
        Err(gone) => return Ok(gone),
    };
    if let Some(payment) = on_its_way(api, &now, account).await? {
        return Ok(Now::Not(Refused::PaymentUnderway { payment }));
    }
    let plans = now.next_payment_attempt.is_some() || now.auto_advance == Some(true);
    Ok(match now.status.as_deref() {
        Some("open") if now.collection_method.as_deref() == Some("send_invoice") => {
            Now::Not(Refused::PaidByHand)
        }
        Some("open") if plans && !retry.takes_over => {
            not("Stripe collects this invoice by itself: to end its plan first, take over (`--take-over`)")
        }
        Some("open") => unless_other_money(operation, now.amount_remaining, &now.currency, Now::Fine),
        status => not(&format!("the invoice is {}", status.unwrap_or("without a status"))),
    })
}

/// The same payment intent once more: after a decline it has no payment method.
async fn of_own_invoice(
    api: &Api,
    intent: &str,
    operation: &Operation,
    retry: &InvoiceRetry,
) -> Result<Now, StripeError> {
    let account = operation.key.account.as_str();
    let now = match present::<PaymentIntentNow>(api.payment_intent(intent, account).await, "payment")? {
        Ok(now) => now,
        Err(gone) => return Ok(gone),
    };
    if now.status != "requires_payment_method" {
        return Ok(not(&format!("the payment is {}", now.status)));
    }
    // Who is nobody's customer has no card that could be used again.
    let Some(customer_id) = &now.customer else { return Ok(Now::Not(Refused::NoPaymentMethod)) };
    match customer(api, customer_id, account).await? {
        Ok(customer) => {
            let paid_by = paid_by(api, &customer, retry.payment_method.as_deref(), account).await?;
            let paid_by = unless_other_money(operation, now.amount, &now.currency, paid_by);
            unless_lost(api, paid_by, &[now], account).await
        }
        Err(gone) => Ok(gone),
    }
}

/// A try takes what Stripe's object says now, which may have changed since somebody agreed to an amount.
fn unless_other_money(operation: &Operation, amount: i64, currency: &str, now: Now) -> Now {
    if amount == operation.amount && currency == operation.currency {
        return now;
    }
    not(&format!(
        "it asks for {} now, and this is over {}: ask anew",
        shown(amount, currency),
        shown(operation.amount, &operation.currency)
    ))
}

/// A lost card pays nothing.
async fn unless_lost(
    api: &Api,
    now: Now,
    intents: &[PaymentIntentNow],
    account: &str,
) -> Result<Now, StripeError> {
    let Now::PaidBy(id) = &now else { return Ok(now) };
    let tried: Vec<Tried<'_>> = intents.iter().map(tried).collect();
    if !any_lost(&tried) {
        return Ok(now);
    }
    let method: Option<PaymentMethodNow> = match api.payment_method(id, account).await {
        Err(error) if error.class() == AnswerClass::Refused && !error.is_forbidden() => None, // an old-style source
        answer => Some(answer?.read()?),
    };
    let fingerprint = method.as_ref().and_then(PaymentMethodNow::fingerprint);
    match lost(&tried, &Card { id, fingerprint }) {
        Some(code) => Ok(Now::Not(Refused::NeverRetried { code: code.to_owned() })),
        None => Ok(now),
    }
}

fn tried(intent: &PaymentIntentNow) -> Tried<'_> {
    let paid_by = intent.payment_method.as_deref().filter(|_| intent.status == "succeeded");
    let declined = intent.last_payment_error.as_ref().and_then(|error| {
        let codes = [&error.decline_code, &error.code].into_iter().flatten().map(String::as_str);
        let method = error.payment_method.as_ref()?;
        Some((codes.collect(), Card { id: &method.id, fingerprint: method.fingerprint() }))
    });
    Tried { created: intent.created, paid_by, declined }
}

async fn customer(api: &Api, id: &str, account: &str) -> Result<Result<CustomerNow, Now>, StripeError> {
    Ok(match present::<CustomerNow>(api.customer(id, account).await, "customer")? {
        Ok(customer) if !customer.deleted => Ok(customer),
        _ => Err(Now::Not(Refused::CustomerNotFound)),
    })
}

/// The one that is given, if it is the customer's; else the default of their invoices, their default source, or their
/// only card.
async fn paid_by(
    api: &Api,
    customer: &CustomerNow,
    given: Option<&str>,
    account: &str,
) -> Result<Now, StripeError> {
    if let Some(given) = given {
        let answer = match api.payment_method(given, account).await {
            // An id that cannot be one of a payment method is answered with 400 or 404.
            Err(error) if error.class() == AnswerClass::Refused && !error.is_forbidden() => None,
            answer => Some(answer?.read::<PaymentMethodNow>()?),
        };
        let is_theirs = answer.is_some_and(|method| method.customer.as_deref() == Some(customer.id.as_str()));
        return Ok(if is_theirs {
            Now::PaidBy(given.to_owned())
        } else {
            Now::Not(Refused::OthersPaymentMethod { id: given.to_owned() })
        });
    }
    let default = customer.invoice_settings.default_payment_method.clone();
    if let Some(default) = default.or_else(|| customer.default_source.clone()) {
        return Ok(Now::PaidBy(default));
    }
    let mut cards = Vec::new();
    for listed in api.payment_methods_of(&customer.id, account).await?.objects {
        let method: PaymentMethodNow = listed.read()?;
        cards.extend((method.kind == "card").then_some(method.id));
    }
    Ok(match (cards.pop(), cards.is_empty()) {
        (Some(only), true) => Now::PaidBy(only),
        _ => Now::Not(Refused::NoPaymentMethod),
    })
}
