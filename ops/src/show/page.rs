//! What all pages are made of: the first lines, the details, and the history.

use chrono::{DateTime, TimeDelta, Utc};
use desk::views::detail::{Detail, DetailValue};
use desk::views::object::ObjectView;
use desk::views::timeline::change;
use domain::{Key, Object};
use ledger::tables::audit::Line;

use crate::table::{Table, clean};
use crate::{events, money, when};

/// So many lines of a history are shown to people, the last ones; `--json` has all.
const HISTORY_LIMIT_LINES: usize = 200;

/// The whole page; `tables` is what hangs on the object.
pub fn page<V: ObjectView>(view: &V, tables: &str, now: DateTime<Utc>) -> String {
    let kind = V::Object::NAME;
    heading(view, kind, now)
        + &details(&view.details(now), now)
        + tables
        + &history((kind, view.key()), view.timeline())
}

/// The first lines of a page: what it is, how it stands, why, and the facts behind that.
fn heading<V: ObjectView>(view: &V, kind: &str, now: DateTime<Utc>) -> String {
    let (key, status) = (view.key(), view.status(now));
    let owner = events::belongs_to(&key.account, key.livemode);
    let mut text = format!(
        "{kind} {}  {}  ({})\n{}\n",
        clean(&key.id),
        clean(&status),
        clean(&owner),
        clean(view.why())
    );
    let mut table = Table::default().text("").text("").prose("", 80).text("");
    for reason in view.because() {
        table.row([
            format!("  {}", reason.kind),
            reason.id.clone(),
            reason.says.clone(),
            reason.event_id.clone().unwrap_or_default(),
        ]);
    }
    text.push_str(&table.render_bare());
    text.push('\n');
    text
}

/// Names and values.
fn details(details: &[Detail], now: DateTime<Utc>) -> String {
    let mut table = Table::default().text("").prose("", 200);
    for detail in details {
        let note = detail.note.as_ref().map(|note| format!("  ({note})")).unwrap_or_default();
        table.row([detail.name.to_owned(), value(&detail.value, now) + &note]);
    }
    table.render_bare()
}

fn value(value: &DetailValue, now: DateTime<Utc>) -> String {
    match value {
        DetailValue::Text(text) => text.clone(),
        DetailValue::Money { amount, currency } => money::shown(*amount, currency),
        DetailValue::Time(moment) => when::whole(*moment),
        DetailValue::Deadline(moment) => format!("{}  ({})", when::whole(*moment), when::until(*moment, now)),
        DetailValue::DurationSecs(secs) => when::shown(TimeDelta::seconds(*secs)),
        DetailValue::Object { id, .. } => id.clone(),
    }
}

/// How it came to be, in the order of Stripe's time; each line names the event or the person behind it.
pub fn history((kind, key): (&str, &Key), lines: &[Line]) -> String {
    if lines.is_empty() {
        return "\nNothing about it has changed since the first report.\n".to_owned();
    }
    let mut table = Table::default()
        .text("HAPPENED")
        .text("TO")
        .text("ID")
        .prose("CHANGE", 70)
        .text("SEVERITY")
        .text("EVENT")
        .prose("BY", 40);
    let left_out = lines.len().saturating_sub(HISTORY_LIMIT_LINES);
    for line in &lines[left_out..] {
        let row = &line.row;
        let is_own = row.subject_kind == kind && row.subject_id == key.id;
        table.row([
            when::whole(line.happened_at.unwrap_or(row.at)),
            row.subject_kind.clone(),
            if is_own { String::new() } else { row.subject_id.clone() },
            change(row),
            if row.severity == "info" { String::new() } else { row.severity.clone() },
            row.event_id.clone().unwrap_or_default(),
            if row.event_id.is_some() { String::new() } else { row.actor.clone() },
        ]);
    }
    let before =
        if left_out == 0 { String::new() } else { format!("{left_out} earlier lines: --json shows them\n") };
    format!("\n{before}{}", table.render())
}
