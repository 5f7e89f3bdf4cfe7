//! What a batch of events made true, in numbers for those who watch: counted where the merged objects changed,
//! so that neither a repetition nor a replay nor a second event about the same thing counts twice.

use std::collections::BTreeMap;

use super::disputes::{self, Dispute};
use super::invoices::{self, Invoice};
use super::payments::{Payment, Refunded};
use super::refunds::Refund;
use super::shelf::Shelf;
use super::statuses;
use super::world::World;
use super::{Object, Transition};

/// So many failed attempts at one invoice's payment are for a person to look at.
const MANY_FAILURES: i64 = 3;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Steps to a status, by kind, status and mode, as in the audit.
    pub moved: BTreeMap<(&'static str, &'static str, bool), u64>,
    /// Failed attempts to pay, by mode.
    pub failed_attempts: BTreeMap<bool, u64>,
    /// Payments of which something was refunded for the first time.
    pub refunded: BTreeMap<bool, u64>,
    /// Disputes heard of for the first time; an inquiry counts when it becomes one.
    pub disputes_opened: BTreeMap<bool, u64>,
    /// Invoices that came to three failed attempts, and are not paid.
    pub failed_thrice: BTreeMap<bool, u64>,
    /// Objects that came to a status of Stripe's that no rule knows, by kind.
    pub unknown_statuses: BTreeMap<&'static str, u64>,
}

impl Facts {
    /// What applying events to this world came to.
    pub fn of(world: &World, transitions: &[Transition]) -> Self {
        let mut facts = Self::default();
        for Transition { kind, key, told, .. } in transitions {
            match (told.what, told.after.as_deref()) {
                ("status", Some(after)) => {
                    *facts.moved.entry((kind, statuses::label(kind, after), key.livemode)).or_default() += 1;
                }
                ("failed attempt", _) => *facts.failed_attempts.entry(key.livemode).or_default() += 1,
                _ => {}
            }
        }
        facts.refunded = arose(&world.payments, |payment: &Payment| payment.refunded != Refunded::None);
        facts.disputes_opened = arose(&world.disputes, is_opened);
        facts.failed_thrice = arose(&world.invoices, has_failed_thrice);
        facts.note_unknown(&world.payments, |row| &row.state.status);
        facts.note_unknown(&world.charges, |row| &row.state.status);
        facts.note_unknown(&world.refunds, |row: &Refund| &row.state.status);
        facts.note_unknown(&world.disputes, |row| &row.state.stripe_status);
        facts.note_unknown(&world.invoices, |row| row.state.stripe_status.as_deref().unwrap_or_default());
        facts.note_unknown(&world.subscriptions, |row| &row.state.status);
        facts
    }

    fn note_unknown<T: Object>(&mut self, rows: &Shelf<T>, status: impl Fn(&T) -> &str) {
        for (before, after) in rows.steps() {
            if status(before) != status(after) && !statuses::is_known(T::KIND, status(after)) {
                *self.unknown_statuses.entry(T::KIND).or_default() += 1;
            }
        }
    }
}

/// Of how many rows something is true that was not true before, by mode.
fn arose<T: Object>(shelf: &Shelf<T>, is_true: impl Fn(&T) -> bool) -> BTreeMap<bool, u64> {
    let mut counts = BTreeMap::new();
    for (_, after) in shelf.steps().filter(|(before, after)| is_true(after) && !is_true(before)) {
        *counts.entry(after.key().livemode).or_default() += 1;
    }
    counts
}

fn is_opened(dispute: &Dispute) -> bool {
    let is_of_money = !matches!(dispute.status, disputes::Status::Unknown | disputes::Status::Closed);
    is_of_money && !dispute.inquiry
}

fn has_failed_thrice(invoice: &Invoice) -> bool {
    let is_unpaid = matches!(invoice.status, invoices::Status::Failed | invoices::Status::Overdue);
    is_unpaid && invoice.payment_retry_count >= MANY_FAILURES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Key;
    use crate::rules::row::Field;

    fn shelf<T: Object + Field>(change: impl FnOnce(&mut T)) -> Shelf<T> {
        let mut shelf = Shelf::default();
        let key = Key { id: "x_1".to_owned(), account: String::new(), livemode: true };
        shelf.load(T::placeholder(key.clone()));
        shelf.change(&key, change);
        shelf.tell("evt_1", &mut Vec::new());
        shelf
    }

    #[test]
    fn an_inquiry_is_no_dispute_until_it_becomes_one() {
        let opened = |status, inquiry| {
            let mut world = World::default();
            world.disputes = shelf::<Dispute>(|row| (row.status, row.inquiry) = (status, inquiry));
            Facts::of(&world, &[]).disputes_opened
        };
        assert_eq!(opened(disputes::Status::Opened, true), BTreeMap::new());
        assert_eq!(opened(disputes::Status::Opened, false), BTreeMap::from([(true, 1)]));
        assert_eq!(opened(disputes::Status::Lost, false), BTreeMap::from([(true, 1)]), "already lost");
        assert_eq!(opened(disputes::Status::Closed, false), BTreeMap::new(), "prevented");
    }

    #[test]
    fn a_status_that_no_rule_knows_is_noted_once() {
        let mut world = World::default();
        world.refunds = shelf::<Refund>(|row| "pondering".clone_into(&mut row.state.status));
        assert_eq!(Facts::of(&world, &[]).unknown_statuses, BTreeMap::from([("refund", 1)]));
        world.refunds = shelf::<Refund>(|row| "failed".clone_into(&mut row.state.status));
        assert_eq!(Facts::of(&world, &[]).unknown_statuses, BTreeMap::new());
    }

    #[test]
    fn three_failures_count_where_the_invoice_is_not_paid() {
        let noted = |status, failures| {
            let mut world = World::default();
            world.invoices =
                shelf::<Invoice>(|row| (row.status, row.payment_retry_count) = (status, failures));
            Facts::of(&world, &[]).failed_thrice
        };
        assert_eq!(noted(invoices::Status::Failed, 2), BTreeMap::new());
        assert_eq!(noted(invoices::Status::Failed, 3), BTreeMap::from([(true, 1)]));
        assert_eq!(noted(invoices::Status::Paid, 3), BTreeMap::new());
    }
}
