//! The merged objects that a set of events is about, and the one place where events are applied to them: merge
//! the observations, derive dependent fields, record the transitions.

mod billing;
mod dirty;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::dirty::Dirty;
use super::disputes::Dispute;
use super::freshness::Freshness;
use super::index::{Link, Links};
use super::invoices::Invoice;
use super::policy::Policy;
use super::tracked_rows::TrackedRows;
use super::{Key, Kind, Object, Observation, Transition, each_kind, with_kinds};

/// One event, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    pub observations: Vec<Observation>,
}

impl Event {
    /// Stripe's order, as far as stamps and ranks tell it.
    pub fn order_key(&self) -> Option<(DateTime<Utc>, Freshness)> {
        self.observations.first().map(|observation| (observation.at(), observation.freshness()))
    }
}

macro_rules! graph {
    (
        []
        reported { $($reported:ident: $reported_rows:ident, $reported_row:ty, $report:ty;)* }
        derived { $($derived:ident: $derived_rows:ident, $derived_row:ty;)* }
    ) => {
        /// Objects by key. What is not in here is a placeholder: a ledger loads all that its events may touch first.
        #[derive(Clone, Debug, Default)]
        pub struct ObjectGraph {
            policy: Arc<Policy>,
            $(pub $reported_rows: TrackedRows<$reported_row>,)*
            $(pub $derived_rows: TrackedRows<$derived_row>,)*
            links: Links,
            users_concerned: BTreeSet<Key>,
            customers_concerned: BTreeSet<Key>,
        }

        $(impl InGraph for $reported_row {
            fn rows(graph: &ObjectGraph) -> &TrackedRows<Self> {
                &graph.$reported_rows
            }

            fn rows_mut(graph: &mut ObjectGraph) -> &mut TrackedRows<Self> {
                &mut graph.$reported_rows
            }
        })*

        $(impl InGraph for $derived_row {
            fn rows(graph: &ObjectGraph) -> &TrackedRows<Self> {
                &graph.$derived_rows
            }

            fn rows_mut(graph: &mut ObjectGraph) -> &mut TrackedRows<Self> {
                &mut graph.$derived_rows
            }
        })*

        impl ObjectGraph {
            /// Merges what is told of one object, and follows its links.
            fn merge_report(&mut self, observation: &Observation) {
                match observation {
                    $(Observation::$reported(report) => {
                        self.$reported_rows.change(&report.key, |row| row.merge(report));
                        self.relink::<$reported_row>(&report.key);
                    })*
                }
            }
        }
    };
}
with_kinds!((graph));

/// An object that has its place in an object graph.
pub trait InGraph: Object {
    fn rows(graph: &ObjectGraph) -> &TrackedRows<Self>;
    fn rows_mut(graph: &mut ObjectGraph) -> &mut TrackedRows<Self>;
}

impl ObjectGraph {
    pub fn new(policy: Arc<Policy>) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Merges what the event says, derives what hangs on it, and tells what the audit keeps.
    pub fn apply(&mut self, event: &Event) -> Vec<Transition> {
        let dirty = self.merge_all(event);
        self.derive(&dirty);
        self.concern(dirty);
        let mut transitions = Vec::new();
        each_kind!(|Row| Row::rows_mut(self).record_changes(&event.id, &mut transitions));
        transitions
    }

    /// Merges what the event says and notes whom that concerns. Nothing is derived, for that is told by links, and by what
    /// the ledger had derived.
    pub fn rehearse(&mut self, event: &Event) {
        let dirty = self.merge_all(event);
        self.concern(dirty);
    }

    fn merge_all(&mut self, event: &Event) -> Dirty {
        let mut dirty = Dirty::default();
        for observation in &event.observations {
            // The owners that an object leaves, and those that it comes to.
            self.mark(observation, &mut dirty);
            self.merge(observation);
            self.mark(observation, &mut dirty);
        }
        dirty
    }

    fn concern(&mut self, dirty: Dirty) {
        self.users_concerned.extend(dirty.users);
        self.customers_concerned.extend(dirty.customers);
    }

    /// The users whose disputes the events so far touched, the former ones too.
    pub fn users_concerned(&self) -> &BTreeSet<Key> {
        &self.users_concerned
    }

    /// The customers whom a payment named while it was disputed, however briefly among the events so far: a charge
    /// that comes to another payment takes its disputes along.
    pub fn customers_concerned(&self) -> &BTreeSet<Key> {
        &self.customers_concerned
    }

    /// Takes in a row as the ledger has it; what is here already stays.
    pub fn load<T: InGraph>(&mut self, row: T) {
        let key = row.key().clone();
        if T::rows(self).has(&key) {
            return;
        }
        T::rows_mut(self).load(row);
        self.relink::<T>(&key);
    }

    fn relink<T: InGraph>(&mut self, key: &Key) {
        // Beside the rows, so that one is read while the other is written.
        let mut links = std::mem::take(&mut self.links);
        if let Some(row) = T::rows(self).get(key) {
            row.links(&mut |link, parent| links.put(link, key, parent));
        }
        self.links = links;
    }

    fn merge(&mut self, observation: &Observation) {
        self.merge_report(observation);
        match observation {
            Observation::Payment(report) => self.count_payment(&report.key),
            Observation::Invoice(report) => self.count_awaiting_payments(&report.key),
            _ => {}
        }
    }

    /// Derives from below upwards, each once: what a parent derives hangs on what its children have derived.
    fn derive(&mut self, dirty: &Dirty) {
        for key in &dirty.disputes {
            let movements = self.movements.among(self.links.of(Link::MovementOfDispute, key));
            self.disputes.change(key, |row| row.derive(movements));
        }
        for key in &dirty.charges {
            let refunds = self.refunds.among(self.links.of(Link::RefundOfCharge, key));
            let disputes = self.disputes.among(self.links.of(Link::DisputeOfCharge, key));
            self.charges.change(key, |row| row.derive(refunds, disputes));
        }
        for key in &dirty.payments {
            let charges = self.charges.among(self.links.of(Link::ChargeOfPayment, key));
            let refunds = self.refunds.among(self.links.of(Link::RefundOfPayment, key));
            let failures = self.failures.among(self.links.of(Link::FailureOfPayment, key));
            self.payments.change(key, |row| row.derive(charges, refunds, failures));
        }
        for key in &dirty.invoices {
            let mut derived =
                self.invoices.get(key).cloned().unwrap_or_else(|| Invoice::placeholder(key.clone()));
            derived.derive(&self.parts_of_invoice(key), &self.policy);
            self.invoices.change(key, |row| *row = derived);
        }
        for key in &dirty.users {
            let disputes: Vec<Dispute> = self.disputes_of_user(key).cloned().collect();
            self.bans.change(key, |row| row.derive(disputes.iter(), &self.policy));
        }
    }

    /// Every object that says something, as its row, without revisions: how many steps led here depends on
    /// the order. A row that only was touched says nothing.
    pub fn state(&self) -> BTreeMap<(Kind, Key), serde_json::Value> {
        let mut state = BTreeMap::new();
        each_kind!(|Row| {
            for row in Row::rows(self).non_placeholders() {
                let value = serde_json::to_value(&row).expect("a row is plain text, numbers and moments");
                state.insert((Row::KIND, row.key().clone()), value);
            }
        });
        state
    }

    /// Whether both have the same `state`.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let mut is_same = true;
        each_kind!(|Row| is_same &= Row::rows(self).is_same_as(Row::rows(other)));
        is_same
    }
}
