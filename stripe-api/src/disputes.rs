//! Disputes: stage evidence, submit it, accept the loss, read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::lists::{Filter, Listed};
use super::refunds::RefundTarget;
use super::sending::{Metadata, Sending, sound};
use super::{Api, StripeError};

/// Evidence by Stripe's field names: texts, and ids of files. Submitting can be done once; Stripe submits unless
/// told otherwise, so it is always said.
#[derive(Clone, Debug, Serialize)]
pub struct EvidenceUpdate<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: &'a BTreeMap<String, String>,
    pub submit: bool,
    pub metadata: &'a Metadata,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DisputeNow {
    pub id: String,
    pub status: String,
    #[serde(default)]
    pub is_charge_refundable: bool,
    #[serde(default)]
    pub evidence_details: EvidenceDetails,
    /// By the names of the fields: a text, the id of a file or a file, or nothing.
    #[serde(default)]
    pub evidence: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    pub balance_transactions: Vec<MovementNow>,
}

/// What it moved on the account's balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct MovementNow {
    #[serde(default)]
    pub amount: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct EvidenceDetails {
    /// 0 or none: it cannot be answered.
    pub due_by: Option<i64>,
    pub has_evidence: bool,
    pub past_due: bool,
    pub submission_count: i64,
}

impl DisputeNow {
    /// Whether Stripe still waits for an answer.
    pub fn waits_for_an_answer(&self) -> bool {
        matches!(self.status.as_str(), "needs_response" | "warning_needs_response")
    }

    /// Whether more money went out by it than came back.
    pub fn has_taken(&self) -> bool {
        self.balance_transactions.iter().map(|movement| movement.amount).fold(0, i64::saturating_add) < 0
    }

    /// What a field of its evidence holds; of a file the id.
    pub fn evidence_of(&self, field: &str) -> Option<&str> {
        let value = self.evidence.get(field)?;
        value.as_str().or_else(|| value.get("id")?.as_str()).filter(|text| !text.is_empty())
    }
}

impl Api {
    #[shared::built_once]
    pub async fn update_dispute(
        &self,
        id: &str,
        update: &EvidenceUpdate<'_>,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        self.post(format!("/disputes/{}", sound(id)?), update, sending).await
    }

    /// Accepts the loss; there is no way back.
    #[shared::built_once]
    pub async fn close_dispute(&self, id: &str, sending: Sending<'_>) -> Result<Answer, StripeError> {
        self.post(format!("/disputes/{}/close", sound(id)?), &Nothing {}, sending).await
    }

    #[shared::built_once]
    pub async fn dispute(&self, id: &str, account: &str) -> Result<Answer, StripeError> {
        self.get(format!("/disputes/{}", sound(id)?), account).await
    }

    #[shared::built_once]
    pub async fn disputes(&self, of: RefundTarget<'_>, account: &str) -> Result<Listed, StripeError> {
        let (name, id) = match of {
            RefundTarget::PaymentIntent(id) => ("payment_intent", id),
            RefundTarget::Charge(id) => ("charge", id),
        };
        self.list("/disputes", Filter::from([(name, sound(id)?.to_owned())]), account).await
    }
}
