//! What an operation keeps of an error of Stripe's.

use domain::operations::{AnswerClass, Fault};
use stripe_api::StripeError;

/// What is kept of an error, in Stripe's words where it is the request that is wrong.
pub(super) fn fault_of(error: &StripeError) -> Fault {
    let class = error.class();
    let answer = error.answer();
    let said = answer.and_then(|answer| answer.message.clone());
    let text = match class {
        AnswerClass::ApprovalRequired => {
            let place = answer.and_then(|answer| answer.approval_request.clone());
            format!(
                "Stripe holds it until the merchant approves it in Stripe's dashboard{}",
                place.map(|id| format!(" ({id})")).unwrap_or_default()
            )
        }
        AnswerClass::KeyReused => {
            "Stripe knows its idempotency key with other parameters, so an earlier request may have been done"
                .to_owned()
        }
        AnswerClass::Refused => {
            said.map_or_else(|| error.to_string(), |said| format!("Stripe refused it: {said}"))
        }
        _ => error.to_string(),
    };
    Fault {
        class: class.to_string(),
        code: answer.map(|answer| answer.word().to_owned()),
        text,
        stripe_id: answer.and_then(|answer| answer.payment_intent.as_ref()).map(|intent| intent.id.clone()),
        request_id: answer.and_then(|answer| answer.request_id.clone()),
    }
}
