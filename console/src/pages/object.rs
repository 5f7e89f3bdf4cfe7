//! The page of one object, whatever its kind, in the order in which people ask: what is it now and why, the money, what
//! may I do, what happened, what hangs on it, and all of it raw.

use chrono::{DateTime, Utc};
use desk::views::charge::ChargeView;
use desk::views::customer::CustomerView;
use desk::views::detail::DetailValue;
use desk::views::dispute::DisputeView;
use desk::views::invoice::InvoiceView;
use desk::views::object::{ObjectPage, ObjectPages, ObjectView, UnappliedObject};
use desk::views::payment::PaymentView;
use desk::views::payout::PayoutView;
use desk::views::refund::RefundView;
use desk::views::subscription::SubscriptionView;
use desk::views::sums::Sum;
use desk::wording::belongs_to;
use domain::Object;
use domain::permissions::Permission;
use hyper::Method;
use ledger::views::stored_events::StoredEvent;
use maud::{Markup, html};

use super::address::encoded;
use super::command::{command, curl, quoted};
use super::shell::Frame;
use super::timelines::timeline;
use super::values::{detail, money, object, sentence, status};
use super::{billing_acts, dispute_acts, evidence, hanging, notes, payment_acts, webhooks};
use crate::resources::endpoints;

/// What some kinds of page have and others have not.
pub trait Hangs: ObjectView {
    fn hanging(&self, frame: &Frame<'_>) -> Markup;

    /// What may be done with it.
    fn acts(&self, _: &Frame<'_>) -> Markup {
        html! {}
    }
}

/// Details that only those see who may manage money.
const OF_CARDS: [&str; 2] = ["card", "card expires"];

/// Everything that goes by the id: usually one object.
pub fn pages<V: Hangs>(frame: &Frame<'_>, pages: &ObjectPages<V>) -> Markup {
    html! {
        @if pages.known.len() > 1 {
            p.note { "Several objects go by this id: one for each account and mode." }
        }
        @for page in &pages.known { (one(&frame.around(page.view.key()), page)) }
        @for object in &pages.unapplied { (unapplied(frame, object)) }
    }
}

fn one<V: Hangs>(frame: &Frame<'_>, page: &ObjectPage<V>) -> Markup {
    let (view, now) = (&page.view, frame.now);
    let (kind, key) = (V::Object::NAME, view.key());
    html! {
        (heading_with(kind, &key.id, headline(view, now).as_ref(), &view.status(now), &belongs_to(&key.account, key.livemode)))
        p.lead { (sentence(view.why())) " " (notes::assignee(page.assignment.as_ref())) }
        (letters(&page.dead_letters, now))
        (sided(
            &html! {
                @if let Some(sum) = view.sum() { (shown_sum(&sum)) }
                (acts_panel(&html! { (view.acts(frame)) (notes::forms(frame, kind, &key.id, page.assignment.as_ref())) }))
            },
            &html! {
                (because(view))
                (timeline((kind, key), &page.story(), &page.notes, frame.address))
                (view.hanging(frame))
                (notes::list(&page.notes))
            },
            &html! {
                (details(frame, view, now))
                (same_elsewhere(frame, &format!("show {kind} {}", quoted(&key.id)), in_api(kind, &key.id).as_deref(), page))
            },
        ))
    }
}

/// The parts of a page about one thing, in the order in which people ask: its money and what may be done, what happened
/// and what hangs on it, all else. Where there is room, the middle one stands beside the others.
pub fn sided(first: &Markup, middle: &Markup, rest: &Markup) -> Markup {
    html! {
        div.sided {
            @if !first.0.is_empty() { div.stack.first { (first) } }
            div.stack.middle { (middle) }
            div.stack.rest { (rest) }
        }
    }
}

/// The forms of a page, below one heading.
pub fn acts_panel(acts: &Markup) -> Markup {
    html! {
        @if !acts.0.is_empty() {
            section.panel.acts { h2 { "What you may do" } div.inner { (acts) } }
        }
    }
}

/// How much it is about: what its details call its amount, or what is due.
fn headline<V: ObjectView>(view: &V, now: DateTime<Utc>) -> Option<Markup> {
    view.details(now).into_iter().find_map(|line| match (line.name, line.value) {
        ("amount" | "due", DetailValue::Money { amount, currency }) if !currency.is_empty() => {
            Some(money(amount, &currency))
        }
        _ => None,
    })
}

pub fn heading(kind: &str, id: &str, status_words: &str, belongs: &str) -> Markup {
    heading_with(kind, id, None, status_words, belongs)
}

pub fn heading_with(
    kind: &str,
    id: &str,
    amount: Option<&Markup>,
    status_words: &str,
    belongs: &str,
) -> Markup {
    html! {
        div.title {
            h1 { span.kind { (kind) " " } @if let Some(amount) = amount { (amount) " " } span.id { (id) } }
            (status(status_words))
            span.muted { (belongs) }
        }
    }
}

fn shown_sum(sum: &Sum) -> Markup {
    html! { section.panel { h2 { "Money" } div.inner { (sum_table(sum)) } } }
}

/// The money as a sum that adds up in sight.
pub fn sum_table(sum: &Sum) -> Markup {
    html! {
        table.sum {
            caption.hidden { "The money of it as a sum" }
            tbody { @for line in &sum.lines {
                tr { th scope="row" { (line.name) } td.num { (money(line.amount, &sum.currency)) } }
            } }
            tfoot { tr { th scope="row" { (sum.total.name) } td.num { (money(sum.total.amount, &sum.currency)) } } }
        }
    }
}

fn because<V: ObjectView>(view: &V) -> Markup {
    html! {
        @if !view.because().is_empty() {
            section.panel {
                h2 { "Because" }
                div.inner { ul.standing {
                    @for reason in view.because() {
                        li {
                            span.kind { (reason.kind) }
                            span { (super::timelines::subject(reason.kind, &reason.id)) " " (sentence(&reason.says)) }
                            @if let Some(event) = &reason.event_id { span.small { (object("event", event)) } }
                        }
                    }
                } }
            }
        }
    }
}

fn details<V: ObjectView>(frame: &Frame<'_>, view: &V, now: DateTime<Utc>) -> Markup {
    let sees_cards = frame.actor.has(Permission::Manage);
    let shown = view.details(now).into_iter().filter(|line| sees_cards || !OF_CARDS.contains(&line.name));
    html! {
        section.panel {
            h2 { "Details" }
            div.inner { dl.facts { @for line in shown {
                div {
                    dt { (line.name) }
                    dd { (detail(&line.value, now)) @if let Some(note) = &line.note { span.muted { " (" (sentence(note)) ")" } } }
                }
            } } }
        }
    }
}

/// Where the API has the same, if it has this kind of object.
fn in_api(kind: &str, id: &str) -> Option<String> {
    let prefix = format!("/api/v1/{kind}s/{{id}}");
    let is_there = endpoints().any(|endpoint| endpoint.path == prefix && endpoint.method == Method::GET);
    is_there.then(|| format!("/api/v1/{kind}s/{}", encoded(id)))
}

/// The same as a command, and all of it as JSON.
fn same_elsewhere<T: serde::Serialize>(
    frame: &Frame<'_>,
    line: &str,
    path: Option<&str>,
    view: &T,
) -> Markup {
    html! {
        section.panel {
            h2 { "Elsewhere" }
            div.inner {
                (command("same-command", &format!("tidegate {line}")))
                @if let Some(path) = path { (command("same-request", &curl(path))) }
                @if frame.actor.has(Permission::Manage) {
                    details {
                        summary { "As JSON" }
                        pre id="raw" tabindex="0" { (serde_json::to_string_pretty(view).unwrap_or_default()) }
                    }
                } @else {
                    p.muted { "The raw form has card data: it is shown to those who have " code { (Permission::Manage) } "." }
                }
            }
        }
    }
}

/// What is missing from the page.
fn letters(letters: &[StoredEvent], now: DateTime<Utc>) -> Markup {
    html! {
        @if !letters.is_empty() {
            div.note.bad {
                strong { "Dead letters: " }
                "the events below could not be applied, so this page lacks what they say."
            }
            (webhooks::section("Dead letters about it", letters, now))
        }
    }
}

/// An object that only dead letters tell of.
fn unapplied(frame: &Frame<'_>, object: &UnappliedObject) -> Markup {
    html! {
        (heading(object.kind, &object.key.id, "not in the ledger", &belongs_to(&object.key.account, object.key.livemode)))
        p.lead { "Stripe has reported it, but none of its events could be applied: only dead letters name it." }
        (letters(&object.dead_letters, frame.now))
    }
}

impl Hangs for PaymentView {
    fn hanging(&self, frame: &Frame<'_>) -> Markup {
        html! {
            (hanging::charges(&self.charges, frame.actor.has(Permission::Manage)))
            (hanging::failures(&self.failures, &self.key().id))
            (hanging::refunds(&self.refunds))
            (hanging::operations(&self.operations))
            (hanging::disputes(&self.disputes, &self.key().id, frame.now))
            (hanging::warnings(&self.warnings))
        }
    }

    fn acts(&self, frame: &Frame<'_>) -> Markup {
        payment_acts::forms(frame, self)
    }
}

impl Hangs for ChargeView {
    fn hanging(&self, frame: &Frame<'_>) -> Markup {
        html! {
            (hanging::refunds(&self.refunds))
            (hanging::disputes(&self.disputes, &self.key().id, frame.now))
            (hanging::warnings(&self.warnings))
        }
    }
}

impl Hangs for InvoiceView {
    fn hanging(&self, frame: &Frame<'_>) -> Markup {
        html! {
            @if self.payments.is_empty() { p.note { "No payment is linked to it." } }
            (hanging::payments(&self.payments, &self.key().id))
            @if self.is_shared() { (hanging::shares(&self.shares, &self.invoice.state.currency)) }
            (hanging::failures(&self.failures, &self.key().id))
            (hanging::refunds(&self.refunds))
            (hanging::operations(&self.operations))
            (hanging::disputes(&self.disputes, &self.key().id, frame.now))
        }
    }

    fn acts(&self, frame: &Frame<'_>) -> Markup {
        billing_acts::of_invoice(frame, self)
    }
}

impl Hangs for DisputeView {
    fn hanging(&self, _: &Frame<'_>) -> Markup {
        html! {
            @if let Some(evidence) = &self.evidence { (evidence::hanging(evidence)) }
            (hanging::operations(&self.operations))
            (hanging::movements(&self.movements))
            (hanging::warnings(&self.warnings))
        }
    }

    fn acts(&self, frame: &Frame<'_>) -> Markup {
        dispute_acts::forms(frame, self)
    }
}

impl Hangs for CustomerView {
    fn hanging(&self, frame: &Frame<'_>) -> Markup {
        html! {
            (hanging::payments(&self.payments, &self.key().id))
            (hanging::subscriptions(&self.subscriptions))
            (hanging::operations(&self.operations))
            (hanging::disputes(&self.disputes, &self.key().id, frame.now))
        }
    }

    fn acts(&self, frame: &Frame<'_>) -> Markup {
        billing_acts::of_customer(frame, self)
    }
}

impl Hangs for SubscriptionView {
    fn hanging(&self, _: &Frame<'_>) -> Markup {
        html! {
            (hanging::invoices(&self.invoices))
            (hanging::operations(&self.operations))
        }
    }

    fn acts(&self, frame: &Frame<'_>) -> Markup {
        billing_acts::of_subscription(frame, self)
    }
}

impl Hangs for RefundView {
    fn hanging(&self, _: &Frame<'_>) -> Markup {
        hanging::operations(self.made_by.as_slice())
    }
}

impl Hangs for PayoutView {
    fn hanging(&self, _: &Frame<'_>) -> Markup {
        html! {}
    }
}
