//! Disputes by the day on which an answer is due, the most urgent first.

use desk::views::dispute_list::{DisputeQuery, ListedDispute};
use domain::disputes::Status;
use ledger::views::lists::DisputeFilter;
use ledger::views::page::Page;
use ledger::views::search::Whose;
use maud::{Markup, html};

use super::hanging;
use super::listed::{self, choice, field, next, window};
use super::saved_views;
use super::shell::Frame;
use super::tables::{empty, pager, table};

/// What the address asks for; open ones where it does not ask for all.
pub fn query(frame: &Frame<'_>) -> Result<DisputeQuery, String> {
    let address = frame.address;
    let filter = DisputeFilter {
        status: address.get("status").map(str::to_owned),
        reason: address.get("reason").map(str::to_owned),
        open: address.get("show").is_none(),
        window: window(address, frame.now)?,
        whose: Whose { account: None, livemode: Some(frame.livemode) },
        ..DisputeFilter::default()
    };
    Ok(DisputeQuery {
        filter,
        invoice: address.get("invoice").map(str::to_owned),
        user: address.get("user").map(str::to_owned),
    })
}

pub fn page(frame: &Frame<'_>, found: &Page<ListedDispute>) -> Markup {
    let address = frame.address;
    let shows_all = address.get("show").is_some();
    html! {
        div.title {
            h1 { "Disputes" }
            div.tabs {
                a href=(address.with("show", None)) aria-current=[(!shows_all).then_some("page")] { "To be answered or decided" }
                a href=(address.with("show", Some("all"))) aria-current=[shows_all.then_some("page")] { "All" }
            }
        }
        (saved_views::bar(frame))
        section.panel {
            (listed::filters(frame, &html! {
                @if shows_all {
                    input type="hidden" name="show" value="all";
                    (choice(address, "status", "Status", "any", Status::WORDS))
                }
                (field(address, "user", "User", "", "text"))
                (field(address, "invoice", "Invoice", "in_…", "text"))
                (field(address, "reason", "Reason", "fraudulent", "text"))
                (listed::day_fields(address, "Opened since (UTC)"))
            }))
            @if found.rows.is_empty() {
                (empty(if shows_all { "No dispute here." } else { "Nothing waits for an answer." }, &html! {
                    p { "A dispute appears as soon as Stripe reports it. Those with the nearest deadline come first; what staff have resolved is left out." }
                }))
            } @else {
                (table("Disputes", hanging::DISPUTES, found.rows.iter().map(|row| hanging::dispute(&row.item, frame.now)).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), listed::csv(frame).as_deref()))
            }
        }
    }
}
