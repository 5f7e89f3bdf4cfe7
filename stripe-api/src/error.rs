//! Errors of calls to Stripe. What each means for a request is its class; Stripe's sentences are never part of the
//! error's text, because they may quote the key or the request.

use std::fmt;
use std::time::Duration;

use stripe_client_core::StripeClientErr;

use super::answer::ErrorAnswer;
use super::class::{AnswerClass, class_of, retry_after};

const FORBIDDEN: u16 = 403;
const MISSING: u16 = 404;
/// A connected account that has left, or was never there: nothing of the key's.
const ACCOUNT_INVALID: &str = "account_invalid";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StripeError {
    /// Stripe answered with an error.
    #[error("{}", shown(.0))]
    Answered(Box<ErrorAnswer>),
    #[error("Stripe did not answer within {} s", .0.as_secs())]
    Deadline(Duration),
    /// Nothing was sent.
    #[error("Stripe cannot be reached: {0}")]
    Unreachable(String),
    /// Nothing was sent to whoever shows this certificate.
    #[error(
        "what answers in Stripe's place is not trusted: {0}. Check STRIPE_API_URL, a proxy on the way, and this machine's root certificates and clock"
    )]
    Untrusted(String),
    /// The connection broke while a request or its answer was on the way.
    #[error("the connection to Stripe was lost: {0}")]
    Lost(String),
    #[error("Stripe's answer cannot be read: {0}")]
    Malformed(&'static str),
    #[error("Stripe's answer is larger than {} MiB", .0 / 1024 / 1024)]
    TooLarge(usize),
    /// Not sent: the last calls to this endpoint failed.
    #[error("not sent: {endpoint} failed several times in a row, and is tried again in {} s", .wait.as_secs().max(1))]
    Resting { endpoint: &'static str, wait: Duration },
    /// Not sent: too many calls were before it.
    #[error("not sent: its turn is {} s away. Raise STRIPE_RATE_PER_SEC if Stripe allows it", .0.as_secs().max(1))]
    Crowded(Duration),
    /// Not sent: Stripe could not take it.
    #[error("not sent: {0}")]
    Unsendable(&'static str),
    #[error("told to stop")]
    Stopped,
}

impl StripeError {
    pub fn class(&self) -> AnswerClass {
        match self {
            Self::Answered(answer) => class_of(answer),
            Self::Unreachable(_) | Self::Untrusted(_) | Self::Resting { .. } | Self::Crowded(_) => {
                AnswerClass::NotDone
            }
            Self::Unsendable(_) => AnswerClass::Refused,
            Self::Deadline(_) | Self::Lost(_) | Self::Malformed(_) | Self::TooLarge(_) | Self::Stopped => {
                AnswerClass::Unknown
            }
        }
    }

    pub fn answer(&self) -> Option<&ErrorAnswer> {
        match self {
            Self::Answered(answer) => Some(answer),
            _ => None,
        }
    }

    /// Time may heal it, and asking again does no harm.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Stopped | Self::TooLarge(_) | Self::Untrusted(_) => false,
            _ => self.class().may_repeat(),
        }
    }

    /// Stripe has no such object.
    pub fn is_missing(&self) -> bool {
        self.is_definite(MISSING)
    }

    /// The key is good, and may not do this, for whichever account.
    pub fn is_forbidden(&self) -> bool {
        self.is_definite(FORBIDDEN) && !self.is_account_gone()
    }

    /// The connected account has left the platform, or never belonged to it.
    pub fn is_account_gone(&self) -> bool {
        let is_of_account =
            self.answer().is_some_and(|answer| answer.code.as_deref() == Some(ACCOUNT_INVALID));
        self.is_definite(FORBIDDEN) && is_of_account
    }

    fn is_definite(&self, status: u16) -> bool {
        self.class() == AnswerClass::Refused && self.answer().is_some_and(|answer| answer.status == status)
    }

    /// How long Stripe wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answered(answer) => retry_after(answer),
            Self::Resting { wait, .. } | Self::Crowded(wait) => Some(*wait),
            _ => None,
        }
    }
}

fn shown(answer: &ErrorAnswer) -> String {
    let ErrorAnswer { status, .. } = answer;
    match class_of(answer) {
        AnswerClass::KeyRevoked => {
            format!(
                "Stripe refused the key ({status}): check STRIPE_SECRET_KEY, its mode and its permissions"
            )
        }
        AnswerClass::Refused if *status == FORBIDDEN => {
            format!(
                "Stripe refused the key ({status}): check STRIPE_SECRET_KEY, its mode and its permissions"
            )
        }
        AnswerClass::Refused if *status == MISSING => "Stripe has no such object".to_owned(),
        AnswerClass::TwinRuns | AnswerClass::NotDone | AnswerClass::Unknown => {
            format!("Stripe answered {status}: it is overloaded or has a problem")
        }
        _ => format!("Stripe refused the request ({status}, {})", answer.word()),
    }
}

impl StripeClientErr for StripeError {
    fn deserialize_err(_: impl fmt::Display) -> Self {
        Self::Malformed("it is not of the expected form")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_has_left_is_no_fault_of_the_key() {
        let forbidden = |code: &str| {
            let (kind, code) = (Some("invalid_request_error".to_owned()), Some(code.to_owned()));
            let answer = ErrorAnswer { status: 403, is_readable: true, kind, code, ..ErrorAnswer::default() };
            StripeError::Answered(Box::new(answer)).is_forbidden()
        };
        assert!(forbidden("more_permissions_required") && !forbidden("account_invalid"));
    }
}
