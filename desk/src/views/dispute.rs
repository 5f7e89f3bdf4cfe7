//! The page of a dispute: its status, deadline, money, user, and the notes of staff.

use chrono::{DateTime, Utc};
use domain::charges::Charge;
use domain::dispute_movements::Movement;
use domain::disputes::{Dispute, Status};
use domain::fraud_warnings::Warning;
use domain::invoices::Invoice;
use domain::moments::Moment;
use domain::operations::Operation;
use domain::payments::Payment;
use domain::{Key, Object};
use ledger::graph::related::read_above_disputes;
use ledger::tables::audit::Line;
use ledger::tables::notes::Note;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::charge::card;
use super::detail::{Detail, Details, USER};
use super::dispute_item::{DisputeItem, counts_because, read_items};
use super::evidence::EvidenceView;
use super::object::ObjectView;
use super::operations_about::about;
use super::sums::{self, Sum};
use super::timeline::timeline;
use crate::wording;

#[derive(Debug, Serialize)]
pub struct DisputeView {
    /// With the payment, invoice and user that it concerns.
    pub dispute: DisputeItem,
    pub why: String,
    /// Whether it counts for a ban of the user, and why.
    pub counts_for_a_ban: bool,
    pub counts_because: &'static str,
    pub card: Option<String>,
    /// The answer, as far as there is one.
    pub evidence: Option<EvidenceView>,
    /// What Stripe was asked to do with it: store an answer, submit it, accept the dispute.
    pub operations: Vec<Operation>,
    pub movements: Vec<Movement>,
    pub warnings: Vec<Warning>,
    /// The last note that resolves or reopens it.
    #[serde(skip)]
    pub last_decision: Option<Note>,
    pub timeline: Vec<Line>,
}

impl ObjectView for DisputeView {
    type Object = Dispute;

    async fn read(
        ledger: &Ledger,
        tx: &mut Transaction,
        dispute: Dispute,
        now: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        let evidence = EvidenceView::read(tx, &dispute.key, now).await?;
        let mut graph = ledger.object_graph();
        let key = dispute.key.clone();
        read_above_disputes(tx, std::slice::from_ref(&dispute), &mut graph).await?;
        let charge = dispute.owner();
        let (why, counts_for_a_ban, counts_because) = (
            why(&dispute),
            dispute.is_chargeback(ledger.policy()),
            counts_because(&dispute, ledger.policy()),
        );
        let mut items = read_items(tx, vec![dispute], &graph).await?;
        let keys: Vec<_> = charge.iter().cloned().collect();
        Ok(Self {
            why,
            evidence,
            counts_for_a_ban,
            counts_because,
            card: charge.and_then(|charge| graph.charges.get(&charge)).map(card),
            operations: about(tx, &key).await?,
            movements: tx.children("dispute", std::slice::from_ref(&key)).await?,
            warnings: tx.children("charge", &keys).await?,
            last_decision: tx
                .notes_of(Dispute::NAME, &key)
                .await?
                .into_iter()
                .rfind(|note| note.resolves || note.reopens),
            timeline: timeline(tx, [(Dispute::NAME, key)]).await?,
            dispute: items.pop().expect("each dispute gives one item"),
        })
    }

    fn key(&self) -> &Key {
        &self.dispute.dispute.key
    }

    fn status(&self, now: DateTime<Utc>) -> String {
        self.dispute.status(now)
    }

    fn why(&self) -> &str {
        &self.why
    }

    fn hide_cards(&mut self) {
        self.card = None;
    }

    fn details(&self, _: DateTime<Utc>) -> Vec<Detail> {
        let DisputeItem { dispute, payment, invoice, user, .. } = &self.dispute;
        let mut details = Details::in_currency(&dispute.state.currency);
        details.money("amount", dispute.state.amount);
        details.words("reason", dispute.state.reason.as_deref());
        details.text("Stripe says", dispute.state.stripe_status.clone());
        details.time("opened", dispute.state.opened_at);
        if dispute.status == Status::Opened {
            details.deadline("respond by", dispute.state.respond_by);
        } else {
            details.time("respond by", dispute.state.respond_by);
        }
        let only_staged = "stored at Stripe and NOT submitted: the dispute is unanswered";
        let staged = self.dispute.is_only_staged().then(|| only_staged.to_owned());
        details.text("evidence", staged.or_else(|| evidence(dispute)));
        details.time("closed", dispute.closed_at);
        // One that is born decided took no time.
        let took = dispute.closed_at.zip(dispute.state.opened_at).filter(|(end, begin)| end > begin);
        details.duration("took", took.map(|(end, begin)| end - begin));
        // Stripe settles in the currency of the account, whatever the dispute's own is.
        let settled = dispute.movement_currency.as_deref().unwrap_or(&dispute.state.currency);
        for (name, moved) in [
            ("withdrawn", dispute.amount_withdrawn),
            ("reinstated", dispute.amount_reinstated),
            ("fees", dispute.fees),
        ] {
            details.money_in(name, (moved != 0).then_some(moved), settled);
        }
        details.object("charge", Charge::NAME, dispute.charge.id());
        details.text("card", self.card.clone());
        details.object("payment", Payment::NAME, payment.as_deref());
        details.object("invoice", Invoice::NAME, invoice.as_deref());
        details.object("user", USER, user.as_deref());
        let counts = if self.counts_for_a_ban { "yes" } else { "no" };
        details.text("counts for a ban", format!("{counts}: {}", self.counts_because));
        self.add_resolution(&mut details);
        details.uncertain(dispute.seen.needs_refetch);
        details.list()
    }

    fn sum(&self) -> Option<Sum> {
        sums::of_dispute(&self.dispute.dispute)
    }

    fn timeline(&self) -> &[Line] {
        &self.timeline
    }

    fn operations(&self) -> &[Operation] {
        &self.operations
    }
}

impl DisputeView {
    /// Whether staff are done with it, or were.
    fn add_resolution(&self, details: &mut Details<'_>) {
        if let Some(resolution) = &self.dispute.resolved {
            let (by, at, reason) = (&resolution.by, wording::moment(resolution.at), &resolution.reason);
            details.text("resolved", format!("by {by}, {at}: {reason}"));
        } else if let Some(last) = &self.last_decision {
            let end = if last.reopens {
                "until staff reopened it"
            } else {
                "until Stripe asked for another answer"
            };
            details.text("was resolved", end.to_owned());
        }
    }
}

fn evidence(dispute: &Dispute) -> Option<String> {
    let times = match dispute.state.evidence_submissions {
        0 if dispute.evidence_submitted_at.at().is_none() => {
            return dispute.is_open().then(|| "none submitted".to_owned());
        }
        0 | 1 => "submitted".to_owned(),
        more => format!("submitted {more} times"),
    };
    let seen = Some(dispute.evidence_submitted_at).filter(|seen| !seen.is_estimate()).and_then(Moment::at);
    let at = seen.map(|at| format!(", first seen at {}", wording::moment(at)));
    Some(times + &at.unwrap_or_default())
}

fn why(dispute: &Dispute) -> String {
    match (dispute.status, dispute.inquiry) {
        (Status::Unknown, _) if !dispute.seen.is_reported() => {
            "Another object named it, but nothing has been reported about it yet."
        }
        (Status::Unknown, _) => {
            "This version does not know Stripe's status; it counts as open, and bans nobody."
        }
        (Status::Opened, true) => {
            "The bank asks about the charge; without an answer, this may become a dispute."
        }
        (Status::Opened, false) => "The bank has withheld the money and waits for evidence.",
        (Status::UnderReview, true) => {
            "The bank asked about the charge and was answered; it has not decided."
        }
        (Status::UnderReview, false) => "The bank has the evidence or an appeal, and has not decided.",
        (Status::Won, _) => "It was won: the merchant keeps the money.",
        (Status::Lost, _) => "It was lost: the money is gone. A late win is still possible.",
        (Status::Closed, true) => "The inquiry was closed without a dispute.",
        (Status::Closed, false) => "It was prevented before it became a chargeback.",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_asked_for_while_the_dispute_is_open_and_told_ever_after() {
        let seen = DateTime::from_timestamp(1_800_000_000, 0);
        for (status, submissions, at, says) in [
            (Status::Opened, 0, None, Some("none submitted")),
            (Status::Lost, 0, None, None),
            (Status::UnderReview, 1, seen, Some("submitted, first seen at 2027-01-15 08:00:00Z")),
            (Status::Won, 3, None, Some("submitted 3 times")),
            // Stripe counts nothing any more, but it was seen once.
            (Status::Lost, 0, seen, Some("submitted, first seen at 2027-01-15 08:00:00Z")),
        ] {
            let mut dispute = Dispute { status, ..Dispute::placeholder(Key::default()) };
            dispute.state.evidence_submissions = submissions;
            dispute.evidence_submitted_at = at.map(Moment::told).unwrap_or_default();
            assert_eq!(evidence(&dispute).as_deref(), says, "{status:?} {submissions}");
        }
    }
}
