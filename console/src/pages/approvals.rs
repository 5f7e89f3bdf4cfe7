//! Operations: those that wait for an approval, as an inbox, or all of them.

use desk::views::operation::OperationWords;
use domain::operations::batch::Batch;
use domain::operations::{Operation, OperationState};
use domain::permissions::Permission;
use ledger::views::lists::OperationFilter;
use ledger::views::page::Page;
use ledger::views::search::Whose;
use maud::{Markup, html};

use super::address::{Address, link};
use super::batches;
use super::listed::{self, is_csv, next};
use super::modes;
use super::shell::Frame;
use super::tables::{Column, empty, number, pager, prose, table, text};
use super::values::{age, money, object, status, until};

const OPERATIONS: &[Column] = &[
    text("Asked for"),
    text("Operation"),
    text("State"),
    number("Amount"),
    prose("What it does"),
    text("By"),
    text("Lapses"),
    text("Account"),
];

pub fn filter(address: &Address, livemode: bool) -> OperationFilter {
    let waits = address.get("show").is_none();
    OperationFilter {
        state: waits.then(|| OperationState::NeedsApproval.as_str().to_owned()),
        // On the page a list is one row of its own; in a file each of its refunds is.
        alone: waits && !is_csv(address),
        payment: address.get("payment").map(str::to_owned),
        whose: Whose { account: None, livemode: Some(livemode) },
        ..OperationFilter::default()
    }
}

/// `batches` are lists that wait, each decided as one.
pub fn page(frame: &Frame<'_>, batches: &[Batch], found: &Page<Operation>) -> Markup {
    let address = frame.address;
    let shows_all = address.get("show").is_some();
    html! {
        div.title {
            h1 { "Approvals" }
            div.tabs {
                a href=(address.with("show", None)) aria-current=[(!shows_all).then_some("page")] { "Waiting" }
                a href=(address.with("show", Some("all"))) aria-current=[shows_all.then_some("page")] { "All operations" }
            }
        }
        (batches::waiting(frame, batches))
        @if found.rows.is_empty() && !batches.is_empty() {
            @if let Some(csv) = listed::csv(frame) { p { a href=(csv) { "Export as CSV" } } }
        } @else { section.panel {
            @if found.rows.is_empty() {
                (empty(if shows_all { "No operation yet." } else { "Nothing waits for an approval." }, &html! {
                    p { "An operation is one thing that Stripe is asked to do, such as a refund. Above a threshold, a second person approves it here before anything is sent." }
                }))
            } @else {
                (table("Operations", OPERATIONS, found.rows.iter().map(|row| self::row(frame, row)).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), listed::csv(frame).as_deref()))
            }
        } }
        @if frame.actor.has(Permission::Request) {
            p { a href=(link("/batches", [("mode", modes::word(frame.livemode))])) { "Refund several payments" } " under one approval" }
        }
    }
}

fn row(frame: &Frame<'_>, operation: &Operation) -> Vec<Markup> {
    vec![
        age(operation.requested_at, frame.now),
        object("operation", operation.id()),
        status(operation.state.as_str()),
        money(operation.amount, &operation.currency),
        html! { (OperationWords::of(operation, frame.now).does) },
        html! { (operation.requested_by) },
        operation
            .expires_at
            .filter(|_| operation.state.is_open())
            .map(|end| until(end, frame.now))
            .unwrap_or_default(),
        html! { (operation.key.account) },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_each_refund_of_a_list_that_waits_and_the_page_has_the_list() {
        let filter = |target: &str| filter(&Address::of(target).unwrap(), true);
        let (page, file) = (filter("/approvals"), filter("/approvals?as=csv"));
        assert!(page.alone && !file.alone);
        assert_eq!((page.state.as_deref(), &page.state), (Some("needs_approval"), &file.state));
        let all = filter("/approvals?show=all&as=csv");
        assert!(!all.alone && all.state.is_none());
    }
}
