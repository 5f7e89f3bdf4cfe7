//! A planned replay: which events, how far it is, what came of it, and the button that runs it.

use ledger::tables::replays::{Came, Plan};
use maud::{Markup, html};

use super::acts::{Act, form};
use super::command::{command, quoted};
use super::object::{acts_panel, heading};
use super::shell::Frame;
use super::tables::{number, prose, section, text};
use super::values::{counted, moment, status};

pub fn page(frame: &Frame<'_>, plan: &Plan, came: &[Came]) -> Markup {
    let left = usize::try_from(plan.events - plan.queued).unwrap_or(0);
    html! {
        (heading("replay", &plan.replay, if left == 0 { "queued" } else { "planned" }, &plan.selection))
        p.lead {
            @if left == 0 { "All of its events are queued; workers handle them like live traffic." }
            @else { (counted(left, "event")) " of the plan wait for you to run it. Each runs once, however often it is started." }
        }
        div.sided {
            div.stack {
                (section("What came of them", &[text("Outcome"), number("Events"), prose("Reason")], came.iter().map(|came| vec![status(came.outcome.as_str()), html! { (came.events) }, html! { (came.reason.as_deref().unwrap_or_default()) }]).collect()))
            }
            div.stack {
                (acts_panel(&acts(frame, plan, left)))
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
                consequence: html! { "Queues the next events of the plan, at most 1,000 of " strong { (counted(left, "event")) } ". They are applied by the same rules as live ones." },
                fields: html! {},
                button: "Run the replay",
                is_dangerous: false,
            }))
        }
    }
}
