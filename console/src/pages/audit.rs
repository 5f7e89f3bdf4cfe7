//! The audit: what people and programs did; of one object or event, all that happened to it.

use ledger::tables::audit::AuditRow;
use ledger::views::audit_list::AuditFilter;
use ledger::views::page::Page;
use ledger::views::search::Whose;
use maud::{Markup, html};

use super::listed::{self, field, next, window};
use super::modes;
use super::saved_views;
use super::shell::Frame;
use super::tables::{Column, empty, pager, prose, table, text};
use super::timelines::{changed, subject};
use super::tones::{badge, of_severity};
use super::values::{maybe_object, moment};

const LINES: &[Column] = &[
    text("Recorded"),
    text("By"),
    text("Kind"),
    text("About"),
    prose("Change"),
    text("Severity"),
    text("Event"),
    text("Account"),
];

/// Acts of people are of no mode; what was done with objects is of theirs.
pub fn filter(frame: &Frame<'_>) -> Result<AuditFilter, String> {
    let address = frame.address;
    let mode = modes::named(address).map(|_| frame.livemode);
    Ok(AuditFilter {
        subject: address.get("object").map(str::to_owned),
        event: address.get("event").map(str::to_owned),
        actor: address.get("by").map(str::to_owned),
        window: window(address, frame.now)?,
        whose: Whose { account: None, livemode: mode.filter(|livemode| !livemode) },
    })
}

pub fn page(frame: &Frame<'_>, found: &Page<AuditRow>) -> Markup {
    let address = frame.address;
    html! {
        div.title { h1 { "Audit" } span.muted { "What people and programs did, newest first" } }
        (saved_views::bar(frame))
        section.panel {
            (listed::filters(frame, &html! {
                (field(address, "object", "About the object", "pi_…, user, token", "text"))
                (field(address, "event", "By the event", "evt_…", "text"))
                (field(address, "by", "By", "jane", "text"))
                (listed::day_fields(address, "Since (UTC)"))
            }))
            @if found.rows.is_empty() {
                (empty("No line here.", &html! {
                    p { "Every act of a person or a program is a line here, refused ones too: notes, bans, pauses, replays, approvals. Lines are chained by a hash, so that a missing one shows." }
                    p { "What events changed stands in the timeline of each object; ask for one above." }
                }))
            } @else {
                (table("Lines of the audit", LINES, found.rows.iter().map(row).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), listed::csv(frame).as_deref()))
            }
        }
    }
}

fn row(line: &AuditRow) -> Vec<Markup> {
    vec![
        moment(line.at),
        html! { (line.actor) },
        html! { (line.subject_kind) },
        subject(&line.subject_kind, &line.subject_id),
        html! { (changed(line)) },
        badge(of_severity(&line.severity), &line.severity),
        maybe_object("event", line.event_id.as_deref()),
        html! { (line.account) },
    ]
}
