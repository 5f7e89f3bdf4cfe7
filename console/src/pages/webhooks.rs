//! The event log: every webhook that was accepted, with its verdict and what became of it, the newest first.

use chrono::{DateTime, Utc};
use domain::outcome::OutcomeKind;
use ledger::views::page::Page;
use ledger::views::stored_events::{EventFilter, StoredEvent};
use maud::{Markup, html};

use super::listed::{self, choice, field, next};
use super::saved_views;
use super::shell::Frame;
use super::tables::{Column, empty, number, pager, prose, table, text};
use super::values::{age, maybe_object, object, status};

const EVENTS: &[Column] = &[
    text("Recorded"),
    text("Event"),
    text("Type"),
    text("Outcome"),
    text("About"),
    number("Came again"),
    text("Source"),
    prose("Reason"),
    text("Account"),
];

/// What the address asks for.
pub fn filter(frame: &Frame<'_>) -> Result<EventFilter, String> {
    let address = frame.address;
    let window = listed::window(address, frame.now)?;
    Ok(EventFilter {
        kind: address.get("type").map(str::to_owned),
        outcome: address.get("outcome").map(str::to_owned),
        object: address.get("object").map(str::to_owned),
        since: window.since,
        until: window.until,
        livemode: Some(frame.livemode),
        ..EventFilter::default()
    })
}

pub fn page(frame: &Frame<'_>, found: &Page<StoredEvent>) -> Markup {
    let address = frame.address;
    html! {
        div.title { h1 { "Webhooks" } span.muted { "Every event that was accepted, newest first" } }
        (saved_views::bar(frame))
        section.panel {
            (listed::filters(frame, &html! {
                (choice(address, "outcome", "Outcome", "any", OutcomeKind::WORDS))
                (field(address, "type", "Type", "charge.* or payment_intent.succeeded", "text"))
                (field(address, "object", "Changed the status of", "pi_…", "text"))
                (listed::day_fields(address, "Since (UTC)"))
            }))
            @if found.rows.is_empty() {
                (empty("No event here.", &html! {
                    p { "An event appears as soon as a worker has handled it: applied, ignored with a reason, waiting for another try, or dead." }
                    p { "To see some in test mode: " code { "tidegate send" } "." }
                }))
            } @else {
                (table("Events", EVENTS, found.rows.iter().map(|event| row(event, frame.now)).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), listed::csv(frame).as_deref()))
            }
        }
    }
}

/// Events on the page of something else.
pub fn section(title: &str, events: &[StoredEvent], now: DateTime<Utc>) -> Markup {
    super::tables::section(title, EVENTS, events.iter().map(|event| row(event, now)).collect())
}

fn row(event: &StoredEvent, now: DateTime<Utc>) -> Vec<Markup> {
    vec![
        age(event.recorded_at, now),
        object("event", &event.id),
        html! { (event.kind) },
        status(event.outcome.as_str()),
        event
            .object_id
            .as_deref()
            .map(|id| html! { a.id href=(super::address::link("/search", [("q", id)])) { (id) } })
            .unwrap_or_default(),
        if event.repetitions == 0 {
            html! {}
        } else {
            html! { (event.repetitions) }
        },
        if event.source == "stripe" {
            html! {}
        } else {
            html! { (event.source) }
        },
        html! { (event.reason.as_deref().unwrap_or_default()) },
        maybe_account(&event.account),
    ]
}

fn maybe_account(account: &str) -> Markup {
    if account.is_empty() {
        maybe_object("", None)
    } else {
        html! { span.id { (account) } }
    }
}
