//! Refunds: make one, read one, list those of a payment.

use domain::refunds::RELEASES;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::lists::{Filter, Listed};
use super::sending::{Metadata, Sending, sound};
use super::{Api, StripeError};

/// What a refund is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundTarget<'a> {
    PaymentIntent(&'a str),
    Charge(&'a str),
}

/// The amount is always given: without it Stripe refunds all that is left.
#[derive(Clone, Debug, Serialize)]
pub struct NewRefund<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<&'a str>,
    pub amount: i64,
    /// `duplicate`, `fraudulent`, which also blocks the card and the address, or `requested_by_customer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    pub metadata: &'a Metadata,
}

/// What is asked about a refund before and after one is sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RefundNow {
    pub id: String,
    pub amount: i64,
    pub currency: String,
    /// A pending refund has not left yet, and may still fail.
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub reason: Option<String>,
}

impl<'a> NewRefund<'a> {
    pub fn of(
        target: RefundTarget<'a>,
        amount: i64,
        reason: Option<&'a str>,
        metadata: &'a Metadata,
    ) -> Self {
        let (payment_intent, charge) = match target {
            RefundTarget::PaymentIntent(id) => (Some(id), None),
            RefundTarget::Charge(id) => (None, Some(id)),
        };
        Self { payment_intent, charge, amount, reason, metadata }
    }
}

impl RefundNow {
    /// Whether its money has left, or may still leave.
    pub fn counts(&self) -> bool {
        !matches!(self.status.as_deref(), Some("failed" | "canceled"))
    }

    /// Stripe made it of what was authorised and not captured: nothing that had come in.
    pub fn is_release(&self) -> bool {
        self.reason.as_deref().is_some_and(|reason| RELEASES.contains(&reason))
    }
}

impl Api {
    #[shared::built_once]
    pub async fn create_refund(
        &self,
        refund: &NewRefund<'_>,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        if refund.amount <= 0 {
            return Err(StripeError::Unsendable("a refund needs an amount above 0"));
        }
        self.post("/refunds".to_owned(), refund, sending).await
    }

    #[shared::built_once]
    pub async fn refund(&self, id: &str, account: &str) -> Result<Answer, StripeError> {
        self.get(format!("/refunds/{}", sound(id)?), account).await
    }

    /// All of them: a list is complete right after a refund was made, a search is not.
    #[shared::built_once]
    pub async fn refunds(&self, of: RefundTarget<'_>, account: &str) -> Result<Listed, StripeError> {
        let (name, id) = match of {
            RefundTarget::PaymentIntent(id) => ("payment_intent", id),
            RefundTarget::Charge(id) => ("charge", id),
        };
        self.list("/refunds", Filter::from([(name, sound(id)?.to_owned())]), account).await
    }
}
