//! What an operation sends, as typed parameters for each kind. They are stored as JSON with sorted names, and approvals
//! bind to its hash: what is sent is exactly what was stored.

use std::collections::{BTreeMap, BTreeSet};

use envelope::hex::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::OperationKind;
use crate::evidence::EvidenceField;

/// The parameters of one operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Parameters {
    Refund(Refund),
    Charge(Charge),
    Capture(Capture),
    Cancel(Cancel),
    Subscribe(Subscribe),
    Unsubscribe(Unsubscribe),
    InvoiceRetry(InvoiceRetry),
    Credit(Credit),
    EvidenceStage(EvidenceStage),
    EvidenceSubmit(EvidenceSubmit),
    DisputeAccept(DisputeAccept),
}

/// Of a payment intent, or of a charge that has none. The amount is always sent: without one Stripe refunds all that
/// is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refund {
    pub payment_intent: Option<String>,
    pub charge: Option<String>,
    pub amount: i64,
    /// Not sent: a refund has its payment's currency.
    pub currency: String,
    /// Stripe's own word.
    pub reason: Option<String>,
}

/// A payment intent that is confirmed at once, without the customer at hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    pub customer: String,
    /// The customer's own is taken where none is given: which that is, Stripe says right before sending.
    pub payment_method: Option<String>,
    pub amount: i64,
    pub currency: String,
    pub description: Option<String>,
    /// The merchant's own invoice that it pays: sent as `metadata.invoice_id`.
    pub invoice: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    pub payment_intent: String,
    /// Sent as `amount_to_capture`.
    pub amount: i64,
    /// Not sent.
    pub currency: String,
}

/// Gives up a payment intent: what was authorised goes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    pub payment_intent: String,
    pub cancellation_reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    pub customer: String,
    /// Ids of prices, each an item of the subscription.
    pub prices: Vec<String>,
    /// The customer's own is taken where none is given.
    pub payment_method: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsubscribe {
    pub subscription: String,
    /// Else at once.
    pub at_period_end: bool,
}

/// Pays an invoice of Stripe's, or confirms the payment intent of a merchant's own invoice again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvoiceRetry {
    pub invoice: String,
    /// The one to confirm again, for an invoice that Stripe does not have.
    pub payment_intent: Option<String>,
    /// Another one than before, or than the customer's own.
    pub payment_method: Option<String>,
    /// Ends Stripe's own plan first.
    pub takes_over: bool,
    /// Which of the planned retries it is, where the clock asks for it. Not sent.
    pub number: Option<i64>,
}

impl InvoiceRetry {
    /// An invoice that Stripe does not have, it has no plan for.
    pub fn ends_stripes_plan(&self) -> bool {
        self.takes_over && self.payment_intent.is_none()
    }
}

/// Credits a customer's balance: the next invoice asks for less.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credit {
    pub customer: String,
    pub amount: i64,
    pub currency: String,
    pub description: Option<String>,
}

/// Evidence that is stored at Stripe and not submitted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceStage {
    pub dispute: String,
    /// Texts by Stripe's names of the fields.
    pub evidence: BTreeMap<String, String>,
    /// Fields about a person, which are read from Stripe right before they are sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from_stripe: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, EvidenceFile>,
    /// Fields that are left out on purpose: Stripe keeps what it is not told, also what it filled in by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

impl EvidenceStage {
    /// The fields that it stores.
    pub fn fields(&self) -> BTreeSet<EvidenceField> {
        let names = self.evidence.keys().chain(&self.from_stripe).chain(self.files.keys());
        names.filter_map(|name| EvidenceField::named(name)).collect()
    }
}

/// A file that is uploaded before the evidence is stored. The hash is of its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceFile {
    pub id: String,
    pub name: String,
    pub sha256: String,
}

/// Submits what an operation has stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceSubmit {
    pub dispute: String,
    /// The operation whose evidence it is: what was stored later is not submitted on this word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged: Option<String>,
    /// Though it lacks what the reason of the dispute requires: whoever asked for it said so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
}

/// The dispute is lost with that, for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisputeAccept {
    pub dispute: String,
}

/// What is stored is not what was approved, or no parameters at all. It is never sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    #[error("its parameters were changed after they were stored: their hash is another")]
    Changed,
    #[error("its parameters are of another kind, amount or currency than the operation")]
    Mismatched,
    #[error("its parameters cannot be read: {0}")]
    Unreadable(String),
    #[error("the approval was given to other parameters")]
    NotApproved,
    #[error("nobody who may has approved it, whatever its row says")]
    NotByWhomItSays,
}

impl Parameters {
    pub fn kind(&self) -> OperationKind {
        match self {
            Self::Refund(_) => OperationKind::Refund,
            Self::Charge(_) => OperationKind::Charge,
            Self::Capture(_) => OperationKind::Capture,
            Self::Cancel(_) => OperationKind::Cancel,
            Self::Subscribe(_) => OperationKind::Subscribe,
            Self::Unsubscribe(_) => OperationKind::Unsubscribe,
            Self::InvoiceRetry(_) => OperationKind::InvoiceRetry,
            Self::Credit(_) => OperationKind::Credit,
            Self::EvidenceStage(_) => OperationKind::EvidenceStage,
            Self::EvidenceSubmit(_) => OperationKind::EvidenceSubmit,
            Self::DisputeAccept(_) => OperationKind::DisputeAccept,
        }
    }

    /// The money that they name, where they name any.
    pub fn money(&self) -> Option<(i64, &str)> {
        match self {
            Self::Refund(Refund { amount, currency, .. })
            | Self::Charge(Charge { amount, currency, .. })
            | Self::Capture(Capture { amount, currency, .. })
            | Self::Credit(Credit { amount, currency, .. }) => Some((*amount, currency)),
            Self::Cancel(_)
            | Self::Subscribe(_)
            | Self::Unsubscribe(_)
            | Self::InvoiceRetry(_)
            | Self::EvidenceStage(_)
            | Self::EvidenceSubmit(_)
            | Self::DisputeAccept(_) => None,
        }
    }

    /// The payment method that is given for it.
    pub fn payment_method(&self) -> Option<&str> {
        match self {
            Self::Charge(Charge { payment_method, .. })
            | Self::Subscribe(Subscribe { payment_method, .. })
            | Self::InvoiceRetry(InvoiceRetry { payment_method, .. }) => payment_method.as_deref(),
            _ => None,
        }
    }

    /// As it is stored: names sorted, no spaces.
    pub fn stored(&self) -> String {
        let value = serde_json::to_value(self).expect("parameters are plain data");
        value.to_string()
    }

    /// What an approval binds to: SHA-256 of the stored text, in hex.
    pub fn hash_of(stored: &str) -> String {
        hex(&Sha256::digest(stored.as_bytes()))
    }

    /// Reads what was stored under this hash.
    pub fn read(stored: &str, hash: &str) -> Result<Self, Unsendable> {
        if Self::hash_of(stored) != hash {
            return Err(Unsendable::Changed);
        }
        serde_json::from_str(stored).map_err(|error| Unsendable::Unreadable(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refund(amount: i64) -> Parameters {
        Parameters::Refund(Refund {
            payment_intent: Some("pi_1".to_owned()),
            charge: None,
            amount,
            currency: "usd".to_owned(),
            reason: None,
        })
    }

    /// Rows of an older version must still be readable, and their approvals hold.
    #[test]
    fn what_is_stored_never_changes_its_form() {
        let stored = refund(1_999).stored();
        assert_eq!(
            stored,
            r#"{"amount":1999,"charge":null,"currency":"usd","kind":"refund","payment_intent":"pi_1","reason":null}"#
        );
        let hash = "261da6e1ac90ce3740175d1b909070e73ee74c818efcacdead46d11e8b81f96e";
        assert_eq!(Parameters::hash_of(&stored), hash);
        assert_eq!(Parameters::read(&stored, hash), Ok(refund(1_999)));
    }

    #[test]
    fn parameters_that_were_changed_or_are_not_known_are_never_read() {
        let (stored, other) = (refund(1_999).stored(), refund(2_999).stored());
        assert_eq!(Parameters::read(&other, &Parameters::hash_of(&stored)), Err(Unsendable::Changed));
        for text in [
            "",
            "{}",
            r#"{"kind":"refund"}"#,
            r#"{"kind":"refund","amount":1,"charge":null,"currency":"usd","payment_intent":"pi_1","reason":null,"more":1}"#,
            r#"{"kind":"payout","amount":1}"#,
        ] {
            let read = Parameters::read(text, &Parameters::hash_of(text));
            assert!(matches!(read, Err(Unsendable::Unreadable(_))), "{text}: {read:?}");
        }
    }
}
