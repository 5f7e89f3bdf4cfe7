//! Which class an answer of Stripe is of: whether the request was done, and whether it may be sent again. Pure; the
//! table in its test is the contract.

use std::time::Duration;

pub use domain::operations::AnswerClass;

use super::answer::ErrorAnswer;

const APPROVAL_REQUIRED: &str = "approval_required";
const IDEMPOTENCY_ERROR: &str = "idempotency_error";
const KEY_IN_USE: &str = "idempotency_key_in_use";

/// The class of an answer that is no success.
pub(super) fn class_of(answer: &ErrorAnswer) -> AnswerClass {
    let says = |word: &str| [&answer.kind, &answer.code].into_iter().flatten().any(|said| said == word);
    match answer.status {
        _ if says(APPROVAL_REQUIRED) => AnswerClass::ApprovalRequired,
        // Another request, of anybody's, holds the object. Without a code it may be our own that runs.
        409 if answer.code.is_some() && !says(KEY_IN_USE) => AnswerClass::NotDone,
        409 => AnswerClass::TwinRuns,
        429 => AnswerClass::NotDone,
        401 => AnswerClass::KeyRevoked,
        // A dependency failed after the request had begun.
        424 => AnswerClass::Unknown,
        400..=499 if says(IDEMPOTENCY_ERROR) => AnswerClass::KeyReused,
        // Not Stripe's error, but that of something on the way.
        400..=499 if !answer.is_readable => AnswerClass::Unknown,
        400..=499 if answer.should_retry == Some(true) => AnswerClass::NotDone,
        400..=499 => AnswerClass::Refused,
        // 5xx above all, whatever `Stripe-Should-Retry` says: `false` means that the key would repeat the failure.
        _ => AnswerClass::Unknown,
    }
}

/// How long Stripe wants to be left alone.
pub(super) fn retry_after(answer: &ErrorAnswer) -> Option<Duration> {
    class_of(answer).may_repeat().then_some(answer.retry_after).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use AnswerClass::{ApprovalRequired, KeyReused, KeyRevoked, NotDone, Refused, TwinRuns, Unknown};

    /// Status, type, code, `Stripe-Should-Retry`, class. `-` is none.
    const TABLE: &[(u16, &str, &str, &str, AnswerClass)] = &[
        (400, "invalid_request_error", "-", "-", Refused),
        (400, "invalid_request_error", "charge_already_refunded", "false", Refused),
        (400, "invalid_request_error", "charge_disputed", "-", Refused),
        (402, "card_error", "card_declined", "-", Refused),
        (402, "card_error", "authentication_required", "false", Refused),
        (403, "invalid_request_error", "more_permissions_required", "-", Refused),
        (404, "invalid_request_error", "resource_missing", "-", Refused),
        (400, "api_error", "lock_timeout", "true", NotDone),
        (402, "card_error", "card_declined", "true", NotDone),
        (400, "idempotency_error", "-", "-", KeyReused),
        (400, "idempotency_error", "-", "true", KeyReused),
        (401, "invalid_request_error", "api_key_expired", "-", KeyRevoked),
        (401, "-", "-", "-", KeyRevoked),
        (409, "idempotency_error", "idempotency_key_in_use", "true", TwinRuns),
        (409, "invalid_request_error", "lock_timeout", "false", NotDone),
        (409, "idempotency_error", "-", "-", TwinRuns),
        (429, "invalid_request_error", "rate_limit", "-", NotDone),
        (429, "invalid_request_error", "lock_timeout", "-", NotDone),
        (429, "-", "-", "false", NotDone),
        (424, "api_error", "-", "-", Unknown),
        (424, "invalid_request_error", "-", "false", Unknown),
        (500, "api_error", "-", "-", Unknown),
        (500, "api_error", "-", "false", Unknown),
        (502, "-", "-", "true", Unknown),
        (503, "api_error", "-", "-", Unknown),
        (400, "-", "-", "-", Unknown),
        (404, "-", "-", "-", Unknown),
        (302, "-", "-", "-", Unknown),
        (400, "invalid_request_error", "approval_required", "-", ApprovalRequired),
        (403, "approval_required", "-", "-", ApprovalRequired),
        (200, "-", "approval_required", "-", ApprovalRequired),
    ];

    #[test]
    fn every_answer_has_its_class() {
        for (status, kind, code, should_retry, class) in TABLE {
            let word = |text: &str| (text != "-").then(|| text.to_owned());
            let answer = ErrorAnswer {
                status: *status,
                is_readable: *kind != "-",
                kind: word(kind),
                code: word(code),
                should_retry: match *should_retry {
                    "true" => Some(true),
                    "false" => Some(false),
                    _ => None,
                },
                ..ErrorAnswer::default()
            };
            assert_eq!(class_of(&answer), *class, "{answer:?}");
        }
    }
}
