//! `tidegate show`: an invoice or a payment as the ledger has it, why it is so, and how it came to be.

mod invoice;
mod payment;

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::env::Env;
use worker::ledger::Ledger;
use worker::ledger::audit::AuditRow;
use worker::rules::Key;

use crate::cli::Subject;
use crate::table::{Table, clean};
use crate::{events, open, output, span};

pub async fn run(env: &Env, subject: &Subject) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let result = match subject {
        Subject::Invoice(options) => {
            let shown = invoice::find(&ledger, &options.id).await?;
            print(&ledger, "invoice", &options.id, options.shape.json, &shown, invoice::page)
        }
        Subject::Payment(options) => {
            let shown = payment::find(&ledger, &options.id).await?;
            print(&ledger, "payment", &options.id, options.shape.json, &shown, payment::page)
        }
    };
    ledger.close().await;
    result
}

/// One id may stand for several objects: one for each account and mode that has it.
fn print<T: Serialize>(
    ledger: &Ledger,
    kind: &str,
    id: &str,
    json: bool,
    shown: &[T],
    page: fn(&T) -> String,
) -> anyhow::Result<()> {
    if shown.is_empty() {
        let (me, place) = (output::me(), ledger.shown());
        let advice = match id.split_once('_') {
            Some(("in", _)) if kind == "payment" => {
                format!("It looks like an invoice: `{me} show invoice {id}`")
            }
            Some(("pi" | "ch", _)) if kind == "invoice" => {
                format!("It looks like a payment: `{me} show payment {id}`")
            }
            Some(("evt", _)) => format!("It looks like an event: `{me} trace {id}`"),
            _ => format!(
                "No event about it has been handled; `{me} events list` shows what has, `{me} queue` what waits"
            ),
        };
        anyhow::bail!("no {kind} {id} in the ledger at {place}. {advice}");
    }
    if json {
        return output::print_json(&shown);
    }
    output::print(&shown.iter().map(page).collect::<Vec<_>>().join("\n"))
}

/// The first lines of a page: what it is, how it stands, and why.
fn heading(kind: &str, key: &Key, status: &str, why: &str) -> String {
    let owner = events::belongs_to(&key.account, key.livemode);
    format!("{kind} {}  {}  ({})\n{}\n\n", clean(&key.id), clean(status), clean(&owner), clean(why))
}

/// Names and values; what is not known is left out.
struct Facts(Table);

impl Facts {
    fn new() -> Self {
        Self(Table::default().text("").prose("", 200))
    }

    fn add(&mut self, name: &str, value: impl Into<Option<String>>) {
        if let Some(value) = value.into().filter(|value| !value.is_empty()) {
            self.0.row([name.to_owned(), value]);
        }
    }

    fn time(&mut self, name: &str, moment: Option<DateTime<Utc>>) {
        self.add(name, moment.map(span::whole));
    }

    fn render(&self) -> String {
        self.0.render_bare()
    }
}

/// How it came to be; each line names the event behind it.
fn history(rows: &[AuditRow]) -> String {
    if rows.is_empty() {
        return "\nIts status has never changed.\n".to_owned();
    }
    let mut table =
        Table::default().text("RECORDED").prose("CHANGE", 60).text("SEVERITY").text("EVENT").prose("BY", 40);
    for row in rows {
        let by = if row.event_id.is_some() { String::new() } else { row.actor.clone() };
        let event = row.event_id.clone().unwrap_or_default();
        table.row([span::precise(row.at), change(row), row.severity.clone(), event, by]);
    }
    format!("\n{}", table.render())
}

/// What a line of the audit says happened.
pub fn change(row: &AuditRow) -> String {
    let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    match (row.what.as_str(), &row.before, &row.after) {
        (what, None, None) => what.to_owned(),
        ("status", before, after) => format!("{} -> {}", side(before), side(after)),
        (what, before, after) => format!("{what}: {} -> {}", side(before), side(after)),
    }
}
