//! Replays: those that were planned, and of one which events, how far it is, what came of it, and the button that runs it.

use std::collections::BTreeMap;

use ledger::tables::replays::{Came, Plan};
use ledger::views::page::Page;
use maud::{Markup, html};

use super::acts::{Act, form};
use super::command::{command, quoted};
use super::listed::{self, next};
use super::object::{acts_panel, heading, sided};
use super::refresh;
use super::shell::Frame;
use super::tables::{Column, empty, number, pager, prose, section, table, text};
use super::values::{age, counted, moment, object, status};

const PLANS: &[Column] = &[
    text("Planned"),
    text("Replay"),
    text("State"),
    number("Events"),
    number("Queued"),
    prose("What"),
    text("By"),
];

pub fn list(frame: &Frame<'_>, found: &Page<Plan>) -> Markup {
    let rows = found.rows.iter().map(|plan| {
        vec![
            age(plan.planned_at, frame.now),
            object("replay", &plan.replay),
            status(state(plan)),
            html! { (plan.events) },
            html! { (plan.queued) },
            html! { (plan.selection) },
            html! { (plan.planned_by) },
        ]
    });
    html! {
        div.title {
            h1 { "Replays" }
            span.muted { "Events that were run again, or are planned to be" }
            span.end { a href="/payments/dead-letters" { "Dead letters" } }
        }
        section.panel {
            @if found.rows.is_empty() {
                (empty("No replay was planned.", &html! {
                    p { "A replay runs stored events again by the same rules as live ones. Plan one on the page of a " a href="/payments/dead-letters" { "dead letter's cause" } "; it shows which rows would change first." }
                }))
            } @else {
                (table("Replays", PLANS, rows.collect()))
                (pager(listed::first(frame.address).as_deref(), next(frame.address, found).as_deref(), found.rows.len(), None))
            }
        }
    }
}

fn state(plan: &Plan) -> &'static str {
    if plan.queued >= plan.events { "queued" } else { "planned" }
}

fn is_done(plan: &Plan, handled: i64) -> bool {
    plan.queued >= plan.events && handled >= plan.events
}

/// `3 applied, 1 dead`.
fn outcomes(came: &[Came]) -> String {
    let mut events: BTreeMap<&str, i64> = BTreeMap::new();
    for came in came {
        *events.entry(came.outcome.as_str()).or_default() += came.events;
    }
    events.iter().map(|(outcome, events)| format!("{events} {outcome}")).collect::<Vec<_>>().join(", ")
}

pub fn page(frame: &Frame<'_>, plan: &Plan, came: &[Came]) -> Markup {
    let left = usize::try_from(plan.events - plan.queued).unwrap_or(0);
    let handled: i64 = came.iter().map(|came| came.events).sum();
    html! {
        div data-live { div.stack {
        (heading("replay", &plan.replay, if is_done(plan, handled) { "done" } else { state(plan) }, &plan.selection))
        p.lead {
            @if is_done(plan, handled) { "All of its events were handled: " (outcomes(came)) "." }
            @else if left == 0 { "All of its events are queued; workers handle them like live traffic." }
            @else { (counted(left, "event")) " of the plan " (if left == 1 { "waits" } else { "wait" }) " for you to run it. Each runs once, however often it is started." }
        }
        (sided(&acts_panel(&acts(frame, plan, left)), &html! {
                (progress(plan, handled))
                (section("What came of them", &[text("Outcome"), number("Events"), prose("Reason")], came.iter().map(|came| vec![status(came.outcome.as_str()), html! { (came.events) }, html! { (came.reason.as_deref().unwrap_or_default()) }]).collect()))
            }, &html! {
                section.panel {
                    h2 { "Details" }
                    div.inner { dl.facts {
                        div { dt { "planned by" } dd { (plan.planned_by) } }
                        div { dt { "planned" } dd { (moment(plan.planned_at)) } }
                        div { dt { "events" } dd { (plan.events) } }
                        div { dt { "queued" } dd { (plan.queued) } }
                    } }
                }
                section.panel {
                    h2 { "Elsewhere" }
                    div.inner { (command("same-command", &format!("tidegate replay run {}", quoted(&plan.replay)))) }
                }
            }))
        } }
    }
}

/// How many events are queued and handled.
fn progress(plan: &Plan, handled: i64) -> Markup {
    html! {
        section.panel {
            div.head { h2 { "Progress" } @if handled < plan.events && plan.queued > 0 { (refresh::button()) } }
            div.inner.progress {
                label for="queued" { "Queued" } progress id="queued" max=(plan.events.max(1)) value=(plan.queued) {} span.num { (plan.queued) " of " (plan.events) }
                label for="handled" { "Handled" } progress id="handled" max=(plan.events.max(1)) value=(handled) {} span.num { (handled) " of " (plan.events) }
            }
        }
    }
}

fn acts(frame: &Frame<'_>, plan: &Plan, left: usize) -> Markup {
    html! {
        @if left > 0 {
            (form(frame, &Act {
                endpoint: "run_replay",
                path: &[plan.replay.as_str()],
                title: "Run it",
                consequence: html! { "Queues " strong { (counted(left, "event")) } " of the plan, 1,000 at a time. They are applied by the same rules as live ones." },
                fields: html! {},
                button: "Run the replay",
                is_dangerous: false,
            }))
        }
    }
}
