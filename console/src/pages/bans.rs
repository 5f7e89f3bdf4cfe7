//! Users who are banned now, by whose word and since when; all whom a dispute or staff ever concerned on demand.

use desk::views::ban::{DecidedBy, ListedBan};
use ledger::views::lists::BanFilter;
use ledger::views::page::Page;
use ledger::views::search::Whose;
use maud::{Markup, html};

use super::address::Address;
use super::listed::{self, next};
use super::saved_views;
use super::shell::Frame;
use super::tables::{Column, empty, number, pager, prose, table, text};
use super::tones::{Tone, badge};
use super::values::{maybe_moment, object};

const BANS: &[Column] = &[
    text("User"),
    text("Now"),
    text("Since"),
    text("Decided by"),
    text("Until"),
    number("Chargebacks"),
    number("Disputes"),
    prose("Reason"),
    text("Account"),
];

pub fn filter(address: &Address, livemode: bool) -> BanFilter {
    let whose = Whose { account: None, livemode: Some(livemode) };
    BanFilter { all: address.get("show").is_some(), whose }
}

pub fn page(frame: &Frame<'_>, found: &Page<ListedBan>) -> Markup {
    let address = frame.address;
    let shows_all = address.get("show").is_some();
    html! {
        div.title {
            h1 { "Bans" }
            div.tabs {
                a href=(address.with("show", None)) aria-current=[(!shows_all).then_some("page")] { "Banned now" }
                a href=(address.with("show", Some("all"))) aria-current=[shows_all.then_some("page")] { "All decisions" }
            }
        }
        (saved_views::bar(frame))
        section.panel {
            @if found.rows.is_empty() {
                (empty("Nobody is banned.", &html! {
                    p { "Chargebacks ban a user; disputes that are won, inquiries and returned direct debits do not count. Staff may decide otherwise, with a reason and an end." }
                }))
            } @else {
                (table("Users", BANS, found.rows.iter().map(row).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), listed::csv(frame).as_deref()))
            }
        }
    }
}

fn row(listed: &ListedBan) -> Vec<Markup> {
    let (ban, standing) = (&listed.ban, &listed.standing);
    let by = match listed.decided() {
        Some((name, _)) => html! { (name) },
        None => {
            html! { @match standing.by { DecidedBy::Disputes => "the disputes", DecidedBy::Staff => "staff" } }
        }
    };
    vec![
        object("user", &ban.key.id),
        badge(if standing.banned { Tone::Bad } else { Tone::Quiet }, standing.word()),
        maybe_moment(listed.since()),
        by,
        maybe_moment(standing.until),
        html! { (ban.chargebacks) },
        html! { (ban.disputes) },
        html! { (listed.decided().map(|(_, reason)| reason).unwrap_or_default()) },
        html! { (ban.key.account) },
    ]
}
