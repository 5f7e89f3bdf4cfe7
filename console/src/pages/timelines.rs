//! One timeline of what happened: what events did, and what people did, each with the link behind it.

use desk::views::timeline::change;
use domain::Key;
use ledger::tables::audit::Line;
use ledger::tables::notes::Note;
use maud::{Markup, html};

use super::address::Address;
use super::notes;
use super::values::{moment, object};

/// So many lines are shown, the last ones.
const LINES_LIMIT: usize = 200;
/// The parameter that narrows it.
const FILTER: &str = "timeline";

/// The timeline of a page about `own`; the newest line comes last.
pub fn timeline((kind, key): (&str, &Key), lines: &[Line], notes: &[Note], address: &Address) -> Markup {
    let filter = address.get(FILTER);
    let is_act = |line: &&Line| line.row.event_id.is_none();
    let (acts, all) = (lines.iter().filter(is_act).count(), lines.len());
    let kept: Vec<&Line> = match filter {
        Some("events") => lines.iter().filter(|line| !is_act(line)).collect(),
        Some("acts") => lines.iter().filter(is_act).collect(),
        _ => lines.iter().collect(),
    };
    let left_out = kept.len().saturating_sub(LINES_LIMIT);
    let tab = |name: Option<&str>, words: &str, count: usize| {
        let is_here = filter == name;
        html! { a href=(address.with(FILTER, name)) aria-current=[is_here.then_some("true")] { (words) " " (count) } }
    };
    html! {
        section.panel aria-label="What happened" {
            div.head {
                h2 { "What happened" }
                @if acts > 0 && acts < all {
                    div.tabs { (tab(None, "All", all)) (tab(Some("events"), "Events", all - acts)) (tab(Some("acts"), "People", acts)) }
                }
            }
            div.inner {
                @if lines.is_empty() { p.muted { "Nothing about it has changed since the first report." } }
                @if left_out > 0 { p.muted { (left_out) " earlier lines are left out here; the command below prints them." } }
                ol.timeline { @for line in &kept[left_out..] { (entry((kind, key), line, notes)) } }
            }
        }
    }
}

fn entry((kind, key): (&str, &Key), line: &Line, notes: &[Note]) -> Markup {
    let row = &line.row;
    let is_own = row.subject_kind == kind && row.subject_id == key.id;
    let note = if is_own { notes::referred(notes, row.after.as_deref()) } else { None };
    let class = matches!(row.severity.as_str(), "warning" | "critical").then_some(row.severity.as_str());
    html! {
        li class=[class] {
            (moment(line.happened_at.unwrap_or(row.at)))
            div {
                @if !is_own { span.kind { (row.subject_kind) " " } (subject(&row.subject_kind, &row.subject_id)) ": " }
                strong { (readable(line)) }
                @if let Some(note) = note { ": " (note) }
                div.by { @match &row.event_id {
                    Some(event) => { "by event " (object("event", event)) }
                    None => { "by " (row.actor) }
                } }
            }
        }
    }
}

/// A step of a status without the marks of a program; ids and a text of a person as they are.
fn readable(line: &Line) -> String {
    let says = change(&line.row);
    if !["status", "state"].contains(&line.row.what.as_str()) {
        return says;
    }
    let is_word = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || b"_:,.".contains(&byte));
    let words =
        says.split(' ').map(|word| if is_word(word) { word.replace('_', " ") } else { word.to_owned() });
    words.collect::<Vec<_>>().join(" ").replace("->", "→")
}

/// What a line is about, with its page where it has one.
pub fn subject(kind: &str, id: &str) -> Markup {
    match kind {
        "ban" | "user" => object("user", id),
        "payment" | "charge" | "refund" | "dispute" | "invoice" | "subscription" | "customer" | "payout"
        | "event" | "operation" | "finding" => object(kind, id),
        _ => html! { span.id { (id) } },
    }
}
