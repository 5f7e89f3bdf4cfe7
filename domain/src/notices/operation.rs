//! The notices of an operation's step: for programs each of them, for staff that an approval is wanted, and for a
//! customer that a refund was rejected.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{About, Notice, NoticeKind};
use crate::operations::{NAME, Operation, OperationKind, OperationState};
use crate::{AuditChange, Severity};

/// What the audit calls a step to another state.
const STATE: &str = "state";

/// `change` is what the audit tells of the step; the operation stands as it is after it.
pub fn of_operation(operation: &Operation, change: &AuditChange, now: DateTime<Utc>) -> Vec<Notice> {
    let Operation { key, kind, state, amount, currency, payment, customer, subject_kind, subject_id, .. } =
        operation;
    let data = json!({"operation_kind": kind.as_str(), "before": change.before, "after": state.as_str(),
        "amount": amount, "currency": currency, "payment": payment, "customer": customer,
        "subject_kind": subject_kind, "subject_id": subject_id, "requested_by": operation.requested_by,
        "reason": operation.reason.as_str(), "stripe_id": operation.stripe_id, "expires_at": operation.expires_at});
    let about = About { object_kind: NAME, object: key, number: operation.revision, occurred_at: now };
    let told = |kind, severity| Notice::new(kind, severity, about, &data, now);
    let mut notices = vec![told(NoticeKind::OperationChanged, change.severity)];
    // An act that was refused changes nothing: whoever was told of the state has been told.
    if change.what != STATE {
        return notices;
    }
    match state {
        OperationState::NeedsApproval => notices.push(told(NoticeKind::ApprovalWanted, Severity::Warning)),
        OperationState::Rejected if *kind == OperationKind::Refund => {
            notices.push(told(NoticeKind::RefundRejected, Severity::Info));
        }
        _ => {}
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_that_was_refused_sends_no_letter_again() {
        for (state, letter) in [
            (OperationState::NeedsApproval, NoticeKind::ApprovalWanted),
            (OperationState::Rejected, NoticeKind::RefundRejected),
        ] {
            let operation = Operation { state, kind: OperationKind::Refund, ..Operation::default() };
            let told = |what| {
                let change = AuditChange { what, before: None, after: None, severity: Severity::Info };
                let notices = of_operation(&operation, &change, DateTime::UNIX_EPOCH);
                notices.iter().any(|notice| notice.kind == letter)
            };
            assert_eq!((told(STATE), told("denied")), (true, false), "{state:?}");
        }
    }
}
