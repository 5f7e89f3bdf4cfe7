//! The history of objects: their audit lines, in the order of Stripe's timestamps.

use std::collections::BTreeSet;

use domain::{Key, UNKNOWN};
use ledger::tables::audit::{AuditRow, Line};
use ledger::{LedgerError, Transaction};

/// In which order things follow from each other inside one second.
const CAUSES_FIRST: [&str; 7] = ["failure", "refund", "dispute", "payment", "invoice", "subscription", "ban"];

/// The story of these objects together.
pub async fn timeline(
    tx: &mut Transaction,
    subjects: impl IntoIterator<Item = (&'static str, Key)>,
) -> Result<Vec<Line>, LedgerError> {
    let subjects: BTreeSet<(&'static str, Key)> = subjects.into_iter().collect();
    let mut lines = tx.lines_of(&subjects.into_iter().collect::<Vec<_>>()).await?;
    sort(&mut lines);
    Ok(lines)
}

/// Stripe's stamps are in whole seconds: inside one, what was recorded first, then what causes the rest.
fn sort(lines: &mut [Line]) {
    lines.sort_by(|a, b| {
        let order = |line: &Line| {
            let depth = CAUSES_FIRST.iter().position(|kind| *kind == line.row.subject_kind);
            (line.happened_at.unwrap_or(line.row.at), line.row.at, depth)
        };
        let (one, other) = (&a.row, &b.row);
        order(a)
            .cmp(&order(b))
            .then_with(|| one.subject_id.cmp(&other.subject_id))
            .then_with(|| one.revision.cmp(&other.revision))
    });
}

/// What a line of the audit says happened.
pub fn change(row: &AuditRow) -> String {
    let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    match (row.what.as_str(), &row.before, &row.after) {
        (what, None, None) => what.to_owned(),
        ("status" | "state", None, Some(after)) => after.clone(),
        ("status", Some(before), Some(after)) if before == UNKNOWN => after.clone(),
        ("status", before, after) => format!("{} -> {}", side(before), side(after)),
        (what @ "rebuilt", Some(columns), None) => format!("{what}: {columns}"),
        // Something that happened, with what there is to say of it.
        ("note", None, Some(note)) => note.clone(),
        (what @ "erased", Some(_), Some(reason)) => format!("{what}: {reason}"),
        ("resolution", None, Some(note)) => format!("resolved by {note}"),
        ("assigned", _, Some(name)) => format!("assigned to {name}"),
        ("assigned", Some(name), None) => format!("no longer assigned to {name}"),
        ("reopening", None, Some(note)) => format!("reopened by {note}"),
        ("override", _, Some(set)) => overridden(set),
        (what @ "failed attempt", None, Some(code)) => format!("{what}: {code}"),
        (what, before, after) => format!("{what}: {} -> {}", side(before), side(after)),
    }
}

/// What staff set, and maybe until when.
fn overridden(set: &str) -> String {
    let (act, until) = set.split_at(set.find(' ').unwrap_or(set.len()));
    match act {
        "ban" => format!("banned by hand{until}"),
        "lift" => format!("lifted by hand{until}"),
        _ => "left to the rules again".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use ledger::tables::audit::AuditRow;

    fn line(kind: &str, happened: Option<i64>, recorded: i64, revision: i64) -> Line {
        let moment = |second| DateTime::from_timestamp(second, 0).unwrap();
        let row = AuditRow {
            at: moment(recorded),
            actor: "stripe".to_owned(),
            event_id: None,
            subject_kind: kind.to_owned(),
            subject_id: "x".to_owned(),
            account: String::new(),
            livemode: false,
            revision,
            what: "status".to_owned(),
            before: None,
            after: None,
            severity: "info".to_owned(),
            hash: None,
        };
        Line { happened_at: happened.map(moment), row }
    }

    #[test]
    fn stripes_time_decides_then_ours_then_what_causes_what() {
        let mut lines = [
            line("ban", Some(5), 20, 1),
            line("invoice", Some(5), 20, 2),
            line("dispute", None, 6, 2),
            line("dispute", Some(5), 20, 1),
            line("invoice", Some(3), 30, 3),
            line("invoice", Some(5), 10, 1),
        ];
        sort(&mut lines);
        let order: Vec<_> =
            lines.iter().map(|line| (line.row.subject_kind.as_str(), line.row.at.timestamp())).collect();
        assert_eq!(
            order,
            [("invoice", 30), ("invoice", 10), ("dispute", 20), ("invoice", 20), ("ban", 20), ("dispute", 6)]
        );
    }

    #[test]
    fn a_change_is_told_by_what_it_is() {
        for (what, before, after, says) in [
            ("status", Some("sent"), Some("paid"), "sent -> paid"),
            ("status", None, Some("paid"), "paid"),
            ("status", Some("unknown"), Some("paid"), "paid"),
            ("override", Some("none"), Some("ban"), "banned by hand"),
            ("override", Some("ban"), Some("lift until 2026-12-01"), "lifted by hand until 2026-12-01"),
            ("override", Some("lift"), Some("none"), "left to the rules again"),
            ("note", None, Some("called the bank"), "called the bank"),
            ("assigned", Some("joe"), Some("jane"), "assigned to jane"),
            ("assigned", Some("joe"), None, "no longer assigned to joe"),
            ("resolution", None, Some("jane: accepted"), "resolved by jane: accepted"),
            ("failed attempt", None, Some("expired_card"), "failed attempt: expired_card"),
            ("rebuilt", Some("amount"), None, "rebuilt: amount"),
            ("consumption", None, None, "consumption"),
        ] {
            let owned = |side: Option<&str>| side.map(str::to_owned);
            let row = AuditRow {
                what: what.to_owned(),
                before: owned(before),
                after: owned(after),
                ..line("invoice", None, 0, 1).row
            };
            assert_eq!(change(&row), says);
        }
    }
}
