//! Objects whose figures contradict each other, each contradiction with both sides.

use desk::views::anomalies::Contradictory;
use ledger::views::page::Page;
use maud::{Markup, html};

use super::listed::{self, next};
use super::shell::Frame;
use super::tables::{Column, empty, pager, prose, table, text};
use super::values::object;

const ANOMALIES: &[Column] =
    &[text("Kind"), text("Id"), prose("Contradiction"), prose("Both sides"), text("Account")];

pub fn page(frame: &Frame<'_>, found: &Page<Contradictory>) -> Markup {
    html! {
        div.title { h1 { "Anomalies" } span.muted { "Figures that contradict each other; those that changed last come first" } }
        section.panel {
            @if found.rows.is_empty() {
                (empty("Nothing contradicts itself.", &html! {
                    p { "An anomaly is shown, never hidden in a sum: more refunded than received, a dispute above its charge, two currencies in one payment." }
                }))
            } @else {
                (table("Anomalies", ANOMALIES, rows(&found.rows)))
                (pager(listed::first(frame.address).as_deref(), next(frame.address, found).as_deref(), found.rows.len(), None))
            }
        }
    }
}

fn rows(found: &[Contradictory]) -> Vec<Vec<Markup>> {
    let all = found.iter().flat_map(|row| {
        row.contradictions.iter().map(move |contradiction| {
            vec![
                html! { (row.kind) },
                object(&row.kind, &row.key.id),
                html! { (contradiction.says) },
                html! { (contradiction.figures) },
                html! { (row.key.account) },
            ]
        })
    });
    all.collect()
}
