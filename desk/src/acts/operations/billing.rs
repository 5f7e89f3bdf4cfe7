//! What a charge, a subscription, a retry of an invoice or a credit comes to, as the ledger is now. Which card pays,
//! Stripe says right before sending.

use domain::customers::Customer;
use domain::fields::is_object_id;
use domain::invoices::Invoice;
use domain::operations::customer::is_customer_id;
use domain::operations::{Parameters, Reason, Request, parameters};
use domain::payments::Payment;
use domain::subscriptions::Subscription;
use domain::{Key, Object};
use ledger::{LedgerError, Transaction};

use super::NotDone;
use super::wanted::{Wanted, WantedCharge};

/// What people mean who name no currency.
const USUAL_CURRENCY: &str = "usd";
/// Longer is no name of an invoice.
const NAME_LIMIT_CHARS: usize = 255;

/// What is asked for; `None` of what is about a payment or a dispute.
pub(super) async fn request(
    tx: &mut Transaction,
    wanted: &Wanted,
    reason: Reason,
) -> Result<Option<Request>, NotDone> {
    let request = match wanted {
        Wanted::Charge(charge) => of_charge(charge)?,
        Wanted::Subscribe { customer, prices, payment_method } => {
            let subscribe = parameters::Subscribe {
                customer: is_customer(customer)?.id.clone(),
                prices: prices.clone(),
                payment_method: payment_method.clone(),
            };
            of_customer(customer, 0, "", Parameters::Subscribe(subscribe))
        }
        Wanted::Credit { customer, amount, currency, description } => {
            let (amount, currency) = ((*amount).max(0), given(currency.as_deref()));
            let credit = parameters::Credit {
                customer: is_customer(customer)?.id.clone(),
                amount,
                currency: currency.clone(),
                description: description.clone(),
            };
            of_customer(customer, amount, &currency, Parameters::Credit(credit))
        }
        Wanted::Unsubscribe { subscription, at_period_end } => {
            if !is_object_id(&subscription.id) {
                return Err(NotDone::NoId { id: subscription.id.clone() });
            }
            let row = tx.look_up::<Subscription>(std::slice::from_ref(subscription)).await?.pop();
            let customer = row.and_then(|row| row.customer.id().map(str::to_owned));
            let unsubscribe = parameters::Unsubscribe {
                subscription: subscription.id.clone(),
                at_period_end: *at_period_end,
            };
            let parameters = Parameters::Unsubscribe(unsubscribe);
            about(Subscription::NAME, subscription, customer, (0, ""), parameters)
        }
        Wanted::InvoiceRetry { invoice, payment_method, takes_over, number } => {
            let of = of_invoice(tx, invoice).await?;
            let retry = parameters::InvoiceRetry {
                invoice: invoice.id.clone(),
                payment_intent: of.intent.as_ref().map(|intent| intent.id.clone()),
                payment_method: payment_method.clone(),
                takes_over: *takes_over,
                number: *number,
            };
            let parameters = Parameters::InvoiceRetry(retry);
            let request = about(Invoice::NAME, invoice, of.customer, (of.amount, &of.currency), parameters);
            Request { payment: of.payment.map(|payment| payment.id), ..request }
        }
        _ => return Ok(None),
    };
    Ok(Some(Request { reason, ..request }))
}

fn of_charge(charge: &WantedCharge) -> Result<Request, NotDone> {
    let customer = is_customer(&charge.customer)?;
    let (amount, currency) = (charge.amount.max(0), given(charge.currency.as_deref()));
    let parameters = Parameters::Charge(parameters::Charge {
        customer: customer.id.clone(),
        payment_method: charge.payment_method.clone(),
        amount,
        currency: currency.clone(),
        description: charge.description.clone(),
        invoice: charge.invoice.as_ref().map(|invoice| invoice.id.clone()),
    });
    let Some(invoice) = &charge.invoice else {
        return Ok(of_customer(customer, amount, &currency, parameters));
    };
    let is_name = (1..=NAME_LIMIT_CHARS).contains(&invoice.id.chars().count())
        && !invoice.id.chars().any(char::is_control);
    if !is_name {
        return Err(NotDone::NoId { id: invoice.id.clone() });
    }
    Ok(about(Invoice::NAME, invoice, Some(customer.id.clone()), (amount, &currency), parameters))
}

fn is_customer(key: &Key) -> Result<&Key, NotDone> {
    if is_customer_id(&key.id) { Ok(key) } else { Err(NotDone::NoCustomerId { id: key.id.clone() }) }
}

fn given(currency: Option<&str>) -> String {
    currency.unwrap_or(USUAL_CURRENCY).to_ascii_lowercase()
}

fn of_customer(customer: &Key, amount: i64, currency: &str, parameters: Parameters) -> Request {
    about(Customer::NAME, customer, Some(customer.id.clone()), (amount, currency), parameters)
}

fn about(
    subject_kind: &'static str,
    subject: &Key,
    customer: Option<String>,
    (amount, currency): (i64, &str),
    parameters: Parameters,
) -> Request {
    Request {
        subject_kind,
        subject: subject.clone(),
        payment: None,
        customer,
        amount,
        currency: currency.to_owned(),
        parameters,
        reason: Reason::Other,
        note: None,
        confirmed: false,
        retry_of: None,
    }
}

/// What a retry would collect, and of whom.
#[derive(Default)]
struct Collected {
    amount: i64,
    currency: String,
    customer: Option<String>,
    /// Which takes the money; its lock decides who goes first.
    payment: Option<Key>,
    /// The one to confirm again, where Stripe does not have the invoice.
    intent: Option<Key>,
}

async fn of_invoice(tx: &mut Transaction, key: &Key) -> Result<Collected, LedgerError> {
    let own = std::slice::from_ref(key);
    let Some(invoice) = tx.look_up::<Invoice>(own).await?.pop() else { return Ok(Collected::default()) };
    let payment = live_payment(tx, key).await?;
    let of_payment = |payment: &Payment| payment.customer.id().map(str::to_owned);
    let customer = invoice.customer.id().map(str::to_owned);
    let customer = customer.or_else(|| payment.as_ref().and_then(of_payment));
    if invoice.is_stripes {
        return Ok(Collected {
            amount: invoice.state.amount_remaining.max(0),
            currency: invoice.state.currency,
            customer,
            payment: payment.map(|payment| payment.key),
            intent: None,
        });
    }
    let Some(payment) = payment else { return Ok(Collected { customer, ..Collected::default() }) };
    Ok(Collected {
        amount: payment.state.amount,
        currency: payment.state.currency.clone(),
        customer,
        intent: Some(payment.key.clone()),
        payment: Some(payment.key),
    })
}

/// The payment whose lock a retry of an invoice takes.
pub(super) async fn payment_of(tx: &mut Transaction, invoice: &Key) -> Result<Option<Key>, LedgerError> {
    Ok(live_payment(tx, invoice).await?.map(|payment| payment.key))
}

/// Of the payments that can still take the money, the oldest.
async fn live_payment(tx: &mut Transaction, invoice: &Key) -> Result<Option<Payment>, LedgerError> {
    let mut payments: Vec<Payment> = tx.children("invoice", std::slice::from_ref(invoice)).await?;
    payments.retain(|payment| payment.key.id.starts_with("pi_") && !payment.is_settled());
    payments.sort_by(|a, b| (a.created_at, &a.key).cmp(&(b.created_at, &b.key)));
    Ok(payments.into_iter().next())
}
