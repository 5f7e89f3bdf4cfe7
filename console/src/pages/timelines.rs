//! One timeline of what happened: what events did, what people did, what was said to Stripe, and what was told, each with
//! the link behind it. The address says which of them are shown.

use desk::views::story::{Happening, HappeningKind};
use desk::views::timeline::change;
use domain::Key;
use ledger::tables::audit::AuditRow;
use ledger::tables::notes::Note;
use maud::{Markup, html};

use super::address::Address;
use super::notes;
use super::values::{moment, object};

/// So many of what happened last are shown, and so many where all of it is asked for.
const LAST: usize = 40;
const LINES_LIMIT: usize = 1_000;
/// The parameters that narrow and widen it, and where a page has it.
const FILTER: &str = "timeline";
const ALL: &str = "timeline_all";
const PLACE: &str = "#happened";

const KINDS: [(HappeningKind, &str, &str); 4] = [
    (HappeningKind::Event, "events", "Events"),
    (HappeningKind::Act, "acts", "Acts"),
    (HappeningKind::Call, "calls", "Calls to Stripe"),
    (HappeningKind::Notice, "notices", "Notices"),
];

/// The timeline of a page about `own`; the newest line comes last.
pub fn timeline(
    (kind, key): (&str, &Key),
    story: &[Happening<'_>],
    notes: &[Note],
    address: &Address,
) -> Markup {
    let count = |kind| story.iter().filter(|happening| happening.kind() == kind).count();
    let shown = address.get(FILTER).and_then(|word| KINDS.iter().find(|(_, known, _)| *known == word));
    let is_kept = |happening: &&Happening<'_>| shown.is_none_or(|(kind, ..)| happening.kind() == *kind);
    let kept: Vec<&Happening<'_>> = story.iter().filter(is_kept).collect();
    let limit = if address.get(ALL).is_some() { LINES_LIMIT } else { LAST };
    let left_out = kept.len().saturating_sub(limit);
    let is_mixed = KINDS.iter().filter(|(kind, ..)| count(*kind) > 0).count() > 1;
    let tab = |word: Option<&str>, name: &str, count: usize| {
        let is_here = shown.map(|(_, word, _)| *word) == word;
        html! { a href={ (address.with(FILTER, word)) (PLACE) } aria-current=[is_here.then_some("true")] { (name) " " (count) } }
    };
    html! {
        section.panel #happened aria-label="What happened" {
            div.head {
                h2 { "What happened" }
                @if is_mixed || shown.is_some() {
                    div.tabs {
                        (tab(None, "All", story.len()))
                        @for (kind, word, name) in KINDS { @if count(kind) > 0 { (tab(Some(word), name, count(kind))) } }
                    }
                }
            }
            div.inner {
                @if story.is_empty() { p.muted { "Nothing about it has changed since the first report." } }
                @if left_out > 0 {
                    p.muted {
                        (left_out) " earlier lines are left out. "
                        @if limit == LAST { a href={ (address.with(ALL, Some("yes"))) (PLACE) } { "Show them" } } @else { "The API has all of them." }
                    }
                }
                ol.timeline { @for happening in &kept[left_out..] { (entry((kind, key), happening, notes)) } }
            }
        }
    }
}

fn entry((kind, key): (&str, &Key), happening: &Happening<'_>, notes: &[Note]) -> Markup {
    let (of_kind, of_id) = happening.subject();
    let is_own = of_kind == kind && of_id == key.id;
    let after = match happening {
        Happening::Change(line) if is_own => line.row.after.as_deref(),
        _ => None,
    };
    let severity = happening.severity();
    let class = matches!(severity, "warning" | "critical").then_some(severity);
    html! {
        li class=[class] {
            (moment(happening.at()))
            div {
                @if !is_own { span.kind { (of_kind.replace('_', " ")) " " (subject(of_kind, of_id)) ": " } }
                strong { (readable(happening)) }
                @if let Some(note) = notes::referred(notes, after) { ": " (note) }
                div.by { @match happening {
                    Happening::Change(line) => { @match &line.row.event_id {
                        Some(event) => { "by event " (object("event", event)) }
                        None => { "by " (line.row.actor) }
                    } }
                    Happening::Call { call, .. } => { "call to Stripe, attempt " (call.attempt) ", understood as " (call.class.replace('_', " ")) }
                    Happening::Notice(notice) => { "told: " (object("notice", notice.id())) }
                } }
            }
        }
    }
}

/// A step of a status without the marks of a program; ids and a text of a person as they are.
fn readable(happening: &Happening<'_>) -> String {
    match happening {
        Happening::Change(line) => changed(&line.row),
        _ => happening.says(),
    }
}

/// What a line of the audit says, for eyes: of a hash its beginning.
pub fn changed(row: &AuditRow) -> String {
    let says = change(row);
    let says: Vec<String> = says.split(' ').map(shortened).collect();
    let says = says.join(" ").replace("->", "→");
    if !["status", "state"].contains(&row.what.as_str()) {
        return says;
    }
    let is_word = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase() || b"_:,.".contains(&byte));
    let words =
        says.split(' ').map(|word| if is_word(word) { word.replace('_', " ") } else { word.to_owned() });
    words.collect::<Vec<_>>().join(" ")
}

fn shortened(word: &str) -> String {
    const HASH_DIGITS: usize = 64;
    const SHOWN_DIGITS: usize = 12;
    let is_hash = word.len() == HASH_DIGITS && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { format!("{}…", &word[..SHOWN_DIGITS]) } else { word.to_owned() }
}

/// What a line is about, with its page where it has one.
pub fn subject(kind: &str, id: &str) -> Markup {
    match kind {
        "ban" | "user" => object("user", id),
        "payment" | "charge" | "refund" | "dispute" | "invoice" | "subscription" | "customer" | "payout"
        | "event" | "operation" | "finding" | "listing" => object(kind, id),
        _ => html! { span.id { (id) } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_told_by_its_beginning_and_nothing_else_is_cut() {
        let hash = "5d0d64760a8e07e960d73d347add7b1b5d16ba9fc296411bc8ad518a6f97f305";
        assert_eq!(shortened(hash), "5d0d64760a8e…");
        for word in ["pi_3AekhiRkKRADYCzxDgJtY3SW", "", "1.00", &hash[1..]] {
            assert_eq!(shortened(word), word);
        }
    }
}
