//! A sample of each message, for the preview and the tests.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::clock::Incident;
use super::texts::Facts;
use super::{About, Notice, NoticeKind, clock};
use crate::{Key, Severity};

/// One sample of each template, by its name.
pub fn all(now: DateTime<Utc>) -> Vec<(&'static str, Notice)> {
    let invoice =
        json!({"amount": 1999, "currency": "usd", "invoice_number": "A-1042", "customer": "cus_123"});
    let refund = json!({"amount": 1999, "currency": "usd", "charge": "ch_123"});
    let dispute = json!({"amount": 12_500, "currency": "eur", "reason": "fraudulent", "charge": "ch_123", "days": 3,
        "respond_by": now + TimeDelta::days(3)});
    let operation = json!({"operation_kind": "refund", "amount": 650_000, "currency": "usd", "requested_by": "jane",
        "reason": "requested_by_customer", "subject_kind": "payment", "subject_id": "pi_123",
        "expires_at": now + TimeDelta::days(7)});
    let card = json!({"customer": "cus_123", "last4": "4242", "exp_month": 12, "exp_year": 2026});
    let warning = json!({"fraud_type": "made_with_stolen_card", "charge": "ch_123", "amount": 4_900, "currency": "gbp"});
    let changed = json!({"before": "processing", "after": "succeeded", "amount": 1999, "currency": "usd"});
    let sample = |kind, object_kind, id: &str, number, data: &Value| {
        let object = Key { id: id.to_owned(), account: String::new(), livemode: true };
        let about = About { object_kind, object: &object, number, occurred_at: now };
        Notice::new(kind, Severity::Info, about, data, now)
    };
    vec![
        ("dunning_1", sample(NoticeKind::Dunning, "invoice", "in_123", 1, &invoice)),
        ("dunning_2", sample(NoticeKind::Dunning, "invoice", "in_123", 2, &invoice)),
        ("dunning_3", sample(NoticeKind::Dunning, "invoice", "in_123", 3, &invoice)),
        ("refund_made", sample(NoticeKind::RefundMade, "refund", "re_123", 1, &refund)),
        ("refund_corrected", sample(NoticeKind::RefundCorrected, "refund", "re_123", 1, &refund)),
        ("refund_rejected", sample(NoticeKind::RefundRejected, "operation", "op_123", 1, &operation)),
        ("card_expires", sample(NoticeKind::CardExpires, "customer", "cus_123", 202_612, &card)),
        ("approval_wanted", sample(NoticeKind::ApprovalWanted, "operation", "op_123", 1, &operation)),
        ("dispute_opened", sample(NoticeKind::DisputeOpened, "dispute", "dp_123", 1, &dispute)),
        ("evidence_due", sample(NoticeKind::EvidenceDue, "dispute", "dp_123", 3, &dispute)),
        ("evidence_overdue", sample(NoticeKind::EvidenceOverdue, "dispute", "dp_123", 0, &dispute)),
        ("fraud_warning", sample(NoticeKind::FraudWarning, "warning", "issfr_123", 1, &warning)),
        ("incident", clock::of_incident(Incident::DeadLetters, 12, now)),
        ("changed", sample(NoticeKind::PaymentChanged, "payment", "pi_123", 2, &changed)),
        ("test", sample(NoticeKind::Test, "target", "oncall", 1, &json!({}))),
    ]
}

/// What a sample is shown with.
pub fn facts(now: DateTime<Utc>) -> Facts {
    Facts {
        merchant: "Example Shop".to_owned(),
        link: Some("https://invoice.stripe.com/i/acct_1/test_123".to_owned()),
        next_attempt_at: Some(now + TimeDelta::days(3)),
        owed: None,
        unsubscribe: None,
        console: Some("https://tidegate.example/show/dp_123".to_owned()),
    }
}
