//! Invoices: the newest first, by what staff call their status.

use domain::invoices::{Invoice, Status};
use ledger::views::lists::InvoiceFilter;
use ledger::views::page::Page;
use ledger::views::search::Whose;
use maud::{Markup, html};

use super::hanging::{INVOICES, invoice};
use super::listed::{self, choice, field, next, window};
use super::saved_views;
use super::shell::Frame;
use super::tables::{empty, pager, table};

/// What the address asks for.
pub fn filter(frame: &Frame<'_>) -> Result<InvoiceFilter, String> {
    let address = frame.address;
    let owned = |name: &str| address.get(name).map(str::to_owned);
    Ok(InvoiceFilter {
        status: owned("status"),
        customer: owned("customer"),
        subscription: owned("subscription"),
        window: window(address, frame.now)?,
        whose: Whose { account: owned("account"), livemode: Some(frame.livemode) },
    })
}

pub fn page(frame: &Frame<'_>, found: &Page<Invoice>) -> Markup {
    let address = frame.address;
    html! {
        div.title { h1 { "Invoices" } span.muted { "Newest first" } }
        (saved_views::bar(frame))
        section.panel {
            (listed::filters(frame, &html! {
                (choice(address, "status", "Status", "any", Status::WORDS))
                (field(address, "customer", "Customer", "cus_…", "text"))
                (field(address, "subscription", "Subscription", "sub_…", "text"))
                (listed::day_fields(address, "Since (UTC)"))
            }))
            @if found.rows.is_empty() {
                (empty("No invoice here.", &html! {
                    p { "An invoice appears with Stripe's first report of it, or with a payment that names one of yours in " code { "metadata.invoice_id" } "." }
                }))
            } @else {
                (table("Invoices", INVOICES, found.rows.iter().map(invoice).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), listed::csv(frame).as_deref()))
            }
        }
    }
}
