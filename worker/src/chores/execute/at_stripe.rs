//! How things stand at Stripe right before an operation is sent, as whoever reads them tells it.

use domain::operations::{Facts, Refused};
use stripe_api::{Answer, Api, InvoiceNow, PaymentIntentNow, StripeError};

pub(super) enum Checked {
    /// Stripe has what it would make: the ledger forgot that it was sent.
    AlreadyMade(Answer),
    Facts(Now),
}

/// How things stand at Stripe.
pub(super) enum Now {
    /// For the rules.
    Rules(Box<Facts>),
    /// Nothing at Stripe is against it: the rules decide with the ledger's facts.
    Fine,
    /// The same, and this payment method pays.
    PaidBy(String),
    /// It can no longer be done, and why.
    Not(Refused),
}

/// The inner error: Stripe has it no more.
pub(super) fn present<T: serde::de::DeserializeOwned>(
    answer: Result<Answer, StripeError>,
    what: &str,
) -> Result<Result<T, Now>, StripeError> {
    match answer {
        Ok(answer) => Ok(Ok(answer.read()?)),
        Err(error) if error.is_missing() => Ok(Err(not(&format!("Stripe has no such {what}")))),
        Err(error) => Err(error),
    }
}

pub(super) fn not(why: &str) -> Now {
    Now::Not(Refused::AtStripe(why.to_owned()))
}

pub(super) fn read_all<T: serde::de::DeserializeOwned>(answers: &[Answer]) -> Result<Vec<T>, StripeError> {
    answers.iter().map(Answer::read).collect()
}

/// A payment of an open invoice that a bank is carrying out: Stripe leaves the invoice open until the money has come. An
/// invoice may have several payments, and names one of them.
pub(super) async fn on_its_way(
    api: &Api,
    invoice: &InvoiceNow,
    account: &str,
) -> Result<Option<String>, StripeError> {
    if invoice.status.as_deref() != Some("open") {
        return Ok(None);
    }
    let mut intents = api.intents_of_invoice(&invoice.id, account).await?;
    intents.extend(invoice.payment_intent.clone());
    for intent in intents {
        let now: PaymentIntentNow = api.payment_intent(&intent, account).await?.read()?;
        if now.status == "processing" {
            return Ok(Some(now.id));
        }
    }
    Ok(None)
}
