//! Payments as a list, filtered by what the address says; failed ones by the time at which they failed.

use desk::search::PaymentTerms;
use domain::payments::{Payment, STATUSES};
use domain::permissions::Permission;
use ledger::views::lists::{PAYMENT_FAILED, PaymentFilter};
use ledger::views::page::Page;
use ledger::views::search::Whose;
use maud::{Markup, html};

use super::address::Address;
use super::hanging;
use super::listed::{self, choice, field, next};
use super::saved_views;
use super::shell::Frame;
use super::tables::{empty, pager, table};

/// What the address asks for. The search box leads here with the same names.
pub fn terms(address: &Address) -> PaymentTerms {
    let term = |name| address.get(name).map(str::to_owned);
    PaymentTerms {
        status: term("status"),
        amount: term("amount"),
        currency: term("currency"),
        user: term("user"),
        customer: term("customer"),
        code: term("code"),
        last4: term("last4"),
        since: term("since"),
        until: term("until"),
    }
}

pub fn filter(frame: &Frame<'_>, terms: &PaymentTerms) -> Result<PaymentFilter, String> {
    let account = frame.address.get("account").map(str::to_owned);
    let whose = Whose { account, livemode: Some(frame.livemode) };
    terms.filter(whose, frame.now.date_naive()).map_err(|wrong| wrong.to_string())
}

pub fn page(frame: &Frame<'_>, found: &Page<Payment>) -> Markup {
    let address = frame.address;
    let statuses: Vec<&str> = [PAYMENT_FAILED].into_iter().chain(STATUSES.iter().copied()).collect();
    html! {
        div.title { h1 { "Payments" } span.muted { "Newest first" } }
        (saved_views::bar(frame))
        section.panel {
            (listed::filters(frame, &html! {
                (choice(address, "status", "Status", "any", &statuses))
                (field(address, "amount", "Amount", "19.99 or >100 <=200", "text"))
                (field(address, "currency", "Currency", "usd", "text"))
                (field(address, "user", "User", "", "text"))
                (field(address, "customer", "Customer", "cus_…", "text"))
                (field(address, "code", "Failure code", "card_declined", "text"))
                @if frame.actor.has(Permission::Manage) { (field(address, "last4", "Card ends in", "4242", "text")) }
                (listed::day_fields(address, "Since (UTC)"))
            }))
            @if found.rows.is_empty() {
                (empty("No payment here.", &html! {
                    p { "Payments appear with the first event about them. With “payment failed”, the days are those of the failure." }
                    p { "Look at " a href="/payments/webhooks/" { "what has arrived" } ", or switch the mode at the top right." }
                }))
            } @else {
                (table("Payments", hanging::PAYMENTS, found.rows.iter().map(hanging::payment).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), listed::csv(frame).as_deref()))
            }
        }
    }
}
