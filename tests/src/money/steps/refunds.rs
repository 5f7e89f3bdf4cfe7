//! Money goes back, and sometimes does not arrive.

use crate::money::account::Account;
use crate::money::objects::{Dispute, Refund};

impl Account {
    /// So many refunds in one second.
    pub(super) fn refund_one(&mut self, count: usize) {
        // Stripe refuses to refund what is charged back; an inquiry does not hinder it.
        let is_free = |dispute: &Dispute| dispute.is_inquiry() || dispute.status == "won";
        let refundable = self.charges(|charge| charge.left() > 0 && charge.disputes.iter().all(is_free));
        let Some((place, charge)) = self.pick(&refundable) else { return };
        for _ in 0..count {
            let left = self.payments[place].charges[charge].left();
            if left < 2 {
                return;
            }
            let amount = if self.random.percent(30) { left } else { self.part_of(left) };
            let is_card = self.payments[place].is_card;
            let status =
                if self.random.percent(if is_card { 10 } else { 70 }) { "pending" } else { "succeeded" };
            self.give_back(place, charge, amount, status);
        }
    }

    pub(super) fn give_back(&mut self, place: usize, charge: usize, amount: i64, status: &'static str) {
        let (id, created) = (self.random.id("re"), self.now);
        let reason = self.random.percent(50).then_some("requested_by_customer");
        let refunds = &mut self.payments[place].charges[charge].refunds;
        refunds.push(Refund { id, created, amount, status, reason, is_release: false });
        let refund = refunds.len() - 1;
        self.tell_charge("charge.refunded", place, charge);
        self.tell_new_refund(place, charge, refund);
    }

    /// A refund by itself, to those whom Stripe tells of it.
    pub(super) fn tell_new_refund(&mut self, place: usize, charge: usize, refund: usize) {
        if self.setting.version.tells_refunds() {
            self.tell_refund("refund.created", place, charge, refund);
        }
        // Stripe fills in the balance transaction or the reference number a moment later.
        if self.random.percent(20) {
            self.now += 1;
            self.tell_changed_refund(place, charge, refund);
        }
    }

    /// The bank answers: a refund arrives, fails, or comes back and waits for the customer.
    pub(super) fn turn_refund(&mut self) {
        let real = |refund: &Refund| !refund.is_release && !refund.is_dead();
        let found: Vec<(usize, usize, usize)> = self
            .charges(|charge| charge.refunds.iter().any(real))
            .into_iter()
            .flat_map(|(place, charge)| {
                let refunds = self.payments[place].charges[charge].refunds.iter().enumerate();
                refunds.filter(|(_, refund)| real(refund)).map(move |(at, _)| (place, charge, at))
            })
            .collect();
        let Some((place, charge, refund)) = self.pick(&found) else { return };
        let is_card = self.payments[place].is_card;
        let dice = self.random.within(0..10);
        let status = match (self.payments[place].charges[charge].refunds[refund].status, dice) {
            ("pending", 0..4) => "succeeded",
            ("pending", 4..6) | ("requires_action", 0..2) => "canceled",
            ("succeeded", 5..10) if !is_card => "requires_action",
            ("requires_action", 2..7) => "pending",
            _ => "failed",
        };
        self.payments[place].charges[charge].refunds[refund].status = status;
        self.tell_changed_refund(place, charge, refund);
        if status == "failed" && self.setting.version.tells_refunds() {
            self.tell_refund("refund.failed", place, charge, refund);
        }
    }

    fn tell_changed_refund(&mut self, place: usize, charge: usize, refund: usize) {
        self.tell_refund("charge.refund.updated", place, charge, refund);
        if self.setting.version.tells_refunds() {
            self.tell_refund("refund.updated", place, charge, refund);
        }
    }
}
