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
    /// Not done; answered 429, with so many seconds to wait.
    Busy(u64),
    /// Done; half of the answer comes, as if it were whole.
    Malformed,
}
