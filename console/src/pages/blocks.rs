//! Who is not charged, and whose bodies are kept beyond their retention: who placed it, why, and the act that lifts it.

use ledger::Ledger;
use ledger::tables::blocks::Block;
use ledger::tables::holds::Hold;
use ledger::views::page::Page;
use maud::{Markup, html};

use super::acts::{Act, form, hidden, words};
use super::command::command;
use super::found::Failed;
use super::listed;
use super::object::{acts_panel, sided};
use super::shell::Frame;
use super::tables::{Column, empty, pager, prose, table, text};
use super::values::moment;

/// Where each list goes on stands in the address under these names.
const BLOCKS: &str = "blocks_after";
const HOLDS: &str = "holds_after";
const COLUMNS: &[Column] = &[text("Since"), text("Of"), prose("Reason"), text("By"), text("End it")];

pub(super) async fn read(ledger: &Ledger, frame: &Frame<'_>) -> Result<Markup, Failed> {
    let part = |name| listed::part_after(frame.address, name);
    let (of_blocks, of_holds) = (part(BLOCKS)?, part(HOLDS)?);
    let mut tx = ledger.read().await?;
    Ok(page(frame, &tx.blocks(&of_blocks).await?, &tx.holds(&of_holds).await?))
}

fn page(frame: &Frame<'_>, blocks: &Page<Block>, holds: &Page<Hold>) -> Markup {
    let turn = |(first, next): (Option<String>, Option<String>), shown: usize| {
        pager(first.as_deref(), next.as_deref(), shown, None)
    };
    html! {
        div.title { h1 { "Blocks and holds" } span.muted { "Each stands until staff lift it, whatever the account and mode" } }
        (sided(&acts_panel(&html! { (block(frame, None)) (hold(frame)) }), &html! {
                section.panel {
                    div.head { h2 { "Blocked: not charged" } }
                    @if blocks.rows.is_empty() && frame.address.get(BLOCKS).is_none() {
                        (empty("Nobody is blocked.", &html! { p { "A block refuses charges, subscriptions and retries of invoices. A ban follows from chargebacks; a block is a person's word." } }))
                    } @else {
                        (table("Blocks", COLUMNS, blocks.rows.iter().map(|block| blocked(frame, block)).collect()))
                        (turn(listed::turns(frame.address, BLOCKS, blocks), blocks.rows.len()))
                    }
                }
                section.panel {
                    div.head { h2 { "On hold: bodies are kept" } }
                    @if holds.rows.is_empty() && frame.address.get(HOLDS).is_none() {
                        (empty("Nothing is on hold.", &html! { p { "A hold keeps the bodies of an object's events beyond their retention, for a lawsuit or an investigation." } }))
                    } @else {
                        (table("Holds", COLUMNS, holds.rows.iter().map(|hold| held(frame, hold)).collect()))
                        (turn(listed::turns(frame.address, HOLDS, holds), holds.rows.len()))
                    }
                }
            }, &html! {
                section.panel {
                    h2 { "Elsewhere" }
                    div.inner {
                        (command("same-command", "tidegate block add ID --reason '…'"))
                        (command("hold-command", "tidegate hold add ID --reason '…'"))
                    }
                }
            }))
    }
}

/// To charge somebody no more: whoever is named, or is typed in.
pub fn block(frame: &Frame<'_>, of: Option<&str>) -> Markup {
    let consequence = match of {
        Some(id) => {
            html! { "Nothing is charged to " strong { (id) } " until the block is lifted: charges, subscriptions and retries of invoices are refused. Refunds go on." }
        }
        None => {
            html! { "Nothing is charged until the block is lifted: charges, subscriptions and retries of invoices are refused. Refunds go on." }
        }
    };
    let fields = html! {
        @match of {
            Some(id) => (hidden("id", id)),
            None => (words("id", "Customer or user", "A customer at Stripe, or a user of yours.", false)),
        }
        (words("reason", "Reason", "It stands in the audit, and whoever asks for a charge reads it.", true))
    };
    form(
        frame,
        &Act {
            endpoint: "place_block",
            path: &[],
            title: "Block",
            consequence,
            fields,
            button: "Block them",
            is_dangerous: true,
        },
    )
}

fn hold(frame: &Frame<'_>) -> Markup {
    form(
        frame,
        &Act {
            endpoint: "place_hold",
            path: &[],
            title: "Hold",
            consequence: html! { "The bodies of its events are kept until the hold is lifted." },
            fields: html! {
                (words("id", "Object", "An event, a payment, a customer: whatever has an id of Stripe's.", false))
                (words("reason", "Reason", "It stands in the audit, with your name.", true))
            },
            button: "Keep the bodies",
            is_dangerous: false,
        },
    )
}

fn lift(frame: &Frame<'_>, endpoint: &'static str, id: &str, consequence: &str) -> Markup {
    form(
        frame,
        &Act {
            endpoint,
            path: &[id],
            title: "Lift",
            consequence: html! { (consequence) " " strong { (id) } "." },
            fields: words("reason", "Reason", "It stands in the audit, with your name.", true),
            button: "Lift it",
            is_dangerous: false,
        },
    )
}

/// To charge somebody again.
pub fn unblock(frame: &Frame<'_>, id: &str) -> Markup {
    lift(frame, "lift_block", id, "They can be charged again:")
}

fn blocked(frame: &Frame<'_>, block: &Block) -> Vec<Markup> {
    vec![
        moment(block.placed_at),
        html! { span.id { (block.id) } },
        html! { (block.reason) },
        html! { (block.placed_by) },
        unblock(frame, &block.id),
    ]
}

fn held(frame: &Frame<'_>, hold: &Hold) -> Vec<Markup> {
    vec![
        moment(hold.placed_at),
        html! { span.id { (hold.object_id) } },
        html! { (hold.reason) },
        html! { (hold.placed_by) },
        lift(frame, "lift_hold", &hold.object_id, "Its retention removes its bodies again:"),
    ]
}
