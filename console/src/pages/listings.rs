//! Listings of the marketplace: as a list, and one with what was paid for it.

use domain::money;
use ledger::views::page::Page;
use ledger::views::search::Whose;
use marketplace::State;
use marketplace::view::{Listing, ListingFilter, ListingView, PaymentView};
use maud::{Markup, html};

use super::listed::{self, choice, field, next};
use super::modes;
use super::shell::Frame;
use super::tables::{Column, empty, number, pager, prose, section, table, text};
use super::values::{moment, object, status};

const LISTINGS: &[Column] = &[
    text("Listing"),
    text("Status"),
    text("Category"),
    text("User"),
    number("Fee"),
    text("Active since"),
    text("Expires"),
    text("Promotions"),
];
const PAYMENTS: &[Column] = &[
    text("Paid"),
    text("Payment"),
    text("For"),
    number("Amount"),
    prose("What became of it"),
    text("Refund"),
];

pub fn filter(frame: &Frame<'_>) -> ListingFilter {
    let given = |name: &str| frame.address.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let wanted = given("status");
    ListingFilter {
        state: State::ALL.into_iter().find(|state| Some(state.as_str()) == wanted.as_deref()),
        category: given("category"),
        user: given("user"),
        whose: Whose { account: None, livemode: Some(frame.livemode) },
    }
}

pub fn page(frame: &Frame<'_>, found: &Page<Listing>) -> Markup {
    let address = frame.address;
    html! {
        div.title { h1 { "Listings" } span.muted { "Active ones bumped first; all others newest first" } }
        section.panel {
            form.filters method="get" action=(address.path) {
                input type="hidden" name="mode" value=(modes::word(frame.livemode));
                (choice(address, "status", "Status", "any", &State::WORDS))
                (field(address, "category", "Category", "Housing", "text"))
                (field(address, "user", "User", "", "text"))
                button type="submit" { "Filter" }
            }
            @if found.rows.is_empty() {
                (empty("No listing here.", &html! {
                    p { "Your homepage puts listings by the API; a posting fee makes them active, and promotions lift them. What was paid for nothing goes back by itself." }
                }))
            } @else {
                (table("Listings", LISTINGS, found.rows.iter().map(row).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), None))
            }
        }
    }
}

fn row(listing: &Listing) -> Vec<Markup> {
    vec![
        object("listing", &listing.key.id),
        status(listing.status.as_str()),
        html! { (listing.category_id) },
        object("user", &listing.user_id),
        fee(listing),
        listing.active_from.map(moment).unwrap_or_default(),
        listing.expires_at.map(moment).unwrap_or_default(),
        promotions(listing),
    ]
}

fn fee(listing: &Listing) -> Markup {
    html! { @if listing.fee == 0 { "free" } @else { (money::shown(listing.fee, &listing.currency)) } }
}

fn promotions(listing: &Listing) -> Markup {
    html! {
        @if listing.is_featured { "featured" }
        @if listing.is_featured && listing.bumped_at.is_some() { ", " }
        @if listing.bumped_at.is_some() { "bumped" }
    }
}

/// One listing; several where an id is of both modes.
pub fn pages(views: &[ListingView]) -> Markup {
    html! { @for view in views { (one(view)) } }
}

fn one(view: &ListingView) -> Markup {
    let ListingView { listing, payments, open_checkouts } = view;
    html! {
        div.title { h1 { "Listing " (listing.key.id) } (status(listing.status.as_str())) }
        section.panel {
            p { (listing.says) }
            dl.facts {
                dt { "User" } dd { (object("user", &listing.user_id)) }
                dt { "Category" } dd { (listing.category_id) }
                dt { "Fee" } dd { (fee(listing)) }
                dt { "Put" } dd { (moment(listing.created_at)) }
                @if let Some(from) = listing.active_from { dt { "Active since" } dd { (moment(from)) } }
                @if let Some(until) = listing.expires_at { dt { "Expires" } dd { (moment(until)) } }
                @if let Some(until) = listing.featured_until { dt { "Featured until" } dd { (moment(until)) } }
                @if let Some(at) = listing.bumped_at { dt { "Bumped" } dd { (moment(at)) } }
                @if let Some(word) = &listing.rejected { dt { "Rejected" } dd { (moment(word.at)) " by " (word.by) ": " (word.reason) } }
                @if let Some(word) = &listing.deleted { dt { "Deleted" } dd { (moment(word.at)) " by " (word.by) } }
                @if !open_checkouts.is_empty() { dt { "May be paid now" } dd { (open_checkouts.join(", ").replace('_', " ")) } }
            }
        }
        (section("Payments", PAYMENTS, payments.iter().map(payment).collect()))
    }
}

fn payment(view: &PaymentView) -> Vec<Markup> {
    let judged = &view.judged;
    vec![
        judged.paid_at.map(moment).unwrap_or_default(),
        object("payment", &judged.payment),
        html! { (judged.what.replace('_', " ")) },
        html! { (money::shown(judged.amount, &judged.currency)) },
        html! { (view.says) },
        html! { @if let Some(operation) = &view.refund_operation { (object("operation", operation)) " " (view.refund_state.unwrap_or_default().replace('_', " ")) } },
    ]
}
