//! What waits for a second administrator: what it would change, who asked and why, and the word of another one.

use ledger::tables::pending_changes::PendingChange;
use maud::{Markup, html};

use super::acts::{Act, form, words};
use super::shell::Frame;
use super::tables::{Column, prose, section, text};
use super::values::{age, until};

const COLUMNS: &[Column] = &[
    text("Asked for"),
    text("Change"),
    prose("From"),
    prose("To"),
    prose("Reason"),
    text("By"),
    text("Lapses"),
    text("Decide"),
];

/// Nothing where nothing waits.
pub fn panel<'a>(frame: &Frame<'_>, waiting: impl Iterator<Item = &'a PendingChange>) -> Markup {
    section("Waits for a second administrator", COLUMNS, waiting.map(|change| row(frame, change)).collect())
}

fn row(frame: &Frame<'_>, change: &PendingChange) -> Vec<Markup> {
    vec![
        age(change.asked_at, frame.now),
        html! { span { (change.kind) " " (change.subject) } },
        html! { (change.before.as_deref().unwrap_or_default()) },
        html! { (change.after) },
        html! { (change.reason) },
        html! { (change.asked_by) },
        until(change.ends_at, frame.now),
        decide(frame, change),
    ]
}

fn decide(frame: &Frame<'_>, change: &PendingChange) -> Markup {
    let is_own = change.asked_by == frame.actor.staff();
    let what = html! { strong { (change.kind) " " (change.subject) ": " (change.after) } };
    let path = [change.id.as_str()];
    html! {
        div {
        @if is_own { p.muted { "You asked for it: another administrator approves it." } }
        @else {
            (form(frame, &Act {
                endpoint: "approve_pending_change",
                path: &path,
                title: "Approve",
                consequence: html! { "With your word this counts at once: " (what) "." },
                fields: html! {},
                button: "Approve it",
                is_dangerous: false,
            }))
        }
        (form(frame, &Act {
            endpoint: "reject_pending_change",
            path: &path,
            title: if is_own { "Take it back" } else { "Reject" },
            consequence: html! { "Nothing changes: " (what) "." },
            fields: words("reason", "Reason", "It stands in the audit, with your name.", true),
            button: if is_own { "Take it back" } else { "Reject it" },
            is_dangerous: true,
        }))
        }
    }
}
