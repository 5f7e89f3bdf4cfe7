//! What a payment entitles to: the one place where payments and a merchant's own goods meet. The rules know no goods; they
//! know that a payment names some (`metadata.listing_id`), what it pays for them (`metadata.payment_type`), and whether
//! its money is there.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Key;
use super::charges::Charge;
use super::disputes::Dispute;
use super::object_graph::ObjectGraph;
use super::operations::refund::Standing as DisputeStanding;
use super::payments::{Payment, Refunded};
use super::row::words;

words! {
    /// Where the money of a payment is.
    pub enum Money {
        // Nobody has paid, or nobody has said so yet.
        Awaited = "awaited",
        // It cannot be paid any more.
        Canceled = "canceled",
        Here = "here",
        // A chargeback is open: the bank has taken it until it decides.
        Held = "held",
        // All of it went back.
        Returned = "returned",
        // A chargeback is lost.
        Lost = "lost",
    }
}

/// A payment as its goods see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fulfilment {
    #[serde(skip)]
    pub payment: Key,
    /// `metadata.payment_type`: what it pays for.
    pub what: String,
    /// `metadata.user_id`, where it is said.
    pub user: Option<String>,
    /// `metadata.category_id`, where it is said.
    pub category: Option<String>,
    /// What came in, or is to come in.
    pub amount: i64,
    pub currency: String,
    pub money: Money,
    pub made_at: Option<DateTime<Utc>>,
    /// When the money came in.
    pub paid_at: Option<DateTime<Utc>>,
}

impl Fulfilment {
    /// A pure function of merged objects, hence the same whatever the order in which they came. `None` where the payment
    /// is for no goods. A payment of which only a part went back still entitles to what it paid for.
    pub fn of<'a>(payment: &Payment, disputes: impl Iterator<Item = &'a Dispute>) -> Option<Self> {
        let (_, what) = goods_of(payment).zip(payment.purpose.payment_type.clone())?;
        let is_held = { disputes }.any(|dispute| DisputeStanding::of(dispute) == DisputeStanding::Open);
        let gone = payment.amount_refunded.saturating_add(payment.amount_charged_back);
        let money = match () {
            () if !payment.has_succeeded() && payment.is_settled() => Money::Canceled,
            () if !payment.has_succeeded() => Money::Awaited,
            () if payment.refunded == Refunded::Full => Money::Returned,
            () if payment.amount_charged_back > 0 && gone >= payment.state.amount_received => Money::Lost,
            () if is_held => Money::Held,
            () => Money::Here,
        };
        let is_paid = payment.has_succeeded();
        Some(Self {
            payment: payment.key.clone(),
            what,
            user: payment.user.id().map(str::to_owned),
            category: payment.purpose.category_id.clone(),
            amount: if is_paid { payment.state.amount_received } else { payment.state.amount },
            currency: payment.state.currency.clone(),
            money,
            made_at: payment.created_at,
            paid_at: payment.succeeded_at.at().or(payment.created_at).filter(|_| is_paid),
        })
    }

    /// The order in which payments take effect: by the time of the payment, never by that of its arrival here.
    pub fn order(&self) -> (Option<DateTime<Utc>>, &str) {
        (self.paid_at, &self.payment.id)
    }
}

/// The goods that a payment is for.
pub fn goods_of(payment: &Payment) -> Option<Key> {
    payment.purpose.payment_type.as_ref()?;
    payment.purpose.listing_id.as_deref().map(|id| payment.key.sibling(id))
}

/// The goods whose payments a batch changed, with those that a payment named before.
pub fn concerned(graph: &ObjectGraph) -> BTreeSet<Key> {
    let mut goods = BTreeSet::new();
    for (before, after) in graph.payments.steps() {
        goods.extend(goods_of(before));
        goods.extend(goods_of(after));
    }
    // That an inquiry became a chargeback may change nothing of its payment.
    let of_charge = |charge: &Key| graph.charges.get(charge).and_then(Charge::owner);
    let disputed = graph.disputes.steps().filter_map(|(_, dispute)| of_charge(&dispute.owner()?));
    goods.extend(disputed.filter_map(|payment| goods_of(graph.payments.get(&payment)?)));
    goods
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Object;
    use crate::disputes::Status;

    fn payment(status: &str, received: i64) -> Payment {
        let mut payment = Payment::placeholder(Key { id: "pi_1".to_owned(), ..Key::default() });
        status.clone_into(&mut payment.state.status);
        payment.state.amount = 500;
        payment.state.amount_received = received;
        payment.purpose.listing_id = Some("lst_1".to_owned());
        payment.purpose.payment_type = Some("listing_fee".to_owned());
        payment
    }

    fn dispute(status: Status, inquiry: bool) -> Dispute {
        let mut dispute = Dispute::placeholder(Key::default());
        dispute.status = status;
        dispute.inquiry = inquiry;
        dispute
    }

    fn money(payment: &Payment, disputes: &[Dispute]) -> Money {
        Fulfilment::of(payment, disputes.iter()).unwrap().money
    }

    #[test]
    fn where_the_money_is_follows_from_the_payment_and_its_disputes() {
        assert_eq!(money(&payment("requires_payment_method", 0), &[]), Money::Awaited);
        assert_eq!(money(&payment("processing", 0), &[]), Money::Awaited);
        assert_eq!(money(&payment("canceled", 0), &[]), Money::Canceled);
        let paid = payment("succeeded", 500);
        assert_eq!(money(&paid, &[]), Money::Here);
        assert_eq!(money(&paid, &[dispute(Status::Opened, true)]), Money::Here, "an inquiry takes nothing");
        assert_eq!(money(&paid, &[dispute(Status::Opened, false)]), Money::Held);
        assert_eq!(money(&paid, &[dispute(Status::Won, false)]), Money::Here);
        let partly = Payment { refunded: Refunded::Partial, amount_refunded: 200, ..paid.clone() };
        assert_eq!(money(&partly, &[]), Money::Here);
        let lost = Payment { amount_charged_back: 300, ..partly };
        assert_eq!(money(&lost, &[dispute(Status::Lost, false)]), Money::Lost, "200 went back, 300 are lost");
        let returned = Payment { refunded: Refunded::Full, amount_refunded: 500, ..paid };
        assert_eq!(money(&returned, &[]), Money::Returned);
    }

    #[test]
    fn a_payment_without_a_purpose_is_for_no_goods() {
        let mut payment = payment("succeeded", 500);
        payment.purpose.payment_type = None;
        assert_eq!(Fulfilment::of(&payment, [].iter()), None);
        payment.purpose.payment_type = Some("featured".to_owned());
        payment.purpose.listing_id = None;
        assert_eq!(Fulfilment::of(&payment, [].iter()), None);
    }
}
