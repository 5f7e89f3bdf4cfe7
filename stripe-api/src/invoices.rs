//! Invoices: take over from Stripe's own retries, pay, read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::lists::Filter;
use super::sending::{Sending, sound};
use super::{Api, StripeError};

#[derive(Serialize)]
struct AutoAdvance {
    auto_advance: bool,
}

/// How an invoice is tried again.
#[derive(Clone, Debug, Serialize)]
pub struct InvoicePay<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<&'a str>,
    pub off_session: bool,
}

/// What is asked about an invoice before and after it is tried.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct InvoiceNow {
    pub id: String,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub auto_advance: Option<bool>,
    /// When Stripe tries by itself.
    #[serde(default)]
    pub next_payment_attempt: Option<i64>,
    #[serde(default)]
    pub collection_method: Option<String>,
    #[serde(default)]
    pub amount_remaining: i64,
    pub currency: String,
    /// What collects it.
    #[serde(default)]
    pub payment_intent: Option<String>,
}

/// One of the payments of an invoice.
#[derive(Deserialize)]
struct InvoicePaymentNow {
    payment: PaidBy,
}

/// A payment intent, or a charge, or a record of money that came another way.
#[derive(Deserialize)]
struct PaidBy {
    #[serde(default)]
    payment_intent: Option<String>,
}

impl Api {
    /// Whether Stripe goes on by itself: retries, reminders, finalizing.
    #[shared::built_once]
    pub async fn set_auto_advance(
        &self,
        id: &str,
        auto_advance: bool,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        self.post(format!("/invoices/{}", sound(id)?), &AutoAdvance { auto_advance }, sending).await
    }

    #[shared::built_once]
    pub async fn pay_invoice(
        &self,
        id: &str,
        pay: &InvoicePay<'_>,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        self.post(format!("/invoices/{}/pay", sound(id)?), pay, sending).await
    }

    /// The payment intents of an invoice that have neither paid it nor been canceled.
    #[shared::built_once]
    pub async fn intents_of_invoice(&self, id: &str, account: &str) -> Result<BTreeSet<String>, StripeError> {
        let filter = Filter::from([("invoice", sound(id)?.to_owned()), ("status", "open".to_owned())]);
        let listed = self.list("/invoice_payments", filter, account).await?.objects;
        let intents = listed.iter().map(|told| Ok(told.read::<InvoicePaymentNow>()?.payment.payment_intent));
        Ok(intents.collect::<Result<Vec<_>, StripeError>>()?.into_iter().flatten().collect())
    }

    #[shared::built_once]
    pub async fn invoice(&self, id: &str, account: &str) -> Result<Answer, StripeError> {
        self.get(format!("/invoices/{}", sound(id)?), account).await
    }
}
