//! `tidegate trace`: one event's way from Stripe's clock to the rows that it changed.

use std::fmt::Write;

use serde::Serialize;
use shared::env::Env;
use worker::ledger::story::{AuditRow, StoredEvent, Touched};

use crate::cli::TraceOptions;
use crate::table::{Table, clean};
use crate::{events, open, output, span};

/// The form of `--json`: an array, for one id may stand for several contents.
#[derive(Serialize)]
struct Trace {
    event: StoredEvent,
    /// From Stripe's stamp, which is in whole seconds, to our receipt.
    sent_to_received_ms: i64,
    received_to_recorded_ms: i64,
    rows: Vec<Touched>,
    audit: Vec<AuditRow>,
}

pub async fn run(env: &Env, options: &TraceOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let audit = open::answer(&ledger, ledger.audit_of_event(&options.id)).await?;
    let mut traces = Vec::new();
    for event in events::find(&ledger, &options.id).await? {
        let rows = open::answer(&ledger, ledger.rows_of_event(&event)).await?;
        let same_owner = |row: &&AuditRow| row.account == event.account && row.livemode == event.livemode;
        traces.push(Trace {
            sent_to_received_ms: (event.received_at - event.created_at).num_milliseconds(),
            received_to_recorded_ms: (event.recorded_at - event.received_at).num_milliseconds(),
            rows,
            audit: audit.iter().filter(same_owner).cloned().collect(),
            event,
        });
    }
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&traces);
    }
    let pages: Vec<String> = traces.iter().map(page).collect();
    output::print(&pages.join("\n"))
}

fn page(trace: &Trace) -> String {
    let event = &trace.event;
    let mut text = String::new();
    let version = event.api_version.as_deref().unwrap_or("no API version");
    let owner = events::belongs_to(&event.account, event.livemode);
    writeln!(text, "{}  {}  ({}, {})\n", clean(&event.id), clean(&event.kind), clean(&owner), clean(version))
        .expect("a String takes every write");
    text.push_str(&way(event));
    text.push_str(&rows(&trace.rows));
    text.push_str(&audit(&trace.audit));
    text
}

fn way(event: &StoredEvent) -> String {
    let mut table = Table::default().text("WHEN").number("AFTER").text("WHAT").prose("HOW", 120);
    let via =
        if event.endpoint.is_empty() { String::new() } else { format!(", endpoint {}", event.endpoint) };
    table.row([
        span::whole(event.created_at),
        String::new(),
        "created".to_owned(),
        "by Stripe's clock, in whole seconds".to_owned(),
    ]);
    table.row([
        span::precise(event.received_at),
        span::shown(event.received_at - event.created_at),
        "received".to_owned(),
        format!("from {}{via}, verified, queued and answered 200", event.source),
    ]);
    let mut how = format!("attempt {}, handler version {}", event.attempts.max(1), event.handler_version);
    if let Some(reason) = &event.reason {
        write!(how, ": {reason}").expect("a String takes every write");
    }
    table.row([
        span::precise(event.recorded_at),
        span::shown(event.recorded_at - event.received_at),
        event.outcome.clone(),
        how,
    ]);
    if let Some(retry_at) = event.retry_at {
        table.row([span::precise(retry_at), String::new(), "next try".to_owned(), String::new()]);
    }
    let mut text = table.render();
    if event.repetitions > 0 {
        writeln!(text, "\nIt came {} more times, which changed nothing.", event.repetitions)
            .expect("a String takes every write");
    }
    if event.conflict {
        text.push_str("\nThe same id and API version came with other data too; both were merged.\n");
    }
    text
}

fn rows(rows: &[Touched]) -> String {
    if rows.is_empty() {
        return "\nIt touched no rows.\n".to_owned();
    }
    let mut table = Table::default().text("ROW").text("ID");
    for row in rows {
        table.row([row.kind.clone(), row.id.clone()]);
    }
    format!("\n{}", table.render())
}

fn audit(rows: &[AuditRow]) -> String {
    if rows.is_empty() {
        return "\nNo state changed by it.\n".to_owned();
    }
    format!("\n{}", audit_table(rows, false))
}

/// The audit for people; with `events` each line names the event behind it.
pub fn audit_table(rows: &[AuditRow], events: bool) -> String {
    let mut table =
        Table::default().text("WHEN").text("SUBJECT").prose("CHANGE", 80).text("SEVERITY").text("BY");
    for row in rows {
        let change = match (&row.before, &row.after) {
            (Some(before), Some(after)) => format!("{}: {before} -> {after}", row.what),
            (None, Some(after)) => format!("{}: {after}", row.what),
            (Some(before), None) => format!("{}: {before} -> nothing", row.what),
            (None, None) => row.what.clone(),
        };
        let subject = if events { String::new() } else { format!("{} {}", row.subject_kind, row.subject_id) };
        let by = match &row.event_id {
            Some(event) if events => event.clone(),
            Some(_) => String::new(),
            None => row.actor.clone(),
        };
        table.row([span::precise(row.at), subject, change, row.severity.to_lowercase(), by]);
    }
    table.render()
}
