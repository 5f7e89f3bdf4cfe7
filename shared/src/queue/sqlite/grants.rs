//! Grants on their way from the writer to the caller. If the caller is gone, they return by themselves, which
//! makes `receive` safe to drop at any moment.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::statements::Grant;
use crate::queue::Tag;

/// Grants that nobody has in hand yet.
pub(super) struct PendingGrants {
    grants: Vec<Grant>,
    returns: Arc<Returns>,
}

/// What came back unseen and waits for the writer; bounded by what is leased.
#[derive(Default)]
pub(super) struct Returns {
    tags: Mutex<Vec<Tag>>,
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
            self.returns.add(self.tags());
            self.returns.arrived.notify_one();
        }
    }
}

impl Returns {
    pub(super) fn add(&self, tags: Vec<Tag>) {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner).extend(tags);
    }

    pub(super) fn take(&self) -> Vec<Tag> {
        mem::take(&mut *self.tags.lock().unwrap_or_else(PoisonError::into_inner))
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
        assert_eq!(returns.take(), [tag]);
    }
}
