//! Errors of calls to Stripe: retry, ask differently, or tell people. Stripe's own words are never repeated,
//! because they may quote the key or the request.

use std::fmt;
use std::time::Duration;

use stripe_client_core::StripeClientErr;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StripeError {
    #[error("Stripe did not answer within {} s", .0.as_secs())]
    Deadline(Duration),
    #[error("Stripe cannot be reached: {0}")]
    Unreachable(String),
    /// 429, 409 or 5xx.
    #[error("Stripe answered {status}: it is overloaded or has a problem")]
    Busy { status: u16, retry_after: Option<Duration> },
    #[error("Stripe refused the key ({status}): check STRIPE_SECRET_KEY, its mode and its permissions")]
    Key { status: u16 },
    #[error("Stripe has no such object")]
    Missing,
    #[error("Stripe refused the request ({status}, {code})")]
    Refused { status: u16, code: String },
    #[error("Stripe's answer cannot be read: {0}")]
    Malformed(&'static str),
    #[error("told to stop")]
    Stopped,
}

impl StripeError {
    /// Time may heal it, and asking again does no harm.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Deadline(_) | Self::Unreachable(_) | Self::Busy { .. } | Self::Malformed(_))
    }

    /// How long Stripe wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl StripeClientErr for StripeError {
    fn deserialize_err(_: impl fmt::Display) -> Self {
        Self::Malformed("it is not of the expected form")
    }
}
