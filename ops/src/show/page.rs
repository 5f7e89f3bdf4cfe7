//! What all pages are made of: the first lines, names with values, and the history.

use chrono::{DateTime, Utc};
use domain::Key;
use ledger::tables::audit::{AuditRow, Line};

use super::why::Fact;
use crate::table::{Table, clean};
use crate::{events, span};

/// So many lines of a history are shown to people, the last ones; `--json` has all.
const HISTORY_LIMIT_LINES: usize = 200;

/// What `needs_refetch` means.
const UNCERTAIN: &str =
    "only Stripe can tell: two reports of one second differ, or a sum is known without its parts";

/// The first lines of a page: what it is, how it stands, why, and the facts behind that.
pub fn heading(kind: &str, key: &Key, status: &str, why: &str, facts: &[Fact]) -> String {
    let owner = events::belongs_to(&key.account, key.livemode);
    let mut text =
        format!("{kind} {}  {}  ({})\n{}\n", clean(&key.id), clean(status), clean(&owner), clean(why));
    let mut table = Table::default().text("").text("").prose("", 80).text("");
    for fact in facts {
        table.row([
            format!("  {}", fact.kind),
            fact.id.clone(),
            fact.says.clone(),
            fact.event_id.clone().unwrap_or_default(),
        ]);
    }
    text.push_str(&table.render_bare());
    text.push('\n');
    text
}

/// Names and values; what is not known is left out.
pub struct Facts(Table);

impl Facts {
    pub fn new() -> Self {
        Self(Table::default().text("").prose("", 200))
    }

    pub fn add(&mut self, name: &str, value: impl Into<Option<String>>) {
        if let Some(value) = value.into().filter(|value| !value.is_empty()) {
            self.0.row([name.to_owned(), value]);
        }
    }

    pub fn time(&mut self, name: &str, moment: Option<DateTime<Utc>>) {
        self.add(name, moment.map(span::whole));
    }

    /// Whoever decides by this page should know.
    pub fn uncertain(&mut self, needs_refetch: bool) {
        if needs_refetch {
            self.add("uncertain", UNCERTAIN.to_owned());
        }
    }

    pub fn render(&self) -> String {
        self.0.render_bare()
    }
}

/// How it came to be, in the order of Stripe's time; each line names the event or the person behind it.
pub fn history((kind, key): (&str, &Key), lines: &[Line]) -> String {
    if lines.is_empty() {
        return "\nNothing about it has changed since it was first heard of.\n".to_owned();
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
            span::whole(line.happened_at.unwrap_or(row.at)),
            row.subject_kind.clone(),
            if is_own { String::new() } else { row.subject_id.clone() },
            change(row),
            if row.severity == "info" { String::new() } else { row.severity.clone() },
            row.event_id.clone().unwrap_or_default(),
            if row.event_id.is_some() { String::new() } else { row.actor.clone() },
        ]);
    }
    let before =
        if left_out == 0 { String::new() } else { format!("{left_out} earlier lines: --json has them\n") };
    format!("\n{before}{}", table.render())
}

/// What a line of the audit says happened.
pub fn change(row: &AuditRow) -> String {
    let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    match (row.what.as_str(), &row.before, &row.after) {
        (what, None, None) => what.to_owned(),
        ("status", before, after) => format!("{} -> {}", side(before), side(after)),
        (what @ "rebuilt", Some(columns), None) => format!("{what}: {columns}"),
        // Something that happened, with what there is to say of it.
        ("note", None, Some(note)) => note.clone(),
        ("resolution", None, Some(note)) => format!("resolved by {note}"),
        ("reopening", None, Some(note)) => format!("reopened by {note}"),
        (what @ "failed attempt", None, Some(code)) => format!("{what}: {code}"),
        (what, before, after) => format!("{what}: {} -> {}", side(before), side(after)),
    }
}
