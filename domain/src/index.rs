//! An index of links, so that a parent finds its children.

use std::collections::{BTreeMap, BTreeSet};

use super::Key;

/// What a child may hang on: at most one parent by each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    RefundOfCharge,
    RefundOfPayment,
    MovementOfDispute,
    DisputeOfCharge,
    FailureOfPayment,
    FailureOfInvoice,
    ChargeOfPayment,
    PaymentOfInvoice,
    PaymentByReference,
    PaymentOfCustomer,
    PaymentOfUser,
    InvoicePaymentOfInvoice,
    InvoicePaymentOfPayment,
    InvoiceOfSubscription,
    CustomerOfUser,
}

const LINKS: usize = Link::CustomerOfUser as usize + 1;

/// Every link of the objects in a graph, both ways.
#[derive(Clone, Debug, Default)]
pub(super) struct Links([Index; LINKS]);

/// The links of one sort.
#[derive(Clone, Debug, Default)]
struct Index {
    parents: BTreeMap<Key, Key>,
    children: BTreeMap<Key, BTreeSet<Key>>,
}

impl Links {
    /// The child hangs on this parent now, and on no other.
    pub(super) fn put(&mut self, link: Link, child: &Key, parent: Option<Key>) {
        let Index { parents, children } = &mut self.0[link as usize];
        if parents.get(child) == parent.as_ref() {
            return;
        }
        if let Some(old) = parents.remove(child) {
            children.entry(old).and_modify(|children| {
                children.remove(child);
            });
        }
        if let Some(parent) = parent {
            children.entry(parent.clone()).or_default().insert(child.clone());
            parents.insert(child.clone(), parent);
        }
    }

    /// The children of a parent.
    pub(super) fn of(&self, link: Link, parent: &Key) -> impl Iterator<Item = &Key> + Clone + use<'_> {
        self.0[link as usize].children.get(parent).into_iter().flatten()
    }
}
