//! Why a customer gets no checkout.

use ledger::LedgerError;
use stripe_api::StripeError;

/// Nothing was handed on, and why.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    #[error("this console has no key of Stripe's API: set STRIPE_SECRET_KEY")]
    NoKey,
    #[error("the key of Stripe's API is of {} mode, and this is of the other", if *.livemode { "live" } else { "test" })]
    OtherMode { livemode: bool },
    #[error("user {user} is banned")]
    Banned { user: String },
    #[error("user {user} is blocked: {reason}")]
    Blocked { user: String, reason: String },
    #[error("checkout is closed: {reason}")]
    Closed { reason: String },
    #[error("it is paid already, or being paid: look at it again in a moment")]
    Paid,
    #[error("its price changed while it was asked for: ask again")]
    Moved,
    #[error("Stripe refuses it ({code})")]
    Refused { code: String },
    #[error("Stripe does not answer: ask again, nothing is charged twice")]
    Unavailable(#[source] StripeError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl NotOpened {
    /// For programs: never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoKey => "no_stripe_key",
            Self::OtherMode { .. } => "other_mode",
            Self::Banned { .. } => "user_banned",
            Self::Blocked { .. } => "user_blocked",
            Self::Closed { .. } => "checkout_closed",
            Self::Paid => "already_paid",
            Self::Moved => "price_changed",
            Self::Refused { .. } => "refused_by_stripe",
            Self::Unavailable(_) => "stripe_unavailable",
            Self::Ledger(_) => "ledger_unavailable",
        }
    }
}
