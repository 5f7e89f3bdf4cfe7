//! Invoices: take over from Stripe's own retries, pay, read.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
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

    #[shared::built_once]
    pub async fn invoice(&self, id: &str, account: &str) -> Result<Answer, StripeError> {
        self.get(format!("/invoices/{}", sound(id)?), account).await
    }
}
