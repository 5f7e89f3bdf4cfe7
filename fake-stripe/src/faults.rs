//! What can go wrong on the way to Stripe and back, and which request it happens to.

use std::collections::VecDeque;
use std::time::Duration;

use crate::call::Call;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks; nothing was done.
    CutBefore,
    /// The connection breaks while it is being done: for so long its key is in use, and then it is done.
    CutDuring(Duration),
    /// It was done, and the connection breaks.
    CutAfter,
    /// Its key is in use for so long; then it is done and answered.
    Slow(Duration),
    /// Not done; answered with a 5xx, which its key keeps.
    Trouble(u16),
    /// Done, and yet answered with this status and `Stripe-Should-Retry: false`, which its key keeps.
    TroubleAfter(u16),
    /// Not done; answered 429 `rate_limit`, with so many seconds to wait.
    Busy(u64),
    /// Not done; answered 429 `lock_timeout`: another request holds the object.
    LockTimeout,
    /// Not done; it waits at Stripe for one of the merchant's own people, who may approve it later.
    ApprovalRequired,
    /// Done; half of the answer comes, as if it were whole.
    Malformed,
}

#[derive(Default)]
pub(crate) struct Faults(VecDeque<Planned>);

struct Planned {
    /// The method and the beginning of the path, as `POST /v1/refunds`; empty is any request.
    at: String,
    fault: Fault,
}

impl Faults {
    pub(crate) fn plan(&mut self, at: &str, faults: impl IntoIterator<Item = Fault>) {
        self.0.extend(faults.into_iter().map(|fault| Planned { at: at.to_owned(), fault }));
    }

    /// The first that is planned for such a request.
    pub(crate) fn next(&mut self, call: &Call) -> Option<Fault> {
        let asked = format!("{} /v1{}", call.method, call.path);
        let place = self.0.iter().position(|planned| asked.starts_with(&planned.at))?;
        self.0.remove(place).map(|planned| planned.fault)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Fault {
    /// The names of the admin's path. `length` is in milliseconds, seconds or a status, as the fault needs it.
    pub(crate) fn named(name: &str, length: Option<u64>) -> Option<Self> {
        let millis = Duration::from_millis(length.unwrap_or(2_000));
        let status = u16::try_from(length.unwrap_or(500)).ok()?;
        Some(match name {
            "cut_before" => Self::CutBefore,
            "cut_during" => Self::CutDuring(millis),
            "cut_after" => Self::CutAfter,
            "slow" => Self::Slow(millis),
            "trouble" => Self::Trouble(status),
            "trouble_after" => Self::TroubleAfter(status),
            "rate_limit" => Self::Busy(length.unwrap_or(1)),
            "lock_timeout" => Self::LockTimeout,
            "approval_required" => Self::ApprovalRequired,
            "malformed" => Self::Malformed,
            _ => return None,
        })
    }
}
