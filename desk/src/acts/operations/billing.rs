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

/// What people mean who name no currency.
const USUAL_CURRENCY: &str = "usd";
/// Longer is no name of an invoice.
const NAME_LIMIT_CHARS: usize = 255;

/// What a customer is to pay. Without a currency it is USD; without a payment method the customer's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedCharge {
    pub customer: Key,
    pub amount: i64,
    pub currency: Option<String>,
    pub payment_method: Option<String>,
    pub description: Option<String>,
    /// The merchant's own invoice that it pays.
    pub invoice: Option<Key>,
}

/// An invoice that is to be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedRetry {
    pub invoice: Key,
    /// Without one, the one that it has, or the customer's.
    pub payment_method: Option<String>,
    pub takes_over: bool,
    /// Which of the planned retries it is, where the clock asks for it.
    pub number: Option<i64>,
}

/// What a customer's balance is to be credited. Without a currency it is USD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedCredit {
    pub customer: Key,
    pub amount: i64,
    pub currency: Option<String>,
    pub description: Option<String>,
}

pub(super) fn subscribe(
    customer: &Key,
    prices: &[String],
    payment_method: Option<&String>,
) -> Result<Request, NotDone> {
    let subscribe = parameters::Subscribe {
        customer: is_customer(customer)?.id.clone(),
        prices: prices.to_vec(),
        payment_method: payment_method.cloned(),
    };
    Ok(of_customer(customer, 0, "", Parameters::Subscribe(subscribe)))
}

pub(super) fn credit(wanted: &WantedCredit) -> Result<Request, NotDone> {
    let (amount, currency) = (wanted.amount.max(0), given(wanted.currency.as_deref()));
    let credit = parameters::Credit {
        customer: is_customer(&wanted.customer)?.id.clone(),
        amount,
        currency: currency.clone(),
        description: wanted.description.clone(),
    };
    Ok(of_customer(&wanted.customer, amount, &currency, Parameters::Credit(credit)))
}

pub(super) async fn unsubscribe(
    tx: &mut Transaction,
    subscription: &Key,
    at_period_end: bool,
) -> Result<Request, NotDone> {
    if !is_object_id(&subscription.id) {
        return Err(NotDone::NoId { id: subscription.id.clone() });
    }
    let row = tx.look_up::<Subscription>(std::slice::from_ref(subscription)).await?.pop();
    let customer = row.and_then(|row| row.customer.id().map(str::to_owned));
    let unsubscribe = parameters::Unsubscribe { subscription: subscription.id.clone(), at_period_end };
    Ok(about(Subscription::NAME, subscription, customer, (0, ""), Parameters::Unsubscribe(unsubscribe)))
}

pub(super) async fn retry(tx: &mut Transaction, wanted: &WantedRetry) -> Result<Request, NotDone> {
    let of = of_invoice(tx, &wanted.invoice).await?;
    let retry = parameters::InvoiceRetry {
        invoice: wanted.invoice.id.clone(),
        payment_intent: of.intent.as_ref().map(|intent| intent.id.clone()),
        payment_method: wanted.payment_method.clone(),
        takes_over: wanted.takes_over,
        number: wanted.number,
    };
    let parameters = Parameters::InvoiceRetry(retry);
    let request = about(Invoice::NAME, &wanted.invoice, of.customer, (of.amount, &of.currency), parameters);
    Ok(Request { payment: of.payment.map(|payment| payment.id), ..request })
}

pub(super) fn charge(charge: &WantedCharge) -> Result<Request, NotDone> {
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
            amount: invoice.remaining(),
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
