//! What is answered about an operation that was asked for or decided: how it stands, and who has to do what next.

use domain::operations::{Operation, OperationKind, OperationState};
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::endpoint::Answered;
use crate::problem::{Code, Problem};

/// What is answered about an operation as it stands now. One that a rule refuses is kept, and is an error.
pub(super) fn came(status: StatusCode, operation: &Operation) -> Answered {
    if operation.state == OperationState::Refused {
        let message = operation.message.as_deref().unwrap_or("a rule refuses it");
        let code = operation.error_code.clone();
        return Err(Problem::new(Code::Refused, message)
            .with("operation", json!(operation))
            .with("reason", code));
    }
    let mut document = json!({"operation": operation});
    if operation.kind == OperationKind::Refund {
        document["refund"] = json!({"status": refund_status(operation), "id": operation.stripe_id});
    }
    if let Some(message) = &operation.message {
        document["message"] = json!(message);
    }
    if let Some(warning) = &operation.warning {
        document["warning"] = json!(warning);
    }
    let waits = |state| operation.state == state;
    document["requires_confirmation"] = json!(waits(OperationState::NeedsConfirmation));
    document["requires_approval"] = json!(waits(OperationState::NeedsApproval));
    if operation.state.is_waiting() && operation.kind == OperationKind::Refund {
        document["pending_refund"] = pending_refund(operation);
    }
    Ok(Answer::done(status, &document))
}

fn pending_refund(operation: &Operation) -> Value {
    json!({
        "operation": operation.id(),
        "payment": operation.payment,
        "amount": operation.amount,
        "currency": operation.currency,
        "reason": operation.reason,
    })
}

/// In one word, for programs that know refunds only. Stripe's own once there is one.
fn refund_status(operation: &Operation) -> &str {
    match operation.state {
        OperationState::NeedsConfirmation => "requires_confirmation",
        OperationState::NeedsApproval => "requires_approval",
        OperationState::Approved | OperationState::Executing => "pending",
        OperationState::Succeeded => operation.stripe_status.as_deref().unwrap_or("succeeded"),
        state => state.as_str(),
    }
}
