//! Notices: what people and programs were told, where notices go, and what a message looks like.

use desk::views::notices::{NoticeView, TargetView, preview, previews};
use domain::Severity;
use domain::notices::delivery::{Delivery, DeliveryState};
use domain::notices::{Channel, Notice, NoticeKind};
use domain::permissions::Permission;
use ledger::views::lists::NoticeFilter;
use ledger::views::page::Page;
use ledger::views::search::Whose;
use maud::{Markup, html};
use serde_json::Value;

use super::acts::{Act, form, words};
use super::listed::{self, choice, field, next, window};
use super::object::acts_panel;
use super::shell::Frame;
use super::tables::{Column, empty, number, pager, prose, section, table, text};
use super::tones::{badge, of_severity};
use super::values::{moment, money, object, status};

const NOTICES: &[Column] = &[
    text("Noted"),
    text("Notice"),
    text("Kind"),
    text("Severity"),
    text("About"),
    number("Number"),
    text("Account"),
];
const TARGETS: &[Column] = &[
    text("Target"),
    text("Channel"),
    text("Address"),
    text("Takes"),
    text("State"),
    number("Waiting"),
    number("Failed"),
    text("Last delivered"),
    prose("Message"),
];
const DELIVERIES: &[Column] =
    &[text("Target"), text("State"), number("Attempts"), text("Next"), text("Ended"), prose("Message")];

pub fn filter(frame: &Frame<'_>) -> Result<NoticeFilter, String> {
    let address = frame.address;
    let given = |name: &str| address.get(name).map(str::to_owned);
    Ok(NoticeFilter {
        kind: given("kind"),
        object: given("object"),
        severity: given("severity"),
        state: given("state"),
        target: given("target"),
        window: window(address, frame.now)?,
        whose: Whose { account: None, livemode: Some(frame.livemode) },
    })
}

pub fn page(frame: &Frame<'_>, targets: &[TargetView], found: &Page<Notice>) -> Markup {
    let address = frame.address;
    html! {
        div.title { h1 { "Notices" } span.muted { "What people and programs were told, newest first" } }
        (section("Targets", TARGETS, targets.iter().map(target).collect()))
        section.panel {
            (listed::filters(frame, &html! {
                (choice(address, "kind", "Kind", "any", NoticeKind::WORDS))
                (choice(address, "state", "Delivery", "any", DeliveryState::WORDS))
                (choice(address, "severity", "Severity", "any", Severity::WORDS))
                (field(address, "object", "About the object", "re_…, dp_…", "text"))
                (field(address, "target", "Target", "", "text"))
                (listed::day_fields(address, "Since (UTC)"))
            }))
            @if found.rows.is_empty() {
                (empty("No notice here.", &html! {
                    p { "Customers hear of refunds and failed payments, staff of disputes and incidents, programs of every change that they want. Each notice is a row here, whether it was sent or not." }
                }))
            } @else {
                (table("Notices", NOTICES, found.rows.iter().map(row).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), None))
            }
        }
        @if frame.actor.has(Permission::Admin) { (acts_panel(&add_target(frame))) }
        (samples(frame))
    }
}

fn add_target(frame: &Frame<'_>) -> Markup {
    let choice = |name: &str, label: &str, choices: &[&str]| {
        html! {
            div.field {
                label for={ "target-" (name) } { (label) }
                select id={ "target-" (name) } name=(name) { @for word in choices { option value=(word) { (word) } } }
            }
        }
    };
    let fields = html! {
        (words("name", "Name", "Letters, digits, - and _; it is never given twice.", false))
        (choice("channel", "Channel", Channel::WORDS))
        (words("address", "Address", "A URL, a mail address, or customer for the customer of each notice. RabbitMQ has none.", false))
        (words("kinds", "Kinds", "As in dispute.*, refund.made; empty for what is written for its readers.", false))
        (choice("least_severity", "Least severity", Severity::WORDS))
        label.check { input type="checkbox" name="ordered" value="true"; span { "One notice after the other" } }
        label.check { input type="checkbox" name="allow_private" value="true"; span { "It may be in a private network, and without TLS" } }
    };
    form(
        frame,
        &Act {
            endpoint: "add_notice_target",
            path: &[],
            title: "Add a target",
            consequence: html! { "What is noted from now on is sent there. The secret of a webhook is shown once." },
            fields,
            button: "Add the target",
            is_dangerous: false,
        },
    )
}

fn row(notice: &Notice) -> Vec<Markup> {
    vec![
        moment(notice.noted_at),
        object("notice", notice.id()),
        html! { (notice.kind) @if notice.is_old { " " span.muted { "too old to send" } } },
        badge(of_severity(notice.severity.as_str()), notice.severity.as_str()),
        about(notice),
        html! { (notice.number) },
        html! { (notice.key.account) },
    ]
}

/// What it is about, as a link where that has a page.
fn about(notice: &Notice) -> Markup {
    match notice.object_kind.as_str() {
        kind @ ("payment" | "refund" | "dispute" | "invoice" | "customer" | "subscription" | "payout"
        | "operation") => object(kind, &notice.object_id),
        "ban" => object("user", &notice.object_id),
        other => html! { (other) " " (notice.object_id) },
    }
}

fn target(view: &TargetView) -> Vec<Markup> {
    let TargetView { target, waiting, failed, .. } = view;
    vec![
        html! { (target.name) },
        html! { (target.channel) @if target.is_ordered { ", in order" } },
        html! { (target.address) },
        html! { (target.kinds.replace(',', ", ")) " from " (target.least_severity) },
        status(target.state.as_str()),
        html! { (waiting) },
        html! { (failed) },
        target.delivered_at.map(moment).unwrap_or_default(),
        html! { (target.message.as_deref().unwrap_or_default()) },
    ]
}

/// The messages with invented values.
fn samples(frame: &Frame<'_>) -> Markup {
    let address = frame.address;
    let chosen = address.get("preview");
    let message = chosen.and_then(|name| preview(name, frame.now));
    html! {
        section.panel #previews {
            div.head { h2 { "Previews" } span.muted { "with invented values" } }
            div.inner { p { @for name in previews(frame.now) {
                a href={ (address.with("preview", Some(name))) "#previews" } aria-current=[(chosen == Some(name)).then_some("true")] { (name.replace('_', " ")) } " "
            } }
            @if let Some(message) = message {
                p { strong { (message.subject) } }
                pre tabindex="0" { (message.text) }
                p.muted { "As HTML: " code { "tidegate notices preview " (chosen.unwrap_or_default()) " --html" } }
            } }
        }
    }
}

/// One notice.
pub fn one(view: &NoticeView) -> Markup {
    let NoticeView { notice, data, deliveries } = view;
    html! {
        div.title { h1 { (notice.kind) } span.muted.id { (notice.id()) } }
        section.panel {
            h2 { "What it says" }
            div.inner { dl.facts {
                div { dt { "about" } dd { (notice.object_kind.replace('_', " ")) " " (about(notice)) } }
                div { dt { "severity" } dd { (badge(of_severity(notice.severity.as_str()), notice.severity.as_str())) } }
                div { dt { "number" } dd { (notice.number) } }
                div { dt { "occurred" } dd { (moment(notice.occurred_at)) } }
                div { dt { "noted" } dd { (moment(notice.noted_at)) @if notice.is_old { " · too old then: sent to nobody" } } }
                @for (name, value) in data.iter().filter(|(name, value)| !value.is_null() && *name != "currency") {
                    div { dt { (name.replace('_', " ")) } dd { (said(name, value, data.get("currency").and_then(Value::as_str))) } }
                }
            } }
        }
        @if deliveries.is_empty() {
            section.panel { (empty("It was sent to nobody.", &html! { p { "No target wants this kind of notice, or there is none yet." } })) }
        } @else {
            (section("Deliveries", DELIVERIES, deliveries.iter().map(delivery).collect()))
        }
    }
}

/// A value of a notice: money with its currency, an object with its page.
fn said(name: &str, value: &Value, currency: Option<&str>) -> Markup {
    match (name, value, currency) {
        (name, Value::Number(amount), Some(currency)) if name.starts_with("amount") => {
            amount.as_i64().map(|amount| money(amount, currency)).unwrap_or_default()
        }
        (
            "payment" | "charge" | "refund" | "dispute" | "invoice" | "customer" | "subscription" | "user"
            | "operation",
            Value::String(id),
            _,
        ) => object(name, id),
        (_, Value::String(text), _) => html! { (text.replace('_', " ")) },
        (_, other, _) => html! { (other.to_string()) },
    }
}

fn delivery(delivery: &Delivery) -> Vec<Markup> {
    let next = (delivery.state == DeliveryState::Pending).then_some(delivery.next_at);
    vec![
        html! { (delivery.target) },
        status(delivery.state.as_str()),
        html! { (delivery.attempts) },
        next.map(moment).unwrap_or_default(),
        delivery.ended_at.map(moment).unwrap_or_default(),
        html! { (delivery.message.as_deref().unwrap_or_default()) },
    ]
}
