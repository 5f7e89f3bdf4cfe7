//! `tidegate trace`: one event from Stripe's timestamp to the rows that it changed.

use std::fmt::Write;

use desk::views::event::EventView;
use desk::views::timeline::change;
use ledger::Ledger;
use ledger::graph::event_rows::AffectedRow;
use ledger::tables::audit::AuditRow;
use ledger::views::stored_events::StoredEvent;
use shared::env::Env;

use crate::cli::TraceOptions;
use crate::table::{Table, clean};
use crate::{events, open, output, when};

pub async fn run(env: &Env, options: &TraceOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let traces = read(&ledger, &options.id).await;
    ledger.close().await;
    let traces = traces?;
    if options.shape.json {
        return output::print_json(&traces);
    }
    output::print(&traces.iter().map(page).collect::<Vec<_>>().join("\n"))
}

/// One id may stand for several contents.
async fn read(ledger: &Ledger, id: &str) -> anyhow::Result<Vec<EventView>> {
    let views = open::answer(ledger, EventView::read_all(ledger, id)).await?;
    if views.is_empty() {
        events::find(ledger, id).await?;
    }
    Ok(views)
}

fn page(trace: &EventView) -> String {
    let event = &trace.event;
    let version = event.api_version.as_deref().unwrap_or("no API version");
    let owner = events::belongs_to(&event.account, event.livemode);
    let mut text =
        format!("{}  {}  ({}, {})\n\n", clean(&event.id), clean(&event.kind), clean(&owner), clean(version));
    text.push_str(&way(event));
    text.push_str(&shown_rows(trace.rows.as_deref()));
    text.push_str(&shown_audit(&trace.audit));
    text
}

fn way(event: &StoredEvent) -> String {
    let mut table = Table::default().text("WHEN").number("AFTER").text("WHAT").prose("HOW", 160);
    let via =
        if event.endpoint.is_empty() { String::new() } else { format!(", endpoint {}", event.endpoint) };
    let none = String::new;
    let by = "by Stripe's clock, in whole seconds";
    table.row([when::whole(event.created_at), none(), "created".to_owned(), by.to_owned()]);
    table.row([
        when::precise(event.received_at),
        when::shown(event.received_at - event.created_at),
        "received".to_owned(),
        format!("from {}{via}: verified, queued durably, answered 200", event.source),
    ]);
    let mut how = format!("attempt {}, handler version {}", event.attempts.max(1), event.handler_version);
    if let Some(reason) = &event.reason {
        write!(how, ": {reason}").expect("a String takes every write");
    }
    table.row([
        when::precise(event.recorded_at),
        when::shown(event.recorded_at - event.received_at),
        event.outcome.to_string(),
        how,
    ]);
    if let Some(retry_at) = event.retry_at {
        table.row([when::precise(retry_at), none(), "next try".to_owned(), none()]);
    }
    let mut text = table.render();
    match event.repetitions {
        0 => {}
        1 => text.push_str("\nIt came once more, which changed nothing.\n"),
        more => {
            writeln!(text, "\nIt came {more} more times, which changed nothing.")
                .expect("a String takes every write");
        }
    }
    if event.conflict {
        text.push_str("\nThe same id and API version came with other data too; both were merged.\n");
    }
    text
}

fn shown_rows(rows: Option<&[AffectedRow]>) -> String {
    let Some(rows) = rows else {
        return "\nThe rows that it touched are no longer known: its body is no longer stored.\n".to_owned();
    };
    if rows.is_empty() {
        return "\nIt touched no rows.\n".to_owned();
    }
    let mut table = Table::default().text("ROW").text("ID");
    for row in rows {
        table.row([row.kind.to_string(), row.id.clone()]);
    }
    format!("\n{}", table.render())
}

fn shown_audit(rows: &[AuditRow]) -> String {
    if rows.is_empty() {
        return "\nIt changed no status.\n".to_owned();
    }
    let mut table =
        Table::default().text("RECORDED").text("SUBJECT").text("ID").prose("CHANGE", 60).text("SEVERITY");
    for row in rows {
        table.row([
            when::precise(row.at),
            row.subject_kind.clone(),
            row.subject_id.clone(),
            change(row),
            row.severity.clone(),
        ]);
    }
    format!("\n{}", table.render())
}
