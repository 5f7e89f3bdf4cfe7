//! Refunds by their own time, the newest first.

use domain::refunds::{Refund, STATUSES};
use ledger::views::lists::RefundFilter;
use ledger::views::page::Page;
use ledger::views::search::Whose;
use maud::{Markup, html};

use super::listed::{self, choice, field, next, window};
use super::saved_views;
use super::shell::Frame;
use super::tables::{Column, empty, number, pager, table, text};
use super::values::{maybe_moment, maybe_object, money, object, status};

const REFUNDS: &[Column] = &[
    text("Created"),
    text("Refund"),
    text("Status"),
    number("Amount"),
    text("Reason"),
    text("Failed because"),
    text("Payment"),
    text("Charge"),
    text("Account"),
];

/// What the address asks for.
pub fn filter(frame: &Frame<'_>) -> Result<RefundFilter, String> {
    let address = frame.address;
    Ok(RefundFilter {
        status: address.get("status").map(str::to_owned),
        reason: address.get("reason").map(str::to_owned),
        payment: address.get("payment").map(str::to_owned),
        window: window(address, frame.now)?,
        whose: Whose { account: address.get("account").map(str::to_owned), livemode: Some(frame.livemode) },
    })
}

pub fn page(frame: &Frame<'_>, found: &Page<Refund>) -> Markup {
    let address = frame.address;
    html! {
        div.title { h1 { "Refunds" } span.muted { "Newest first" } }
        (saved_views::bar(frame))
        section.panel {
            (listed::filters(frame, &html! {
                (choice(address, "status", "Status", "any", STATUSES))
                (field(address, "reason", "Reason", "duplicate", "text"))
                (field(address, "payment", "Payment", "pi_…", "text"))
                (listed::day_fields(address, "Since (UTC)"))
            }))
            @if found.rows.is_empty() {
                (empty("No refund here.", &html! {
                    p { "A refund appears with Stripe's first report of it, whoever made it. What waits to be sent is under " a href="/approvals" { "approvals" } "." }
                }))
            } @else {
                (table("Refunds", REFUNDS, found.rows.iter().map(row).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), listed::csv(frame).as_deref()))
            }
        }
    }
}

fn row(refund: &Refund) -> Vec<Markup> {
    let words =
        |word: Option<&String>| html! { (word.map(|word| word.replace('_', " ")).unwrap_or_default()) };
    vec![
        maybe_moment(desk::views::refund::created_at(refund)),
        object("refund", &refund.key.id),
        status(&refund.state.status),
        money(refund.state.amount, &refund.state.currency),
        words(refund.state.reason.as_ref()),
        words(refund.state.failure_reason.as_ref()),
        maybe_object("payment", refund.payment.id()),
        maybe_object("charge", refund.charge.id()),
        html! { (refund.key.account) },
    ]
}
