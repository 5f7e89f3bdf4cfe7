//! Dead letters by cause, with the money at risk; and of one cause its letters, with what a replay would do.

use desk::replay::{Change, LookAhead};
use desk::views::dead_letters::{DeadLetterLabels, Group, cause as cause_name};
use ledger::views::page::Page;
use ledger::views::stored_events::StoredEvent;
use maud::{Markup, html};

use super::acts::{Act, form, hidden, words};
use super::command::command;
use super::listed::{self, next};
use super::object::acts_panel;
use super::shell::Frame;
use super::tables::{Column, empty, number, pager, prose, section, table, text};
use super::timelines::subject;
use super::tones::{Tone, badge};
use super::values::{age, counted, money, object};

const LETTERS: &[Column] = &[
    text("Since"),
    text("Event"),
    text("Type"),
    text("About"),
    number("Money"),
    number("Attempts"),
    prose("Reason"),
    text("Account"),
];
/// So many changed rows of a plan are listed.
const CHANGES_LIMIT: usize = 100;

pub fn groups(frame: &Frame<'_>, groups: &[Group]) -> Markup {
    let columns = [
        number("Events"),
        number("Objects"),
        number("Money at risk"),
        text("First"),
        text("Last"),
        prose("Cause"),
    ];
    let rows = groups.iter().map(|group| {
        vec![
            html! { (group.events) },
            html! { (group.objects) },
            html! { @for (currency, amount) in &group.money_at_risk { (money(*amount, currency)) " " } },
            group.first_at.map(|at| age(at, frame.now)).unwrap_or_default(),
            group.last_at.map(|at| age(at, frame.now)).unwrap_or_default(),
            html! { a href=(frame.address.with("cause", Some(&cause_name(&group.fingerprint)))) { (group.fingerprint) } },
        ]
    });
    html! {
        div.title {
            h1 { "Dead letters" }
            span.muted { "Events that could not be applied, by cause" }
            span.end { a href="/payments/replays" { "Replays" } }
        }
        section.panel {
            @if groups.is_empty() {
                (empty("No dead letter.", &html! {
                    p { "An event becomes one if its body can never be applied, or if its attempts are used up. Its bytes are kept; after a fix, a replay applies it." }
                }))
            } @else { (table("Causes", &columns, rows.collect())) }
        }
    }
}

/// The letters of one cause, and what a replay of all of them would do.
pub fn of_cause(frame: &Frame<'_>, group: &Group, found: &Page<StoredEvent>, plan: &LookAhead) -> Markup {
    let address = frame.address;
    let cause = cause_name(&group.fingerprint);
    html! {
        div.title {
            h1 { "Dead letters of one cause" }
            (badge(Tone::Bad, &counted(group.events, "event")))
            span.end { a href=(address.with("cause", None)) { "All causes" } }
        }
        p.lead { (group.fingerprint) }
        div.sided {
            div.stack {
                section.panel {
                    (table("Dead letters", LETTERS, found.rows.iter().map(|letter| row(frame, letter)).collect()))
                    (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), None))
                }
            }
            div.stack {
                (would_do(plan))
                (acts_panel(&acts(frame, group, found, plan)))
                section.panel {
                    h2 { "Elsewhere" }
                    div.inner {
                        (command("plan-command", &format!("tidegate replay plan --fingerprint {cause}")))
                        (command("discard-command", &format!("tidegate dead-letters discard --fingerprint {cause} --reason …")))
                    }
                }
            }
        }
        (changes(&plan.changes))
    }
}

fn acts(frame: &Frame<'_>, group: &Group, found: &Page<StoredEvent>, plan: &LookAhead) -> Markup {
    let (count, shown) = (group.events, found.rows.len());
    html! {
        (form(frame, &Act {
            endpoint: "plan_replay",
            path: &[],
            title: "Plan a replay",
            consequence: html! { "Freezes these " strong { (count) } " dead letters as a plan; " strong { (plan.would_apply) } " of them would apply now" (checked_again(plan)) ". Nothing runs before you start it on the next page." },
            fields: hidden("cause", &cause_name(&group.fingerprint)),
            button: "Plan the replay",
            is_dangerous: false,
        }))
        (form(frame, &Act {
            endpoint: "discard_dead_letters",
            path: &[],
            title: "Discard",
            consequence: html! { "Puts the " strong { (shown) } " dead letters of this page aside for good: what they say stays missing from the ledger. A replay can still bring them back." },
            fields: html! {
                @for letter in &found.rows { (hidden("ids", &letter.id)) }
                (words("reason", "Reason", "It stands in the audit, with your name.", true))
            },
            button: "Discard them",
            is_dangerous: true,
        }))
    }
}

fn checked_again(plan: &LookAhead) -> Markup {
    html! { @if plan.suspects > 0 { ", " strong { (plan.suspects) } " are checked again when it runs" } }
}

fn would_do(plan: &LookAhead) -> Markup {
    html! {
        section.panel {
            h2 { "What a replay would do now" }
            div.inner {
                dl.facts {
                    div { dt { "looked at" } dd { (plan.events) } }
                    div { dt { "would apply" } dd { strong { (plan.would_apply) } } }
                    div { dt { "would fail again" } dd { (plan.would_fail.values().sum::<usize>()) } }
                    div { dt { "checked again when it runs" } dd { (plan.suspects) } }
                    div { dt { "body no longer kept" } dd { (plan.without_bytes) } }
                    div { dt { "rows changed" } dd { (plan.changes.len()) } }
                }
                @if plan.suspects > 0 { p.muted { "These messages are not what was published. A replay checks each of them again; what they change is not foretold." } }
                @else if plan.would_apply == 0 { p.muted { "A replay would change nothing yet: the cause still holds." } }
            }
        }
    }
}

fn changes(changes: &[Change]) -> Markup {
    let rows = changes.iter().take(CHANGES_LIMIT).flat_map(|change| {
        change.columns.iter().map(|(column, (before, after))| {
            vec![
                html! { (change.kind) },
                subject(change.kind.as_str(), &change.key.id),
                html! { (column.replace('_', " ")) },
                html! { span.id { (before) } },
                html! { span.id { (after) } },
            ]
        })
    });
    let columns = [text("Kind"), text("Id"), text("Field"), text("Is"), text("Would be")];
    section("Rows that would change", &columns, rows.collect())
}

fn row(frame: &Frame<'_>, letter: &StoredEvent) -> Vec<Markup> {
    let labels = DeadLetterLabels::of(letter);
    vec![
        age(labels.since, frame.now),
        object("event", &letter.id),
        html! { (letter.kind) },
        html! { span.id { (letter.object_id.as_deref().unwrap_or_default()) } },
        labels.money_at_risk.map(|(amount, currency)| money(amount, currency)).unwrap_or_default(),
        html! { (letter.attempts) },
        html! { (letter.reason.as_deref().unwrap_or_default()) },
        html! { (letter.account) },
    ]
}
