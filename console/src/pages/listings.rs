//! Listings of the marketplace: as a list, and one with what was paid for it, what happened, and moderation's word.

use chrono::{DateTime, Utc};
use desk::views::story::story;
use desk::wording::belongs_to;
use domain::goods::NAME;
use ledger::tables::audit::Line;
use ledger::views::page::Page;
use ledger::views::search::Whose;
use ledger::{LedgerError, Transaction};
use marketplace::State;
use marketplace::view::{Listing, ListingFilter, ListingView, PaymentView};
use maud::{Markup, html};

use super::acts::{Act, form, words};
use super::address::encoded;
use super::command::{command, curl, quoted};
use super::listed::{self, choice, field, next};
use super::object::{acts_panel, heading, sided};
use super::saved_views;
use super::shell::Frame;
use super::tables::{Column, empty, number, pager, prose, section, table, text};
use super::timelines::timeline;
use super::values::{moment, money, object, status};

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

pub fn filter(frame: &Frame<'_>) -> Result<ListingFilter, String> {
    let given = |name: &str| frame.address.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let state = given("status").map(|word| {
        let known = State::ALL.into_iter().find(|state| state.as_str() == word);
        known.ok_or_else(|| format!("There is no status “{word}”: there are {}.", State::WORDS.join(", ")))
    });
    Ok(ListingFilter {
        state: state.transpose()?,
        category: given("category"),
        user: given("user"),
        whose: Whose { account: None, livemode: Some(frame.livemode) },
    })
}

pub fn page(frame: &Frame<'_>, found: &Page<Listing>) -> Markup {
    let address = frame.address;
    html! {
        div.title { h1 { "Listings" } span.muted { "Active ones bumped first; all others newest first" } }
        (saved_views::bar(frame))
        section.panel {
            (listed::filters(frame, &html! {
                (choice(address, "status", "Status", "any", &State::WORDS))
                (field(address, "category", "Category", "Housing", "text"))
                (field(address, "user", "User", "", "text"))
            }))
            @if found.rows.is_empty() {
                (empty("No listing here.", &html! {
                    p { "Your homepage puts listings by the API; a posting fee makes them active, and promotions lift them. What was paid for nothing goes back by itself." }
                }))
            } @else {
                (table("Listings", LISTINGS, found.rows.iter().map(row).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), listed::csv(frame).as_deref()))
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
    html! { @if listing.fee == 0 { "free" } @else { (money(listing.fee, &listing.currency)) } }
}

fn promotions(listing: &Listing) -> Markup {
    html! {
        @if listing.is_featured { "featured" }
        @if listing.is_featured && listing.bumped_at.is_some() { ", " }
        @if listing.bumped_at.is_some() { "bumped" }
    }
}

/// A listing with its history; several where an id is of both modes.
pub async fn read(
    tx: &mut Transaction,
    id: &str,
    now: DateTime<Utc>,
) -> Result<Vec<(ListingView, Vec<Line>)>, LedgerError> {
    let mut pages = Vec::new();
    for view in ListingView::read(tx, id, &Whose::default(), now).await? {
        let history = desk::views::timeline::timeline(tx, [(NAME, view.listing.key.clone())]).await?;
        pages.push((view, history));
    }
    Ok(pages)
}

pub fn pages(frame: &Frame<'_>, views: &[(ListingView, Vec<Line>)]) -> Markup {
    html! { @for (view, history) in views { (one(&frame.around(&view.listing.key), view, history)) } }
}

fn one(frame: &Frame<'_>, view: &ListingView, history: &[Line]) -> Markup {
    let ListingView { listing, payments, open_checkouts } = view;
    let key = &listing.key;
    html! {
        (heading("listing", &key.id, listing.status.as_str(), &belongs_to(&key.account, key.livemode)))
        p.lead { (listing.says) }
        (sided(&acts_panel(&acts(frame, listing)), &html! {
                (timeline((NAME, key), &story(history, [], &[]), &[], frame.address))
                (section("Payments", PAYMENTS, payments.iter().map(payment).collect()))
            }, &html! {
                section.panel {
                    h2 { "Details" }
                    div.inner { dl.facts {
                        div { dt { "user" } dd { (object("user", &listing.user_id)) } }
                        div { dt { "category" } dd { (listing.category_id) } }
                        div { dt { "fee" } dd { (fee(listing)) } }
                        div { dt { "created" } dd { (moment(listing.created_at)) } }
                        @if let Some(from) = listing.active_from { div { dt { "active since" } dd { (moment(from)) } } }
                        @if let Some(until) = listing.expires_at { div { dt { "expires" } dd { (moment(until)) } } }
                        @if let Some(until) = listing.featured_until { div { dt { "featured until" } dd { (moment(until)) } } }
                        @if let Some(at) = listing.bumped_at { div { dt { "bumped" } dd { (moment(at)) } } }
                        @if let Some(word) = &listing.rejected { div { dt { "rejected" } dd { (moment(word.at)) " by " (word.by) ": " (word.reason) } } }
                        @if let Some(word) = &listing.deleted { div { dt { "deleted" } dd { (moment(word.at)) " by " (word.by) } } }
                        @if let Some(until) = listing.kept_until { div { dt { "kept until" } dd { (moment(until)) } } }
                        @if !open_checkouts.is_empty() { div { dt { "may be paid now" } dd { (open_checkouts.join(", ").replace('_', " ")) } } }
                    } }
                }
                section.panel {
                    h2 { "Elsewhere" }
                    div.inner {
                        (command("same-command", &format!("tidegate listings show {}", quoted(&key.id))))
                        (command("same-request", &curl(&format!("/api/v1/marketplace/listings/{}", encoded(&key.id)))))
                    }
                }
            }))
    }
}

/// Moderation's word. What its owner does, they do on the homepage.
fn acts(frame: &Frame<'_>, listing: &Listing) -> Markup {
    let id = listing.key.id.as_str();
    html! {
        @if !matches!(listing.status, State::Rejected | State::Deleted) {
            (form(frame, &Act {
                endpoint: "reject_listing",
                path: &[id],
                title: "Reject",
                consequence: html! { "It is taken away for good, and what was paid for it and still runs goes back: " strong { (id) } "." },
                fields: words("reason", "Reason", "It stands in the audit, and whoever looks at the listing reads it.", true),
                button: "Reject it",
                is_dangerous: true,
            }))
        }
    }
}

fn payment(view: &PaymentView) -> Vec<Markup> {
    let judged = &view.judged;
    vec![
        judged.paid_at.map(moment).unwrap_or_default(),
        object("payment", &judged.payment),
        html! { (judged.what.replace('_', " ")) },
        money(judged.amount, &judged.currency),
        html! { (view.says) },
        html! { @if let Some(operation) = &view.refund_operation { (object("operation", operation)) " " (view.refund_state.unwrap_or_default().replace('_', " ")) } },
    ]
}
