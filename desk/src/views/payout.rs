//! The page of a payout: whether the money reached the bank account, and when.

use chrono::{DateTime, Utc};
use domain::payouts::Payout;
use domain::{Key, Object, UNKNOWN};
use ledger::tables::audit::Line;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::detail::{Detail, Details};
use super::object::ObjectView;
use super::sums::{self, Sum};
use super::timeline::timeline;

#[derive(Debug, Serialize)]
pub struct PayoutView {
    pub payout: Payout,
    /// What its balance transactions come to, as far as reconciliation has read them.
    #[serde(skip)]
    pub sum: Option<Sum>,
    pub why: String,
    pub timeline: Vec<Line>,
}

impl ObjectView for PayoutView {
    type Object = Payout;

    async fn read(
        _: &Ledger,
        tx: &mut Transaction,
        payout: Payout,
        _: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        let timeline = timeline(tx, [(Payout::NAME, payout.key.clone())]).await?;
        let sum = sums::of_payout(&payout, &tx.payout_items(&payout.key).await?);
        Ok(Self { why: why(&payout), sum, timeline, payout })
    }

    fn key(&self) -> &Key {
        &self.payout.key
    }

    fn status(&self, _: DateTime<Utc>) -> String {
        self.payout.state.status.clone()
    }

    fn why(&self) -> &str {
        &self.why
    }

    fn details(&self, _: DateTime<Utc>) -> Vec<Detail> {
        let state = &self.payout.state;
        let made_by = if state.automatic { "Stripe's schedule" } else { "a person or a program" };
        let mut details = Details::in_currency(&state.currency);
        details.money("amount", self.payout.seen.is_reported().then_some(state.amount));
        details.text("made by", self.payout.seen.is_reported().then(|| made_by.to_owned()));
        details.words("failed because", state.failure_code.as_deref());
        details.time("created", state.created_at);
        details.time("arrival", state.arrival_date);
        details.moment("reconciled", self.payout.reconciled_at);
        details.uncertain(self.payout.seen.needs_refetch);
        details.list()
    }

    fn sum(&self) -> Option<Sum> {
        self.sum.clone()
    }

    fn timeline(&self) -> &[Line] {
        &self.timeline
    }
}

fn why(payout: &Payout) -> String {
    let taken = payout.state.amount < 0;
    let sentence = match payout.state.status.as_str() {
        UNKNOWN => "Nothing has been reported about it yet.",
        "pending" => "Stripe has not sent it yet.",
        "in_transit" if taken => "Stripe is taking the money from the bank account.",
        "in_transit" => "It is on its way to the bank account.",
        "paid" if taken => "Stripe took the money from the bank account.",
        "paid" => "Stripe sent the money. The bank may still return it; the payout then fails later.",
        "canceled" => "It was canceled before it was sent: the money stays in the Stripe balance.",
        "failed" if taken => "The bank did not give the money: it is still owed to Stripe.",
        "failed" => "The bank did not accept the money: it is in the Stripe balance again.",
        _ => "This is what Stripe reported last.",
    };
    sentence.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_where_the_money_is() {
        for (status, amount, says) in [
            ("paid", 1_000, "sent the money"),
            ("paid", -1_000, "took the money from the bank account"),
            ("failed", 1_000, "in the Stripe balance again"),
            ("failed", -1_000, "still owed"),
            ("canceled", 1_000, "stays in the Stripe balance"),
            (UNKNOWN, 0, "Nothing has been reported"),
            ("invented", 1_000, "reported last"),
        ] {
            let mut payout = Payout::placeholder(Key::default());
            (payout.state.status, payout.state.amount) = (status.to_owned(), amount);
            assert!(why(&payout).contains(says), "{status} {amount}: {}", why(&payout));
        }
    }
}
