//! What an answer of Stripe means for the request that it answers: whether it was done, and whether and how it
//! may be sent again. Pure; the table in its test is the contract.

use std::time::Duration;

use super::answer::ErrorAnswer;

/// What to make of an answer, or of none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnswerClass {
    /// Done, though its object may still be `pending`.
    Done,
    /// Definitely not done. Only a new decision, under a new key, may try again.
    Refused,
    /// The API key is not accepted: every other request will be answered alike.
    KeyRevoked,
    /// A request under the same idempotency key is still running: send the same key later.
    TwinRuns,
    /// Not done, and nothing speaks against it: send the same key later.
    NotDone,
    /// It may have been done. Send the same key within 23 h, or look the object up.
    Unknown,
    /// The idempotency key was used for another request, which may have been done: look it up, never take a fresh
    /// key.
    KeyReused,
    /// It waits for the merchant's approval at Stripe and may be executed later: never send it anew.
    ApprovalRequired,
}

impl AnswerClass {
    pub const ALL: &[Self] = &[
        Self::Done,
        Self::Refused,
        Self::KeyRevoked,
        Self::TwinRuns,
        Self::NotDone,
        Self::Unknown,
        Self::KeyReused,
        Self::ApprovalRequired,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::KeyRevoked => "key_revoked",
            Self::TwinRuns => "twin_runs",
            Self::NotDone => "not_done",
            Self::Unknown => "unknown",
            Self::KeyReused => "key_reused",
            Self::ApprovalRequired => "approval_required",
        }
    }

    /// Time may heal it, and the same request under the same key does no harm.
    pub fn may_repeat(self) -> bool {
        matches!(self, Self::TwinRuns | Self::NotDone | Self::Unknown)
    }
}

const APPROVAL_REQUIRED: &str = "approval_required";
const IDEMPOTENCY_ERROR: &str = "idempotency_error";

/// The class of an answer that is no success.
pub(super) fn class_of(answer: &ErrorAnswer) -> AnswerClass {
    let says = |word: &str| [&answer.kind, &answer.code].into_iter().flatten().any(|said| said == word);
    match answer.status {
        _ if says(APPROVAL_REQUIRED) => AnswerClass::ApprovalRequired,
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
        (409, "invalid_request_error", "lock_timeout", "false", TwinRuns),
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

    #[test]
    fn only_what_is_not_settled_may_be_repeated() {
        let repeatable: Vec<&str> =
            AnswerClass::ALL.iter().filter(|class| class.may_repeat()).map(|class| class.as_str()).collect();
        assert_eq!(repeatable, ["twin_runs", "not_done", "unknown"]);
    }
}
