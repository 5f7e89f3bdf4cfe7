//! The page of a dispute: its status, deadline, money, user, and the notes of staff.

use chrono::{DateTime, Utc};
use desk::views::timeline::timeline;
use domain::Object;
use domain::disputes::{Dispute, Status};
use domain::movements::Movement;
use domain::warnings::Warning;
use ledger::graph::family::read_above_disputes;
use ledger::tables::audit::Line;
use ledger::tables::overrides::Note;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::page::{Facts, heading, history};
use super::sections;
use crate::bans::because;
use crate::disputes::{Placed, place};
use crate::table::Table;
use crate::{money, span};

/// The form of `--json`: an array of these.
#[derive(Serialize)]
pub struct Shown {
    /// With the payment, invoice and user that it concerns.
    dispute: Placed,
    why: String,
    /// Whether it counts for a ban of the user, and why.
    counts_for_a_ban: bool,
    counts_because: &'static str,
    card: Option<String>,
    movements: Vec<Movement>,
    warnings: Vec<Warning>,
    notes: Vec<Note>,
    timeline: Vec<Line>,
}

pub async fn tell(ledger: &Ledger, tx: &mut Transaction, dispute: Dispute) -> Result<Shown, LedgerError> {
    let mut world = ledger.world();
    let key = dispute.key.clone();
    read_above_disputes(tx, std::slice::from_ref(&dispute), &mut world).await?;
    let charge = dispute.owner();
    let (why, counts_for_a_ban, counts_because) =
        (why(&dispute), dispute.is_chargeback(ledger.policy()), because(&dispute, ledger.policy()));
    let mut placed = place(tx, vec![dispute], &world).await?;
    let keys: Vec<_> = charge.iter().cloned().collect();
    Ok(Shown {
        why,
        counts_for_a_ban,
        counts_because,
        card: charge.and_then(|charge| world.charges.get(&charge)).map(sections::card),
        movements: tx.children("dispute", std::slice::from_ref(&key)).await?,
        warnings: tx.children("charge", &keys).await?,
        notes: tx.notes_of(&key).await?,
        timeline: timeline(tx, [(Dispute::NAME, key)]).await?,
        dispute: placed.pop().expect("what is placed is given back"),
    })
}

pub fn page(shown: &Shown, now: DateTime<Utc>) -> String {
    let dispute = &shown.dispute.dispute;
    let mut text = heading("dispute", &dispute.key, &shown.dispute.status(now), &shown.why, &[]);
    text.push_str(&facts(shown, now));
    text.push_str(&sections::movements(&shown.movements));
    text.push_str(&sections::warnings(&shown.warnings));
    text.push_str(&notes(&shown.notes));
    text.push_str(&history((Dispute::NAME, &dispute.key), &shown.timeline));
    text
}

fn facts(shown: &Shown, now: DateTime<Utc>) -> String {
    let Placed { dispute, payment, invoice, user, resolved } = &shown.dispute;
    let amount = |minor_units| money::shown(minor_units, &dispute.state.currency);
    let mut facts = Facts::new();
    facts.add("amount", amount(dispute.state.amount));
    facts.add("reason", dispute.state.reason.as_deref().map(|reason| reason.replace('_', " ")));
    facts.add("Stripe says", dispute.state.stripe_status.clone());
    facts.time("opened", dispute.state.opened_at);
    facts.add("respond by", respond_by(dispute, now));
    facts.add("evidence", evidence(dispute));
    facts.time("closed", dispute.closed_at);
    facts.add(
        "took",
        dispute.closed_at.zip(dispute.state.opened_at).map(|(end, begin)| span::shown(end - begin)),
    );
    // Stripe settles in the currency of the account, whatever the dispute's own is.
    let settled = dispute.movement_currency.as_deref().unwrap_or(&dispute.state.currency);
    let moved = |minor_units| (minor_units != 0).then(|| money::shown(minor_units, settled));
    facts.add("withdrawn", moved(dispute.amount_withdrawn));
    facts.add("reinstated", moved(dispute.amount_reinstated));
    facts.add("fees", moved(dispute.fees));
    facts.add("charge", dispute.charge.charge.clone());
    facts.add("card", shown.card.clone());
    facts.add("payment", payment.clone());
    facts.add("invoice", invoice.clone());
    facts.add("user", user.clone());
    let counts = if shown.counts_for_a_ban { "yes" } else { "no" };
    facts.add("counts for a ban", format!("{counts}: {}", shown.counts_because));
    if let Some(resolution) = resolved {
        facts.add(
            "resolved",
            format!("by {}, {}: {}", resolution.by, span::whole(resolution.at), resolution.reason),
        );
    } else if let Some(last) = shown.notes.iter().rfind(|note| note.resolves || note.reopens) {
        let end =
            if last.reopens { "until staff reopened it" } else { "until Stripe asked for another answer" };
        facts.add("was resolved", end.to_owned());
    }
    facts.uncertain(dispute.seen.needs_refetch);
    facts.render()
}

fn respond_by(dispute: &Dispute, now: DateTime<Utc>) -> Option<String> {
    let moment = dispute.state.respond_by?;
    let is_awaited = dispute.status == Status::Opened;
    let left = if is_awaited { format!("  ({})", span::until(moment, now)) } else { String::new() };
    Some(format!("{}{left}", span::whole(moment)))
}

fn evidence(dispute: &Dispute) -> Option<String> {
    let times = match dispute.state.evidence_submissions {
        0 if dispute.evidence_submitted_at.is_none() => {
            return dispute.is_open().then(|| "none submitted".to_owned());
        }
        0 | 1 => "submitted".to_owned(),
        more => format!("submitted {more} times"),
    };
    let at = dispute.evidence_submitted_at.map(|at| format!(", first seen at {}", span::whole(at)));
    Some(times + &at.unwrap_or_default())
}

fn effect(note: &Note) -> &'static str {
    match (note.resolves, note.reopens) {
        (true, _) => "resolves",
        (_, true) => "reopens",
        _ => "",
    }
}

fn notes(notes: &[Note]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let mut table = Table::default().text("NOTED").number("NOTE").text("BY").text("").prose("TEXT", 200);
    for note in notes {
        table.row([
            span::whole(note.written_at),
            note.number.to_string(),
            note.written_by.clone(),
            effect(note).to_owned(),
            note.note.clone(),
        ]);
    }
    format!("\n{}", table.render())
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
