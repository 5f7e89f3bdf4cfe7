//! What can go wrong on the way to Stripe and back.

use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks; nothing was done.
    CutBefore,
    /// It was done, and the connection breaks.
    CutAfter,
    /// Done, and answered late.
    Slow(Duration),
    /// Not done; answered with a 5xx.
    Trouble(u16),
    /// Done, and yet answered with this status and `Stripe-Should-Retry: false`, which its key keeps.
    TroubleAfter(u16),
    /// Not done; answered 429, with so many seconds to wait.
    Busy(u64),
    /// Not done; it waits at Stripe for one of the merchant's own people.
    ApprovalRequired,
    /// Done; half of the answer comes, as if it were whole.
    Malformed,
}
