//! Grants on their way from the writer to the caller. If the caller is gone, they return by themselves, which
//! makes `receive` safe to drop at any moment.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::statements::Grant;
use crate::queue::{Settle, Tag};

/// Grants that nobody has in hand yet.
pub(super) struct PendingGrants {
    grants: Vec<Grant>,
    returns: Arc<Returns>,
}

/// What is to be settled although nobody waits for it: grants that came back unseen, and settlements that could not be
/// written, whose leases this living process would keep for ever. Bounded by what is leased.
#[derive(Default)]
pub(super) struct Returns {
    settlements: Mutex<Vec<(Tag, Settle)>>,
    pub arrived: Notify,
}

impl PendingGrants {
    pub(super) fn new(grants: Vec<Grant>, returns: &Arc<Returns>) -> Self {
        Self { grants, returns: Arc::clone(returns) }
    }

    pub(super) fn tags(&self) -> Vec<Tag> {
        self.grants.iter().map(|grant| grant.tag).collect()
    }

    /// They have reached the caller, which settles them from now on.
    pub(super) fn hand_over(mut self) -> Vec<Grant> {
        mem::take(&mut self.grants)
    }
}

impl Drop for PendingGrants {
    fn drop(&mut self) {
        if !self.grants.is_empty() {
            self.returns.add(self.tags().into_iter().map(|tag| (tag, Settle::Release)).collect());
            self.returns.arrived.notify_one();
        }
    }
}

impl Returns {
    pub(super) fn add(&self, settlements: Vec<(Tag, Settle)>) {
        self.settlements.lock().unwrap_or_else(PoisonError::into_inner).extend(settlements);
    }

    pub(super) fn take(&self) -> Vec<(Tag, Settle)> {
        mem::take(&mut *self.settlements.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_took_goes_back_and_what_was_taken_does_not() {
        let returns = Arc::new(Returns::default());
        let tag = Tag { scope: 1, number: 1, part: 0 };
        let lease = || PendingGrants::new(vec![Grant { tag, redelivered: false }], &returns);
        assert_eq!(lease().hand_over().len(), 1);
        assert!(returns.take().is_empty());
        drop(lease());
        assert_eq!(returns.take(), [(tag, Settle::Release)]);
    }
}
