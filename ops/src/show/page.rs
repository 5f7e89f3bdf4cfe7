//! What all pages are made of: the first lines, the details, and the history.

use chrono::{DateTime, TimeDelta, Utc};
use desk::views::detail::{Detail, DetailValue};
use desk::views::object::{ObjectPage, ObjectView};
use desk::views::story::Happening;
use domain::{Key, Object};

use crate::table::{Table, clean};
use crate::{events, money, when};

/// So many lines of a history are shown to people, the last ones; `--json` has all.
const HISTORY_LIMIT_LINES: usize = 200;

/// The whole page; `tables` is what hangs on the object.
pub fn page<V: ObjectView>(page: &ObjectPage<V>, tables: &str, now: DateTime<Utc>) -> String {
    let (view, kind) = (&page.view, V::Object::NAME);
    heading(view, kind, now)
        + &details(&view.details(now), now)
        + tables
        + &history((kind, view.key()), &page.story())
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
pub fn history((kind, key): (&str, &Key), story: &[Happening<'_>]) -> String {
    if story.is_empty() {
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
    let left_out = story.len().saturating_sub(HISTORY_LIMIT_LINES);
    for happening in &story[left_out..] {
        let (of_kind, of_id) = happening.subject();
        let severity = happening.severity();
        table.row([
            when::whole(happening.at()),
            of_kind.to_owned(),
            if (of_kind, of_id) == (kind, key.id.as_str()) { String::new() } else { of_id.to_owned() },
            happening.says(),
            if severity == "info" { String::new() } else { severity.to_owned() },
            happening.event().unwrap_or_default().to_owned(),
            happening.by().unwrap_or_default().to_owned(),
        ]);
    }
    let before =
        if left_out == 0 { String::new() } else { format!("{left_out} earlier lines: --json shows them\n") };
    format!("\n{before}{}", table.render())
}
