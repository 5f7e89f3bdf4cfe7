//! Consumption by the workers: whether it is paused, by whom and why, and the switch.

use desk::views::pauses::Consumption;
use ledger::tables::pauses::{PastPause, Pause};
use maud::{Markup, html};

use super::acts::{Act, form, words};
use super::command::command;
use super::object::acts_panel;
use super::shell::Frame;
use super::tables::{prose, section, text};
use super::tones::{Tone, badge};
use super::values::{age, maybe_moment, moment};

pub fn page(frame: &Frame<'_>, consumption: &Consumption) -> Markup {
    let lasting = consumption.pause.as_ref();
    html! {
        div.title {
            h1 { "Workers" }
            @if lasting.is_some() { (badge(Tone::Warn, "paused")) } @else { (badge(Tone::Good, "working")) }
        }
        @match lasting {
            Some(pause) => p.lead { "Every worker is paused by " strong { (pause.paused_by) } ", " (age(pause.paused_at, frame.now)) ": " (pause.reason) ". Webhooks are still accepted, and wait in the queue." },
            None => p.lead { "Workers take events from the queue and apply them. A pause stops all of them within about a second; webhooks are still accepted, and wait." },
        }
        div.sided {
            div.stack { (pauses(&consumption.pauses)) }
            div.stack {
                (acts_panel(&switch(frame, ["Pause", "Resume"], lasting)))
                section.panel {
                    h2 { "Elsewhere" }
                    div.inner { (command("same-command", if lasting.is_some() { "tidegate worker resume" } else { "tidegate worker pause --reason '…'" })) }
                }
            }
        }
    }
}

/// To pause them, or to resume them; each with its title.
pub fn switch(frame: &Frame<'_>, [pauses, resumes]: [&'static str; 2], lasting: Option<&Pause>) -> Markup {
    match lasting {
        Some(pause) => form(
            frame,
            &Act {
                endpoint: "resume_workers",
                path: &[],
                title: resumes,
                consequence: html! { "Every worker goes on with what waits. It was paused because: " strong { (pause.reason) } },
                fields: html! {},
                button: "Resume the workers",
                is_dangerous: false,
            },
        ),
        None => form(
            frame,
            &Act {
                endpoint: "pause_workers",
                path: &[],
                title: pauses,
                consequence: html! { "Every worker finishes its batch and takes " strong { "nothing more" } ", until somebody resumes them. What staff see grows old meanwhile." },
                fields: words("reason", "Reason", "Everybody sees it, with your name.", true),
                button: "Pause the workers",
                is_dangerous: true,
            },
        ),
    }
}

fn pauses(history: &[PastPause]) -> Markup {
    let columns = [text("Paused"), text("By"), prose("Reason"), text("Resumed"), text("Resumed by")];
    let rows = history.iter().map(|pause| {
        vec![
            moment(pause.paused_at),
            html! { (pause.paused_by) },
            html! { (pause.reason) },
            maybe_moment(pause.resumed_at),
            html! { (pause.resumed_by.as_deref().unwrap_or_default()) },
        ]
    });
    section("Pauses", &columns, rows.collect())
}
