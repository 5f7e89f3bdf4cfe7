//! Failed attempts to pay, each by itself, by the time at which it failed.

use desk::views::failed_attempts::Attempt;
use desk::views::failure_text::cause;
use ledger::views::lists::FailureFilter;
use ledger::views::page::Page;
use ledger::views::search::Whose;
use maud::{Markup, html};

use super::listed::{self, field, next, window};
use super::saved_views;
use super::shell::Frame;
use super::tables::{Column, empty, number, pager, prose, table, text};
use super::values::{maybe_moment, maybe_object, money};

const ATTEMPTS: &[Column] = &[
    text("Failed"),
    text("Payment"),
    number("Amount"),
    prose("Because"),
    text("User"),
    text("Invoice"),
    text("Charge"),
    text("Account"),
];

/// What the address asks for.
pub fn filter(frame: &Frame<'_>) -> Result<FailureFilter, String> {
    let address = frame.address;
    Ok(FailureFilter {
        code: address.get("code").map(str::to_owned),
        payment: address.get("payment").map(str::to_owned),
        invoice: address.get("invoice").map(str::to_owned),
        window: window(address, frame.now)?,
        whose: Whose { account: address.get("account").map(str::to_owned), livemode: Some(frame.livemode) },
    })
}

pub fn page(frame: &Frame<'_>, found: &Page<Attempt>) -> Markup {
    let address = frame.address;
    html! {
        div.title { h1 { "Failed attempts" } span.muted { "Each attempt by itself, the latest first" } }
        (saved_views::bar(frame))
        section.panel {
            (listed::filters(frame, &html! {
                (field(address, "code", "Code", "card_declined", "text"))
                (field(address, "payment", "Payment", "pi_…", "text"))
                (listed::day_fields(address, "Failed since (UTC)"))
            }))
            @if found.rows.is_empty() {
                (empty("No failed attempt here.", &html! {
                    p { "Each decline is a line, with Stripe's code and the bank's. " a href="/payments/history?status=payment_failed" { "Payments that failed" } " have a line each." }
                }))
            } @else {
                (table("Failed attempts", ATTEMPTS, found.rows.iter().map(row).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), listed::csv(frame).as_deref()))
            }
        }
    }
}

fn row(attempt: &Attempt) -> Vec<Markup> {
    let failure = &attempt.failure;
    vec![
        maybe_moment(failure.failed_at.at()),
        maybe_object("payment", failure.payment.id()),
        attempt
            .amount
            .zip(attempt.currency.as_deref())
            .map(|(amount, code)| money(amount, code))
            .unwrap_or_default(),
        html! { (cause(failure)) },
        maybe_object("user", attempt.user.as_deref()),
        maybe_object("invoice", failure.invoice.as_deref()),
        maybe_object("charge", failure.charge.as_deref()),
        html! { (failure.key.account) },
    ]
}
