//! What a person sees first: is money flowing, is anything stuck, what needs me.

use desk::views::dashboard::Dashboard;
use desk::views::dispute_list::ListedDispute;
use desk::views::kpi::Rate;
use desk::views::operation::does;
use desk::when;
use domain::operations::{Operation, OperationState};
use ledger::views::finding_figures::OpenOfKind;
use ledger::views::lists::OperationFilter;
use ledger::views::search::Whose;
use maud::{Markup, html};

use super::acts::{Act, form, words};
use super::address::link;
use super::metrics::{goal, name, rates, spans, spoken, target, value, verdict, volumes};
use super::modes;
use super::object::acts_panel;
use super::plots::spark;
use super::refresh;
use super::shell::Frame;
use super::tones::{Tone, badge, of_severity};
use super::values::{age, counted, money, object, several, until};

/// So many currencies have a figure of their own.
const CURRENCIES_LIMIT: usize = 2;

/// What waits in the queue, where it can be asked.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub ready: u64,
    pub oldest_secs: Option<u64>,
}

/// What this person asked for and has not confirmed.
pub fn unconfirmed(frame: &Frame<'_>) -> OperationFilter {
    OperationFilter {
        state: Some(OperationState::NeedsConfirmation.as_str().to_owned()),
        open: true,
        requested_by: Some(frame.actor.staff().to_owned()),
        whose: Whose { account: None, livemode: Some(frame.livemode) },
        ..OperationFilter::default()
    }
}

/// `unconfirmed` is what this person asked for and has not confirmed.
pub fn page(
    frame: &Frame<'_>,
    view: &Dashboard,
    unconfirmed: &[Operation],
    waiting: Option<Waiting>,
    hours: i64,
) -> Markup {
    html! {
        div.title {
            h1 { "Overview" }
            (spans(frame.address, hours))
            span.end { (refresh::button()) }
        }
        div.stack data-live {
            @if let Some(pause) = &view.pause {
                div.note.warn {
                    strong { "Consumption is paused" } " by " (pause.paused_by) ", " (age(pause.paused_at, frame.now)) ": " (pause.reason)
                    ". Webhooks are still accepted and wait."
                }
            }
            @if let Some(closing) = &view.closing {
                div.note.warn {
                    strong { "Checkout is closed" } " by " (closing.closed_by) ", " (age(closing.closed_at, frame.now)) ": " (closing.reason)
                    ". Charges, subscriptions and retries of invoices are refused; refunds and webhooks go on."
                }
            }
            (figures(frame, view, hours))
            div.columns {
                div.stack { (stuck(frame, view, waiting)) (acts_panel(&switches(frame, view))) }
                (needs_me(frame, view, unconfirmed))
            }
        }
    }
}

/// Is money flowing?
fn figures(frame: &Frame<'_>, view: &Dashboard, hours: i64) -> Markup {
    let kpis = &view.kpis;
    let mut currencies: Vec<_> = kpis.figures.currencies.iter().filter(|money| money.payments > 0).collect();
    currencies.sort_by_key(|money| (-money.payments, money.currency.clone()));
    let (span, mode) = (hours.to_string(), modes::word(frame.livemode));
    let behind =
        |part: &str| link("/payments/metrics/", [("hours", span.as_str()), ("mode", mode)]) + "#" + part;
    html! {
        section aria-label="Is money flowing" { div.figures {
            @for money_of in currencies.iter().take(CURRENCIES_LIMIT) {
                @let volume: Vec<Option<f64>> = volumes(kpis, &money_of.currency).into_iter().map(Some).collect();
                a.figure.panel href=(behind("payments")) {
                    span.name { "Volume" span { (several(money_of.payments, "payment")) } }
                    span.value { (money(money_of.volume, &money_of.currency)) }
                    (spark(&format!("Volume in {} over time", money_of.currency.to_uppercase()), &volume, None))
                }
            }
            @if currencies.is_empty() {
                a.figure.panel href=(behind("payments")) {
                    span.name { "Volume" }
                    span.value { "–" }
                    span.muted { "No payment succeeded in this span." }
                }
            }
            @for rate in &kpis.rates { @if let Some(series) = series(rate.name) {
                a.figure.panel href=(behind("success_rate")) {
                    span.name { (name(rate.name)) }
                    span.value { (value(rate)) }
                    (spark(&spoken(kpis, rate.name), &rates(kpis, series), goal(kpis, rate.name)))
                    span.goal { "target " (target(rate.target)) " " (verdict(rate.verdict)) }
                }
            } @else if rate.name == "latency_p95_secs" { (latency(rate)) } }
        } }
    }
}

fn latency(rate: &Rate) -> Markup {
    html! {
        div.figure.panel {
            span.name { "Latency, P95" }
            span.value { (value(rate)) }
            span.muted.small { "from receiving an event to applying it" }
            span.goal { "target " (target(rate.target)) " " (verdict(rate.verdict)) }
        }
    }
}

/// The figures that have a line.
fn series(of: &str) -> Option<fn(&desk::views::kpi::Part) -> Option<f64>> {
    Some(match of {
        "success_rate" => |part| part.figures.success_rate,
        "refund_rate" => |part| part.figures.refund_rate,
        "dispute_rate" => |part| part.figures.dispute_rate,
        _ => return None,
    })
}

/// Is anything stuck?
fn stuck(frame: &Frame<'_>, view: &Dashboard, waiting: Option<Waiting>) -> Markup {
    let dead: usize = view.dead.iter().map(|group| group.events).sum();
    let mode = modes::word(frame.livemode);
    html! {
        section.panel {
            h2 { "Is anything stuck?" }
            div.inner { ul.standing {
                @if let Some(waiting) = waiting {
                    li {
                        (badge(if waiting.ready > 0 { Tone::Info } else { Tone::Good }, "queue"))
                        span { @if waiting.ready == 0 { "Nothing waits in the queue" } @else { (waiting.ready) " events wait in the queue" } }
                        span.muted { @if let Some(secs) = waiting.oldest_secs { "oldest " (when::shown(chrono::TimeDelta::seconds(i64::try_from(secs).unwrap_or(i64::MAX)))) } }
                    }
                }
                li {
                    (badge(if view.last_event_at.is_some() { Tone::Good } else { Tone::Quiet }, "newest event"))
                    span { @match view.last_event_at { Some(_) => "Recorded", None => "No event of this mode has arrived yet" } }
                    span { @if let Some(at) = view.last_event_at { (age(at, frame.now)) } }
                }
                li {
                    (badge(if view.retries.events > 0 { Tone::Warn } else { Tone::Good }, "retries"))
                    span { a href=(link("/payments/webhooks/", [("outcome", "waiting"), ("mode", mode)])) { @if view.retries.events == 0 { "None" } @else { (view.retries.events) " events wait for another try" } } }
                    span { @if let Some(next) = view.retries.next_at { "next " (until(next, frame.now)) } }
                }
                li {
                    (badge(if dead > 0 { Tone::Bad } else { Tone::Good }, "dead letters"))
                    span { a href=(link("/payments/dead-letters", [("mode", mode)])) { @if dead == 0 { "None" } @else { (counted(dead, "event")) ", " (counted(view.dead.len(), "cause")) } } }
                    span { @for (currency, amount) in &view.money_at_risk { (money(*amount, currency)) " " } @if !view.money_at_risk.is_empty() { "at risk" } }
                }
                li {
                    (badge(if view.pause.is_some() { Tone::Warn } else { Tone::Good }, "workers"))
                    span { @if view.pause.is_some() { "Paused: see above" } @else { "Consumption is not paused" } }
                    span {}
                }
                li {
                    (badge(if view.closing.is_some() { Tone::Warn } else { Tone::Good }, "checkout"))
                    span { @if view.closing.is_some() { "Closed: see above" } @else { "Open: customers can be charged" } }
                    span {}
                }
                li {
                    (badge(if view.complete_until.is_some() { Tone::Good } else { Tone::Quiet }, "completeness"))
                    span { @match view.complete_until { Some(_) => "Every event that Stripe lists is here up to", None => "Stripe's list has not been compared: that takes a key of Stripe's" } }
                    span { @if let Some(until) = view.complete_until { (age(until, frame.now)) } }
                }
            } }
        }
    }
}

/// Stops and starts consumption, and charging.
fn switches(frame: &Frame<'_>, view: &Dashboard) -> Markup {
    let act = |endpoint, title, consequence: &str, fields, is_dangerous| {
        let consequence = html! { (consequence) };
        form(frame, &Act { endpoint, path: &[], title, consequence, fields, button: title, is_dangerous })
    };
    html! {
        (super::workers::switch(frame, ["Pause the workers", "Resume the workers"], view.pause.as_ref()))
        @if view.closing.is_some() {
            (act("open_checkout", "Open checkout", "Customers can be charged again.", html! {}, false))
        } @else {
            (act("close_checkout", "Close checkout", "Nobody is charged until it is opened again: charges, subscriptions and retries of invoices are refused. Refunds, credits and webhooks go on.", words("reason", "Reason", "It stands in the audit, with your name.", true), true))
        }
    }
}

/// What waits for a person?
fn needs_me(frame: &Frame<'_>, view: &Dashboard, unconfirmed: &[Operation]) -> Markup {
    let mode = modes::word(frame.livemode);
    let (own, others): (Vec<&Operation>, Vec<&Operation>) =
        view.approvals.iter().partition(|operation| frame.actor.caused(operation));
    // Where there is no date, the bank is to act.
    let disputes: Vec<&ListedDispute> =
        view.disputes.iter().filter(|row| row.item.respond_by().is_some()).collect();
    let nothing = disputes.is_empty()
        && view.contradictory.is_empty()
        && view.approvals.is_empty()
        && unconfirmed.is_empty()
        && view.findings.is_empty();
    html! {
        section.panel {
            h2 { "What needs you?" }
            div.inner {
                @if nothing { p.muted { "Nothing: no dispute waits for an answer, no operation for an approval, no finding for anybody, and no figures contradict each other." } }
                ul.todo {
                    @for operation in unconfirmed {
                        (asked(frame, operation, Tone::Warn, "confirm", "you asked for it, and nothing happens before you confirm it"))
                    }
                    @for operation in others {
                        (asked(frame, operation, Tone::Warn, "approval", &format!("asked for by {}", operation.requested_by)))
                    }
                    @for operation in own {
                        (asked(frame, operation, Tone::Quiet, "waits", "you asked for it, and somebody else approves it"))
                    }
                    @for row in disputes { (due(frame, row)) }
                    @for of_kind in &view.findings { (found(of_kind, mode)) }
                    @for row in &view.contradictory {
                        li {
                            (badge(Tone::Warn, "anomaly"))
                            span { (row.kind) " " (object(&row.kind, &row.key.id)) @for contradiction in row.contradictions.iter().take(1) { ": " (contradiction.says) } }
                            span {}
                        }
                    }
                }
                @if view.more_approvals { p { a href=(link("/approvals", [("mode", mode)])) { "All approvals" } } }
                @if view.more_disputes { p { a href=(link("/payments/disputes", [("mode", mode)])) { "All disputes that are open" } } }
                @if view.more_contradictory { p { a href=(link("/payments/anomalies", [("mode", mode)])) { "All anomalies" } } }
            }
        }
    }
}

fn asked(frame: &Frame<'_>, operation: &Operation, tone: Tone, word: &str, by: &str) -> Markup {
    html! {
        li {
            (badge(tone, word))
            span { (object("operation", operation.id())) " · " (does(operation)) " · " (by) }
            span.num { @if let Some(end) = operation.expires_at { "lapses " (until(end, frame.now)) } }
        }
    }
}

fn found(of_kind: &OpenOfKind, mode: &str) -> Markup {
    let (severity, kind) = (of_kind.severity.as_str(), of_kind.kind.as_str());
    let check = of_kind.found_by.as_str();
    let list = link(
        "/payments/findings",
        [("check", check), ("severity", severity), ("kind", kind), ("state", "open"), ("mode", mode)],
    );
    let count = usize::try_from(of_kind.findings).unwrap_or(usize::MAX);
    html! {
        li {
            (badge(of_severity(severity), severity))
            span { a href=(list) { (counted(count, "finding")) } " · " (kind.replace('_', " ")) }
            span.muted { (check.replace('_', " ")) }
        }
    }
}

fn due(frame: &Frame<'_>, row: &ListedDispute) -> Markup {
    let dispute = &row.item.dispute;
    let (tone, word) = match row.item.respond_by() {
        Some(_) if row.overdue => (Tone::Bad, "overdue"),
        Some(by) if (by - frame.now).num_days() < 3 => (Tone::Warn, "answer soon"),
        Some(_) => (Tone::Info, "answer"),
        None => (Tone::Quiet, "under review"),
    };
    html! {
        li {
            (badge(tone, word))
            span { "dispute " (object("dispute", &dispute.key.id)) " · " (dispute.state.reason.as_deref().unwrap_or("no reason given").replace('_', " ")) " · " (money(dispute.state.amount, &dispute.state.currency)) }
            span.num { @if let Some(by) = row.item.respond_by() { (until(by, frame.now)) } }
        }
    }
}
