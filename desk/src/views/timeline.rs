//! How objects came to be what they are: the lines of the audit about all of them, in the order in which
//! Stripe says that it happened.

use std::collections::BTreeSet;

use domain::Key;
use ledger::tables::audit::Line;
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
}
