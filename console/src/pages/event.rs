//! The page of one event: its way from Stripe's timestamp to the rows that it changed.

use bytes::Bytes;
use chrono::TimeDelta;
use desk::acts::bodies;
use desk::views::event::EventView;
use desk::views::timeline::change;
use desk::when;
use desk::wording::belongs_to;
use ledger::{Ledger, LedgerError};
use maud::{Markup, html};

use super::acts::{Act, form, hidden};
use super::address::encoded;
use super::command::{command, curl, quoted};
use super::object::{acts_panel, heading, sided};
use super::shell::Frame;
use super::tables::{prose, section, text};
use super::timelines::subject;
use super::tones::{badge, of_severity};
use super::values::moment;

/// What Stripe sent as each content of an event, for whoever has opened it.
pub type Bodies = Option<Vec<Option<Bytes>>>;

pub async fn read_bodies(
    ledger: &Ledger,
    frame: &Frame<'_>,
    views: &[EventView],
) -> Result<Bodies, LedgerError> {
    let Some(first) = views.first() else { return Ok(None) };
    if !bodies::is_open(ledger, &first.event.id, frame.actor, frame.now).await? {
        return Ok(None);
    }
    let mut read = Vec::new();
    for view in views {
        read.push(ledger.body(&view.event.key()).await?);
    }
    Ok(Some(read))
}

pub fn pages(frame: &Frame<'_>, views: &[EventView], bodies: &Bodies) -> Markup {
    html! {
        @if views.len() > 1 { p.note { "The same id came with several contents; each is below." } }
        @for (place, view) in views.iter().enumerate() {
            (one(frame, view, bodies.as_ref().map(|bodies| sent(bodies.get(place).and_then(Option::as_ref))).as_ref()))
        }
    }
}

fn one(frame: &Frame<'_>, view: &EventView, body: Option<&Markup>) -> Markup {
    let event = &view.event;
    let version = event.api_version.as_deref().unwrap_or("no API version");
    html! {
        (heading("event", &event.id, event.outcome.as_str(), &belongs_to(&event.account, event.livemode)))
        p.lead { (sentence(view)) }
        (sided(&acts_panel(&acts(frame, view, body.is_some())), &html! {
                (way(view))
                (section("What it changed", &[text("Kind"), text("Id")], view.rows.iter().flatten().map(|row| {
                    vec![html! { (row.kind) }, subject(row.kind.as_str(), &row.id)]
                }).collect()))
                @if view.rows.is_none() { p.note { "Which rows it is about is no longer known: its body is no longer stored." } }
                (section("What it changed", &[text("Recorded"), text("Kind"), text("Id"), prose("Change"), text("Severity")], view.audit.iter().map(|row| vec![
                    moment(row.at),
                    html! { (row.subject_kind) },
                    subject(&row.subject_kind, &row.subject_id),
                    html! { (change(row).replace("->", "→").replace('_', " ")) },
                    badge(of_severity(&row.severity), &row.severity),
                ]).collect()))
                @if view.audit.is_empty() { p.note { "It changed no status." } }
                @if let Some(body) = body { (body) }
            }, &html! {
                section.panel {
                    h2 { "Details" }
                    div.inner { dl.facts {
                        div { dt { "type" } dd { (event.kind) } }
                        div { dt { "API version" } dd { (version) } }
                        div { dt { "source" } dd { (event.source) } }
                        @if !event.endpoint.is_empty() { div { dt { "endpoint" } dd { (event.endpoint) } } }
                        div { dt { "signature" } dd { "verified when it was received" } }
                        div { dt { "attempts" } dd { (event.attempts.max(1)) } }
                        div { dt { "repeated deliveries" } dd { (event.repetitions) } }
                        div { dt { "rules" } dd { "version " (event.handler_version) } }
                        @if let Some(trace) = trace_id(&event.trace_parent) { div { dt { "trace" } dd { span.id { (trace) } } } }
                        div { dt { "content hash" } dd { span.id { (event.content_hash) } } }
                        @if let Some(erased) = event.erased_at { div { dt { "body erased" } dd { (moment(erased)) } } }
                    } }
                }
                section.panel {
                    h2 { "Elsewhere" }
                    div.inner {
                        (command("same-command", &format!("tidegate trace {}", quoted(&event.id))))
                        (command("same-request", &curl(&format!("/api/v1/events/{}", encoded(&event.id)))))
                    }
                }
            }))
    }
}

/// Byte for byte: no number is rounded, nothing is put in order.
fn sent(body: Option<&Bytes>) -> Markup {
    html! {
        section.panel {
            div.head { h2 { "What Stripe sent" } span.muted { "as it was received; the audit says that you looked" } }
            div.inner { @match body {
                Some(bytes) => { pre id="body" tabindex="0" { (String::from_utf8_lossy(bytes)) } button.quiet type="button" data-copy="body" data-script { "Copy" } }
                None => { p.muted { "It is no longer stored." } }
            } }
        }
    }
}

fn acts(frame: &Frame<'_>, view: &EventView, is_open: bool) -> Markup {
    let event = &view.event;
    html! {
        (form(frame, &Act {
            endpoint: "plan_replay",
            path: &[],
            title: "Plan a replay",
            consequence: html! { "Plans to run " strong { (event.id) } " (" (event.kind) ") once more through the same rules. Nothing runs before you start it on the next page." },
            fields: hidden("ids", &event.id),
            button: "Plan the replay",
            is_dangerous: false,
        }))
        @if !is_open {
            (form(frame, &Act {
                endpoint: "open_event_body",
                path: &[&event.id],
                title: "Show what Stripe sent",
                consequence: html! { "The body may hold data of a card or a customer. The audit notes that you looked; the page shows it to you for ten minutes." },
                fields: html! {},
                button: "Show the body",
                is_dangerous: false,
            }))
        }
    }
}

fn sentence(view: &EventView) -> String {
    let event = &view.event;
    let reason = event.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    match event.outcome.as_str() {
        "applied" => {
            format!("{} was applied; its effects were committed together with its record.", event.kind)
        }
        "ignored" => format!("{} was ignored{reason}.", event.kind),
        "waiting" => format!("{} could not be applied yet{reason}. It is tried again.", event.kind),
        _ => format!("{} is a dead letter{reason}.", event.kind),
    }
}

fn way(view: &EventView) -> Markup {
    let event = &view.event;
    let took = |millis: i64| when::shown(TimeDelta::milliseconds(millis));
    html! {
        section.panel {
            h2 { "What happened to it" }
            div.inner { ol.timeline {
                li { (moment(event.created_at)) div { strong { "created" } div.by { "by Stripe's clock, in whole seconds" } } }
                li { (moment(event.received_at)) div { strong { "received" } div.by { (took(view.created_to_received_ms)) " later: verified, queued durably, answered 200" } } }
                li { (moment(event.recorded_at)) div { strong { (event.outcome) } div.by { (took(view.received_to_recorded_ms)) " later" } } }
                @if let Some(retry_at) = event.retry_at { li { (moment(retry_at)) div { strong { "next try" } } } }
            } }
        }
    }
}

/// The middle part of a W3C trace parent.
fn trace_id(parent: &str) -> Option<&str> {
    parent.split('-').nth(1).filter(|id| id.len() == 32)
}
