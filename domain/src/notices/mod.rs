//! Notices: what people and programs are to be told. Each is a row, written in the transaction that makes it true and
//! unique by kind, object and number, so that no repetition tells anything twice.

pub mod by_time;
pub mod changes;
pub mod delivery;
pub mod from_objects;
mod operation;
pub mod samples;
mod target;
#[cfg(test)]
mod tests;
pub mod texts;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

pub use self::changes::of_batch;
pub use self::operation::of_operation;
pub use self::target::{
    BadTarget, CUSTOMER, Channel, EXCHANGE, NewTarget, Target, TargetState, checked, is_mail_address,
};
use super::row::{row, words};
use super::{Key, Severity, audit_chain};

/// What is older than this when it is learned is noted and not sent: a ledger that is filled from months of events
/// tells nobody of them.
pub const MAX_AGE: TimeDelta = TimeDelta::days(3);
/// The object of an incident.
pub const INCIDENT: &str = "incident";

words! {
    pub enum NoticeKind {
        PaymentChanged = "payment.changed",
        PaymentAttemptFailed = "payment.attempt_failed",
        InvoiceChanged = "invoice.changed",
        RefundChanged = "refund.changed",
        DisputeChanged = "dispute.changed",
        SubscriptionChanged = "subscription.changed",
        PayoutChanged = "payout.changed",
        BanChanged = "ban.changed",
        OperationChanged = "operation.changed",
        GoodsChanged = "goods.changed",
        Dunning = "invoice.dunning",
        RefundMade = "refund.made",
        RefundCorrected = "refund.corrected",
        RefundRejected = "refund.rejected",
        CardExpires = "card.expires",
        ApprovalWanted = "operation.approval_wanted",
        DisputeOpened = "dispute.opened",
        EvidenceDue = "dispute.evidence_due",
        EvidenceOverdue = "dispute.evidence_overdue",
        FraudWarning = "payment.fraud_warning",
        IncidentOpened = "incident.opened",
        Test = "test",
    }
}

words! {
    /// Who writes to a customer whose payment failed. Of the merchant's own invoices only we can.
    pub enum Dunning {
        Stripe = "stripe",
        Tidegate = "tidegate",
        Off = "off",
    }
}

/// Whom a kind of notice is written for. Whoever wants it may have it, but a customer's own text goes to customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Programs,
    Customers,
    Staff,
}

impl NoticeKind {
    pub fn audience(self) -> Audience {
        match self {
            Self::PaymentChanged
            | Self::PaymentAttemptFailed
            | Self::InvoiceChanged
            | Self::RefundChanged
            | Self::DisputeChanged
            | Self::SubscriptionChanged
            | Self::PayoutChanged
            | Self::BanChanged
            | Self::OperationChanged
            | Self::GoodsChanged => Audience::Programs,
            Self::Dunning
            | Self::RefundMade
            | Self::RefundCorrected
            | Self::RefundRejected
            | Self::CardExpires => Audience::Customers,
            Self::ApprovalWanted
            | Self::DisputeOpened
            | Self::EvidenceDue
            | Self::EvidenceOverdue
            | Self::FraudWarning
            | Self::IncidentOpened
            | Self::Test => Audience::Staff,
        }
    }
}

row! {
    pub struct Notice {
        /// Its own id, which is made from kind, object and number; account and mode are the object's.
        #[serde(flatten)]
        pub key: Key,
        pub kind: NoticeKind,
        pub object_kind: String,
        pub object_id: String,
        /// Which of its kind it is: the object's revision, the second reminder, the days that are left.
        pub number: i64,
        pub severity: Severity,
        /// When it came true, as Stripe states it.
        pub occurred_at: DateTime<Utc>,
        pub noted_at: DateTime<Utc>,
        /// Too old when it was learned: kept, and sent to nobody.
        pub is_old: bool,
        /// Ids, amounts and statuses, as a JSON object; no personal data.
        #[serde(skip)]
        pub data: String,
    }
}

/// What a notice is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub object_kind: &'static str,
    pub object: &'a Key,
    pub number: i64,
    pub occurred_at: DateTime<Utc>,
}

/// Who is told what: of notices for programs those that somebody wants, of the others all, each once and in order of
/// ids, and a delivery for each that is not old and each target that wants it.
pub fn routed(mut notices: Vec<Notice>, targets: &[Target]) -> (Vec<Notice>, Vec<delivery::Delivery>) {
    notices.sort_by(|a, b| a.key.id.cmp(&b.key.id));
    notices.dedup_by(|a, b| a.key.id == b.key.id);
    notices.retain(|notice| {
        notice.kind.audience() != Audience::Programs || targets.iter().any(|target| target.wants(notice))
    });
    let of_notice = |notice: &Notice| -> Vec<delivery::Delivery> {
        let wanting = targets.iter().filter(|target| !notice.is_old && target.wants(notice));
        wanting.map(|target| delivery::Delivery::of(notice.id(), target, notice.noted_at)).collect()
    };
    let deliveries = notices.iter().flat_map(of_notice).collect();
    (notices, deliveries)
}

impl Notice {
    pub fn new(
        kind: NoticeKind,
        severity: Severity,
        about: About<'_>,
        data: &Value,
        now: DateTime<Utc>,
    ) -> Self {
        let About { object_kind, object, number, occurred_at } = about;
        Self {
            key: object.sibling(&id_of(kind, object_kind, object, number)),
            kind,
            object_kind: object_kind.to_owned(),
            object_id: object.id.clone(),
            number,
            severity,
            occurred_at,
            noted_at: now,
            is_old: occurred_at < now - MAX_AGE,
            data: data.to_string(),
        }
    }

    pub fn id(&self) -> &str {
        &self.key.id
    }

    pub fn object(&self) -> Key {
        self.key.sibling(&self.object_id)
    }

    /// What it says, by name.
    pub fn data(&self) -> Map<String, Value> {
        match serde_json::from_str(&self.data) {
            Ok(Value::Object(data)) => data,
            _ => Map::new(),
        }
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.data().get(name).and_then(Value::as_str).map(str::to_owned)
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        self.data().get(name).and_then(Value::as_i64)
    }

    /// What programs receive: the same bytes each time it is sent.
    pub fn body(&self) -> String {
        let Key { account, livemode, .. } = &self.key;
        json!({
            "id": self.id(),
            "type": self.kind,
            "timestamp": self.occurred_at,
            "severity": self.severity.as_str(),
            "number": self.number,
            "object": {"kind": self.object_kind, "id": self.object_id, "account": account, "livemode": livemode},
            "data": self.data(),
        })
        .to_string()
    }
}

/// The id of a notice. It is a function of what makes it unique, so the same notice has the same id for ever, in a
/// ledger that was made anew, too.
fn id_of(kind: NoticeKind, object_kind: &str, object: &Key, number: i64) -> String {
    let mut hasher = Sha256::new();
    audit_chain::put(&mut hasher, Some(b"tidegate notice"));
    for text in [kind.as_str(), object_kind, &object.id, &object.account] {
        audit_chain::put(&mut hasher, Some(text.as_bytes()));
    }
    audit_chain::put(&mut hasher, Some(&[u8::from(object.livemode)]));
    audit_chain::put(&mut hasher, Some(&number.to_be_bytes()));
    format!("ntc_{}", envelope::hex::hex(&hasher.finalize()[..16]))
}
