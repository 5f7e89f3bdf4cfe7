//! A cardholder's bank takes money back, gives it back, or only asks.

use crate::money::account::Account;
use crate::money::objects::{Charge, Dispute};

const FEE: i64 = 1_500;

impl Account {
    pub(super) fn dispute_one(&mut self) {
        // A bank disputes what is not disputed yet.
        let disputable = self.charges(|charge| {
            let taken: i64 = charge.disputes.iter().map(weight).sum();
            charge.captured > 0 && taken * 2 <= charge.captured
        });
        let Some((place, charge)) = self.pick(&disputable) else { return };
        let Charge { captured, disputes, .. } = &self.payments[place].charges[charge];
        let (captured, is_first) = (*captured, disputes.is_empty());
        let left = self.payments[place].charges[charge].left();
        // Mostly the whole, though a part went back already; else that part, or less.
        let amount = match self.random.within(0..10) {
            0..5 if is_first => captured,
            0..8 if is_first && left > 0 => left,
            _ => self.part_of(captured / 2 + 1),
        };
        let currency = self.payments[place].currency;
        let is_foreign = is_first && self.random.percent(5);
        let status = match self.random.within(0..10) {
            0..3 => "warning_needs_response",
            3..9 => "needs_response",
            _ => "prevented",
        };
        self.open_dispute(place, charge, amount, if is_foreign { "eur" } else { currency }, status);
    }

    fn open_dispute(
        &mut self,
        place: usize,
        charge: usize,
        amount: i64,
        currency: &'static str,
        status: &'static str,
    ) -> usize {
        let (id, created, reason, movements) = (self.random.id("dp"), self.now, "fraudulent", Vec::new());
        let disputes = &mut self.payments[place].charges[charge].disputes;
        disputes.push(Dispute { id, created, amount, currency, status, reason, movements });
        let dispute = disputes.len() - 1;
        self.tell_dispute("charge.dispute.created", place, charge, dispute);
        if status == "needs_response" {
            self.withdraw(place, charge, dispute);
        }
        dispute
    }

    /// A part goes back, and the bank takes all that is left.
    pub(super) fn lose_the_rest(&mut self) {
        let untouched = |charge: &Charge| charge.refunds.is_empty() && charge.disputes.is_empty();
        let paid = self.charges(|charge| charge.left() > 2 && untouched(charge));
        let Some((place, charge)) = self.pick(&paid) else { return };
        let part = self.part_of(self.payments[place].charges[charge].left());
        self.give_back(place, charge, part, "succeeded");
        self.now += 3_600;
        let (left, currency) = (self.payments[place].charges[charge].left(), self.payments[place].currency);
        let dispute = self.open_dispute(place, charge, left, currency, "needs_response");
        self.now += 3_600;
        self.payments[place].charges[charge].disputes[dispute].status = "lost";
        self.tell_dispute("charge.dispute.closed", place, charge, dispute);
    }

    /// The next that a bank does.
    pub(super) fn turn_dispute(&mut self) {
        let found: Vec<(usize, usize, usize)> = self
            .charges(|charge| !charge.disputes.is_empty())
            .into_iter()
            .flat_map(|(place, charge)| {
                let disputes = self.payments[place].charges[charge].disputes.iter().enumerate();
                let open = disputes.filter(|(_, dispute)| !dispute.is_over() || dispute.status == "lost");
                open.map(move |(at, _)| (place, charge, at))
            })
            .collect();
        let Some((place, charge, dispute)) = self.pick(&found) else { return };
        let dice = self.random.within(0..10);
        let disputed = &mut self.payments[place].charges[charge].disputes[dispute];
        let was = disputed.status;
        disputed.status = match (was, dice) {
            ("warning_needs_response", 0..3) => "warning_under_review",
            ("warning_needs_response" | "warning_under_review", 3..7) => "warning_closed",
            ("warning_needs_response" | "warning_under_review", _) => "needs_response",
            ("needs_response", 0..2) => "under_review",
            ("needs_response" | "under_review", 0..7) => "lost",
            // Late wins happen.
            ("lost", 0..6) => return,
            _ => "won",
        };
        match disputed.status {
            "warning_under_review" | "under_review" => {
                self.tell_dispute("charge.dispute.updated", place, charge, dispute);
            }
            "needs_response" => {
                self.tell_dispute("charge.dispute.updated", place, charge, dispute);
                self.withdraw(place, charge, dispute);
            }
            "won" => {
                let amount = disputed.amount;
                self.tell_dispute("charge.dispute.closed", place, charge, dispute);
                self.moves(place, charge, dispute, amount, -FEE);
                self.tell_dispute("charge.dispute.funds_reinstated", place, charge, dispute);
            }
            _ => self.tell_dispute("charge.dispute.closed", place, charge, dispute),
        }
    }

    fn withdraw(&mut self, place: usize, charge: usize, dispute: usize) {
        let amount = self.payments[place].charges[charge].disputes[dispute].amount;
        self.moves(place, charge, dispute, -amount, FEE);
        self.tell_dispute("charge.dispute.funds_withdrawn", place, charge, dispute);
    }

    fn moves(&mut self, place: usize, charge: usize, dispute: usize, amount: i64, fee: i64) {
        let id = self.random.id("txn");
        self.payments[place].charges[charge].disputes[dispute].movements.push((id, amount, fee));
    }
}

/// How much of its charge a dispute stands for.
fn weight(dispute: &Dispute) -> i64 {
    if matches!(dispute.status, "won" | "warning_closed" | "prevented") { 0 } else { dispute.amount }
}
