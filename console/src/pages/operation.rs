//! The page of an operation: what it does, how it stands, what comes next, who decided, what was said to Stripe, and
//! what this person may do about it.

use desk::money;
use desk::views::object::ObjectView;
use desk::views::operation::OperationView;
use desk::views::payment::PaymentView;
use desk::wording::belongs_to;
use domain::Object;
use domain::operations::{Approval, Call, Decided, NAME, Operation, OperationState};
use domain::payments::Payment;
use domain::permissions::Permission;
use maud::{Markup, html};

use super::acts::{Act, form, hidden, words};
use super::address::{encoded, link};
use super::command::{command, curl, quoted};
use super::notes;
use super::object::{acts_panel, heading_with, sided, sum_table};
use super::refresh;
use super::shell::Frame;
use super::tables::{number, prose, section, text};
use super::timelines::{subject, timeline};
use super::values::{capitalised, counted, maybe_moment, moment, money as shown, object, sentence, status};

pub fn page(frame: &Frame<'_>, view: &OperationView, payment: Option<&PaymentView>) -> Markup {
    let operation = &view.operation;
    let key = &operation.key;
    let has_amount = !operation.currency.is_empty() && !operation.asks_for_the_rest();
    let amount = has_amount.then(|| shown(operation.amount, &operation.currency));
    html! { div data-live { div.stack {
        (heading_with("operation", operation.id(), amount.as_ref(), operation.state.as_str(), &belongs_to(&key.account, key.livemode)))
        @if is_moving(operation) { (refresh::button()) }
        p.lead { strong { (capitalised(&view.words.does)) "." } " " (sentence(&view.words.says)) " " (notes::assignee(view.assignment.as_ref())) }
        @if let Some(next) = &view.words.next { p.note { "Next: " (sentence(next)) } }
        @if let Some(warning) = &operation.warning { p.note.warn { (capitalised(warning)) } }
        @if let Some(words) = view.words.tell_customer { p.note { "To the customer: " (words) } }
        (sided(
            &html! {
                @if let Some(payment) = payment { (about(payment)) }
                (acts_panel(&html! { (acts(frame, operation)) (notes::forms(frame, NAME, operation.id(), view.assignment.as_ref())) }))
            },
            &html! {
                (timeline((NAME, key), &view.story(), &view.notes, frame.address))
                (decisions(&view.decisions))
                (calls(&view.calls))
                (notes::list(&view.notes))
            },
            &html! {
                (details(view))
                section.panel {
                    h2 { "Elsewhere" }
                    div.inner {
                        (command("same-command", &format!("tidegate operations show {}", quoted(operation.id()))))
                        (command("same-request", &curl(&format!("/api/v1/operations/{}", encoded(operation.id())))))
                    }
                }
            },
        ))
    } } }
}

/// How the payment stands now, so that nobody decides without knowing it.
fn about(payment: &PaymentView) -> Markup {
    let key = payment.key();
    html! {
        section.panel {
            h2 { "The payment" }
            div.inner {
                p { (object(Payment::NAME, &key.id)) " " (status(&payment.payment.state.status)) }
                p { (sentence(payment.why())) }
                @if let Some(sum) = payment.sum() { (sum_table(&sum)) }
                @let disputes = payment.disputes.len();
                @if disputes > 0 { p.note.warn { (counted(disputes, "dispute")) " on it." } }
                @let refunds = payment.refunds.len();
                @if refunds > 0 { p.muted { (counted(refunds, "refund")) " so far." } }
            }
        }
    }
}

/// A worker is about to send it, or to look it up.
fn is_moving(operation: &Operation) -> bool {
    match operation.state {
        OperationState::Approved => !operation.is_planned(),
        OperationState::Executing => true,
        OperationState::Unknown => operation.look_again_at.is_some(),
        _ => false,
    }
}

fn details(view: &OperationView) -> Markup {
    let operation = &view.operation;
    html! {
        section.panel {
            h2 { "Details" }
            div.inner { dl.facts {
                @if !operation.currency.is_empty() && !operation.asks_for_the_rest() { div { dt { "amount" } dd { (shown(operation.amount, &operation.currency)) } } }
                div { dt { "about" } dd { (operation.subject_kind) " " (subject(&operation.subject_kind, &operation.subject_id)) } }
                @if let Some(customer) = &operation.customer { div { dt { "customer" } dd { (object("customer", customer)) } } }
                @if let Some(method) = &operation.payment_method { div { dt { "paid with" } dd { span.id { (method) } } } }
                div { dt { "reason" } dd { (operation.reason.as_str().replace('_', " ")) } }
                @if let Some(note) = &operation.note { div { dt { "note" } dd { (note) } } }
                div { dt { "asked for by" } dd { (operation.requested_by) @if operation.is_program { " (a program)" } } }
                @if let Some(by) = &operation.caused_by { div { dt { "because of an act of" } dd { (by) } } }
                div { dt { "asked for" } dd { (moment(operation.requested_at)) } }
                @if let Some(by) = &operation.approved_by {
                    @if operation.approval == Approval::Person { div { dt { "approved by" } dd { (by) } } }
                    @else { div { dt { "approval" } dd { "none was needed" } } }
                }
                @if operation.expires_at.is_some() { div { dt { "lapses" } dd { (maybe_moment(operation.expires_at)) } } }
                @if let Some(made) = &operation.stripe_id { div { dt { "made" } dd { a.id href=(link("/search", [("q", made.as_str())])) { (made) } } } }
                @if let Some(status) = &view.refund_status { div { dt { "the refund" } dd { (status) } } }
                @if let Some(key) = &operation.idempotency_key { div { dt { "idempotency key" } dd { span.id { (key) } } } }
                @if let Some(id) = &operation.request_id { div { dt { "Stripe's request" } dd { span.id { (id) } } } }
                @if let Some(batch) = &view.batch { div { dt { "asked for with" } dd { (object("batch", batch)) } } }
                @if let Some(of) = &operation.retry_of { div { dt { "tries again" } dd { (object("operation", of)) } } }
                @for again in &view.retried_by { div { dt { "tried again by" } dd { (object("operation", again)) } } }
            } }
        }
    }
}

fn decisions(decisions: &[Decided]) -> Markup {
    let columns = [text("Decided"), text("Decision"), text("By"), prose("Reason")];
    let rows = decisions.iter().map(|decided| {
        vec![
            moment(decided.decided_at),
            html! { (decided.decision.as_str()) },
            html! { (decided.decided_by) },
            html! { (decided.reason.as_deref().unwrap_or_default()) },
        ]
    });
    section("Decisions", &columns, rows.collect())
}

fn calls(calls: &[Call]) -> Markup {
    let columns = [
        text("Called"),
        number("Attempt"),
        prose("Call"),
        text("Answer"),
        text("Means"),
        text("Code"),
        number("ms"),
        text("Stripe's request"),
    ];
    let rows = calls.iter().map(|call| {
        vec![
            moment(call.called_at),
            html! { (call.attempt) },
            html! { (call.method) " " (call.path) },
            html! { @match call.http_status { Some(status) => (status), None => "none" } },
            html! { (call.class) },
            html! { (call.stripe_code.as_deref().unwrap_or_default()) },
            html! { (call.duration_ms) },
            call.request_id.as_deref().map(|id| html! { span.id title=(id) { (id) } }).unwrap_or_default(),
        ]
    });
    section("Calls to Stripe", &columns, rows.collect())
}

fn acts(frame: &Frame<'_>, operation: &Operation) -> Markup {
    let amount = money::shown(operation.amount, &operation.currency);
    let does = desk::views::operation::does(operation);
    let id = [operation.id()];
    let asked_for_it = operation.requested_by == frame.actor.staff();
    let caused_it = frame.actor.caused(operation);
    let reason = || words("reason", "Reason", "It stands in the audit, with your name.", true);
    let act = |endpoint, title, consequence: Markup, fields, button, is_dangerous| {
        form(frame, &Act { endpoint, path: &id, title, consequence, fields, button, is_dangerous })
    };
    html! {
        @match operation.state {
            OperationState::NeedsConfirmation if !asked_for_it => {
                p.muted { "Only " (operation.requested_by) ", who asked for it, can confirm it." }
            }
            OperationState::NeedsConfirmation => {
                (act("confirm_operation", "Confirm", html! { "You confirm: " strong { (does) } ". Where the policies ask for it, somebody else then approves it; else it is sent at once." }, html! {}, "Confirm it", false))
            }
            OperationState::NeedsApproval if asked_for_it => {
                p.muted { "You asked for it, so somebody else approves or rejects it." }
            }
            OperationState::NeedsApproval if caused_it => {
                p.muted { "It is because of what you did, so somebody else approves it." }
                (act("reject_operation", "Reject", html! { "Nothing is sent, and " strong { (amount) } " is free again." }, reason(), "Reject it", true))
            }
            OperationState::NeedsApproval => {
                (act("approve_operation", "Approve", html! { "With your word this is sent to Stripe: " strong { (does) } "." }, html! {
                    (hidden("parameters_hash", &operation.parameters_hash))
                    (words("reason", "Reason", "Optional.", false))
                }, "Approve it", false))
                (act("reject_operation", "Reject", html! { "Nothing is sent, and " strong { (amount) } " is free again." }, reason(), "Reject it", true))
            }
            OperationState::Failed => {
                (act("retry_operation", "Try again", html! { "A new attempt under a new key: " strong { (does) } "." }, html! {}, "Try it again", false))
            }
            OperationState::Unknown => {
                (act("settle_operation", "It was done", html! { "Stripe's dashboard shows it: " strong { (does) } "." }, html! {
                    (words("made", "Stripe's id of what it made", "As in the dashboard: re_…, pi_…, sub_…", true))
                    (reason())
                }, "It was done", false))
                (act("settle_operation", "It was not done", html! { "You have looked at Stripe's dashboard, and this is not there: " strong { (does) } ". It can then be tried again, which moves the money a second time if you are wrong." }, reason(), "It was not done", true))
            }
            _ => {}
        }
        @let is_waiting = matches!(operation.state, OperationState::NeedsConfirmation | OperationState::NeedsApproval | OperationState::Approved);
        @if is_waiting && !asked_for_it && !frame.actor.has(Permission::Manage) {
            p.muted { "Cancel: whoever asked for it may, or somebody with " code { (Permission::Manage) } "." }
        } @else if is_waiting {
            (act("cancel_operation", "Cancel", html! { "Nothing is sent: " strong { (does) } " does not happen." }, reason(), "Cancel it", true))
        }
    }
}
