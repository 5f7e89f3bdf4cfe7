//! The page of a user: banned or not, by whose word, and which disputes count.

use desk::views::ban::{BanView, DecidedBy, DecisionState, JudgedDispute};
use desk::wording::belongs_to;
use domain::Object;
use domain::bans::Ban;
use maud::{Markup, html};

use super::acts::{Act, form, hidden, words};
use super::address::{encoded, link};
use super::blocks;
use super::command::{command, curl, quoted};
use super::modes;
use super::object::{acts_panel, heading, sided};
use super::shell::Frame;
use super::tables::{number, prose, section, text};
use super::timelines::timeline;
use super::tones::{Tone, badge};
use super::values::{maybe_moment, maybe_object, moment, money, object, status};

pub fn pages(frame: &Frame<'_>, views: &[BanView]) -> Markup {
    html! { @for view in views { (one(&frame.around(&view.ban.key), view)) } }
}

fn one(frame: &Frame<'_>, view: &BanView) -> Markup {
    let key = &view.ban.key;
    let mode = modes::word(key.livemode);
    html! {
        (heading("user", &key.id, view.standing.word(), &belongs_to(&key.account, key.livemode)))
        p.lead { (super::values::sentence(&super::values::capitalised(&view.why))) }
        @if view.stale {
            p.note.warn { "The ledger was derived under another policy than this program was given: " code { "tidegate rebuild" } " applies the new one." }
        }
        @if let Some(block) = &view.block {
            p.note.warn { "Blocked since " (moment(block.placed_at)) " by " (block.placed_by) ": " (block.reason) ". Nothing is charged to the user until the block is lifted." }
        }
        (sided(&acts_panel(&acts(frame, view)), &html! {
                (timeline((Ban::NAME, key), &view.story(), &[], frame.address))
                (section("Disputes", &[text("Opened"), text("Dispute"), text("Status"), number("Amount"), text("Payment"), text("Counts"), prose("Because")], view.disputes.iter().map(judged).collect()))
                (decisions(frame, view))
            }, &html! {
                section.panel {
                    h2 { "Details" }
                    div.inner { dl.facts {
                        div { dt { "chargebacks" } dd { (view.ban.chargebacks) } }
                        div { dt { "disputes" } dd { (view.ban.disputes) } }
                        @if let Some(until) = view.standing.until { div { dt { "until" } dd { (moment(until)) } } }
                        div { dt { "payments" } dd { a href=(link("/payments/history", [("user", key.id.as_str()), ("mode", mode)])) { "What this user paid" } } }
                        div { dt { "listings" } dd { a href=(link("/payments/listings", [("user", key.id.as_str()), ("mode", mode)])) { "What this user put up" } } }
                    } }
                }
                section.panel {
                    h2 { "Elsewhere" }
                    div.inner {
                        (command("same-command", &format!("tidegate bans explain {}", quoted(&key.id))))
                        (command("same-request", &curl(&format!("/api/v1/bans/{}", encoded(&key.id)))))
                    }
                }
            }))
    }
}

/// To ban, to lift, or to leave it to the disputes again.
fn acts(frame: &Frame<'_>, view: &BanView) -> Markup {
    let user = view.ban.key.id.as_str();
    let act = |act: &'static str, title: &str, consequence: &str, has_end: bool| {
        form(
            frame,
            &Act {
                endpoint: "decide_on_ban",
                path: &[user],
                title,
                consequence: html! { (consequence) " " strong { (user) } "." },
                fields: html! {
                    (hidden("act", act))
                    (words("reason", "Reason", "It stands in the audit, with your name.", true))
                    @if has_end { (words("until", "Until", "Empty for no end, or as in 30d or 2026-12-31.", false)) }
                },
                button: title,
                is_dangerous: act == "ban",
            },
        )
    };
    html! {
        @if view.standing.banned {
            (act("lift", "Lift the ban", "Whatever the disputes say, this user may pay again:", true))
        } @else {
            (act("ban", "Ban the user", "Whatever the disputes say, no payment may be taken from", true))
        }
        @match &view.block {
            Some(_) => (blocks::unblock(frame, user)),
            None => (blocks::block(frame, Some(user))),
        }
        @if view.standing.by == DecidedBy::Staff {
            (act("clear", "Leave it to the disputes", "The decision of staff ends, and the disputes decide again about", false))
        }
    }
}

fn judged(judged: &JudgedDispute) -> Vec<Markup> {
    let dispute = &judged.dispute;
    let tone = if judged.counts { Tone::Bad } else { Tone::Quiet };
    vec![
        maybe_moment(dispute.state.opened_at),
        object("dispute", &dispute.key.id),
        status(dispute.status.as_str()),
        money(dispute.state.amount, &dispute.state.currency),
        maybe_object("payment", judged.payment.as_deref()),
        badge(tone, if judged.counts { "counts" } else { "does not count" }),
        html! { (judged.because) },
    ]
}

fn decisions(frame: &Frame<'_>, view: &BanView) -> Markup {
    let columns =
        [text("Decided"), text("Decision"), text("Until"), text("By"), text("State"), prose("Reason")];
    let rows = view.decisions(frame.now).map(|(decision, state)| {
        let (tone, word) = match state {
            DecisionState::Stands => (Tone::Info, "stands"),
            DecisionState::Ended => (Tone::Quiet, "ended"),
            DecisionState::Replaced => (Tone::Quiet, "replaced"),
        };
        vec![
            moment(decision.decided_at),
            html! { (decision.act.as_str()) },
            maybe_moment(decision.until),
            html! { (decision.decided_by) },
            badge(tone, word),
            html! { (decision.reason) },
        ]
    });
    section("Decisions of staff", &columns, rows.collect())
}
