//! Payouts: what went to the bank account and what came back, the newest first.

use domain::payouts::{Payout, STATUSES};
use ledger::views::lists::PayoutFilter;
use ledger::views::page::Page;
use ledger::views::search::Whose;
use maud::{Markup, html};

use super::listed::{self, choice, field, next, window};
use super::saved_views;
use super::shell::Frame;
use super::tables::{Column, empty, number, pager, table, text};
use super::values::{maybe_moment, money, object, status};

const PAYOUTS: &[Column] = &[
    text("Created"),
    text("Payout"),
    text("Status"),
    number("Amount"),
    text("Arrives"),
    text("Made by"),
    text("Failed because"),
    text("Itemised since"),
    text("Account"),
];

/// What the address asks for.
pub fn filter(frame: &Frame<'_>) -> Result<PayoutFilter, String> {
    let address = frame.address;
    Ok(PayoutFilter {
        status: address.get("status").map(str::to_owned),
        currency: address.get("currency").map(str::to_ascii_lowercase),
        window: window(address, frame.now)?,
        whose: Whose { account: address.get("account").map(str::to_owned), livemode: Some(frame.livemode) },
    })
}

pub fn page(frame: &Frame<'_>, found: &Page<Payout>) -> Markup {
    let address = frame.address;
    html! {
        div.title { h1 { "Payouts" } span.muted { "Newest first" } }
        (saved_views::bar(frame))
        section.panel {
            (listed::filters(frame, &html! {
                (choice(address, "status", "Status", "any", STATUSES))
                (field(address, "currency", "Currency", "usd", "text"))
                (listed::day_fields(address, "Since (UTC)"))
            }))
            @if found.rows.is_empty() {
                (empty("No payout here.", &html! {
                    p { "A payout appears with Stripe's first report of it. Whether its transactions come to its amount is under " a href="/payments/reconciliation" { "reconciliation" } "." }
                }))
            } @else {
                (table("Payouts", PAYOUTS, found.rows.iter().map(row).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), listed::csv(frame).as_deref()))
            }
        }
    }
}

fn row(payout: &Payout) -> Vec<Markup> {
    let state = &payout.state;
    let is_reported = payout.seen.is_reported();
    vec![
        maybe_moment(state.created_at.or(payout.seen.first_event_at)),
        object("payout", &payout.key.id),
        status(&state.status),
        if is_reported {
            money(state.amount, &state.currency)
        } else {
            html! {}
        },
        maybe_moment(state.arrival_date),
        html! { @if is_reported { @if state.automatic { "schedule" } @else { "by hand" } } },
        html! { (state.failure_code.as_deref().unwrap_or_default().replace('_', " ")) },
        maybe_moment(payout.reconciled_at.at()),
        html! { (payout.key.account) },
    ]
}
