//! Several refunds under one approval: what a list of payments would come to, and a list that was asked for.

use desk::acts::operations::NotDone;
use desk::acts::operations::batch::{self, BatchView};
use desk::acts::operations::request::{Ask, Wanted};
use desk::views::operation::OperationWords;
use desk::wording::belongs_to;
use domain::operations::batch::{Batch, ITEMS_LIMIT, sums_of};
use domain::operations::{Operation, OperationState, Reason};
use domain::payments::Payment;
use domain::permissions::Permission;
use ledger::Ledger;
use ledger::views::search::Whose;
use maud::{Markup, html};

use super::acts::{Act, form, hidden, words};
use super::command::{command, quoted};
use super::faults::PageFault;
use super::found::Failed;
use super::object::{acts_panel, heading};
use super::payment_acts::REASONS;
use super::shell::Frame;
use super::tables::{number, prose, section, text};
use super::values::{age, capitalised, counted, moment, money, object, status};

/// Before it is asked for: the payments are named, then it is shown what that comes to, and nothing is kept.
pub(super) async fn plan(ledger: &Ledger, frame: &Frame<'_>) -> Result<Markup, Failed> {
    let named = frame.address.get("payments").unwrap_or_default();
    let ids: Vec<&str> = named.split([',', ' ', '\t', '\r', '\n']).filter(|id| !id.is_empty()).collect();
    let planned = if ids.is_empty() { None } else { Some(planned(ledger, frame, &ids).await?) };
    Ok(html! {
        div.title { h1 { "Refund several payments" } }
        p.lead { "One approval for a list: it is shown with its sum first, then frozen, and one word decides about all of it." }
        @if let Some(view) = &planned {
            @for warning in &view.warnings { p.note.warn { (warning) } }
            p.note role="status" { strong { "A plan: " (counted(view.operations.len(), "refund")) ", " (view.batch.sums) "." } " Nothing is asked for yet." }
            div.sided {
                div.stack { (items(frame, view, true)) }
                div.stack { (acts_panel(&ask(frame, view))) }
            }
        }
        (naming(frame, named))
    })
}

async fn planned(ledger: &Ledger, frame: &Frame<'_>, ids: &[&str]) -> Result<BatchView, Failed> {
    frame.actor.may(Permission::Request).map_err(|forbidden| not_planned(forbidden.into()))?;
    if ids.len() > ITEMS_LIMIT {
        return Err(not_planned(NotDone::ItemsLimit { items: ids.len(), limit: ITEMS_LIMIT }));
    }
    let whose = Whose { account: None, livemode: Some(frame.livemode) };
    let reason = frame.address.get("reason").and_then(Reason::named).unwrap_or(Reason::RequestedByCustomer);
    let note = frame.address.get("note").map(str::to_owned);
    let mut asks = Vec::new();
    for id in ids {
        let mut found = ledger.find::<Payment>(id).await?;
        found.retain(|payment| whose.admits(&payment.key));
        let payment = match (found.pop(), found.is_empty()) {
            (Some(only), true) => only.key,
            (Some(_), false) => return Err(not_planned(NotDone::Ambiguous { id: (*id).to_owned() })),
            (None, _) => {
                return Err(PageFault::Unknown { kind: "payment".to_owned(), id: (*id).to_owned() }.into());
            }
        };
        let wanted = Wanted::Refund { payment, amount: None, currency: None };
        asks.push(Ask { wanted, reason, note: note.clone(), confirmed: true });
    }
    batch::plan(ledger, &asks, frame.actor, frame.now).await.map_err(not_planned)
}

fn not_planned(error: NotDone) -> Failed {
    match error {
        NotDone::Ledger(error) => Failed::Ledger(error),
        NotDone::Forbidden(forbidden) => PageFault::Forbidden(format!("{forbidden}.")).into(),
        other => PageFault::Wrong(format!("{}.", capitalised(&other.to_string()))).into(),
    }
}

fn naming(frame: &Frame<'_>, named: &str) -> Markup {
    let chosen = frame.address.get("reason");
    html! {
        section.panel {
            h2 { "The payments" }
            div.inner {
                form.form method="get" action=(frame.address.path) {
                    input type="hidden" name="mode" value=(super::modes::word(frame.livemode));
                    div.field {
                        label for="batch-payments" { "Their ids" }
                        textarea id="batch-payments" name="payments" required rows="6" maxlength="7000" spellcheck="false" { (named) }
                        span.hint { "One a line, at most " (ITEMS_LIMIT) ". Of each, all that is left goes back." }
                    }
                    div.field {
                        label for="batch-reason" { "Reason" }
                        select id="batch-reason" name="reason" {
                            @for reason in REASONS { option value=(reason) selected[chosen == Some(reason)] { (reason.replace('_', " ")) } }
                        }
                    }
                    div.field {
                        label for="batch-note" { "Note" }
                        input id="batch-note" name="note" type="text" maxlength="500" autocomplete="off" value=[frame.address.get("note")];
                        span.hint { "For whoever approves it, and for the audit." }
                    }
                    div { button type="submit" { "Show what it comes to" } }
                }
            }
        }
    }
}

fn ask(frame: &Frame<'_>, view: &BatchView) -> Markup {
    let refused = in_state(view, OperationState::Refused);
    let batch = &view.batch;
    if refused > 0 {
        return html! { p.note.warn { (counted(refused, "refund")) " would be refused, and that refuses the whole list. Take what is refused out of it first." } };
    }
    let waits = view.waiting();
    form(
        frame,
        &Act {
            endpoint: "request_batch",
            path: &[],
            title: "Ask for them",
            consequence: html! {
                "Asks for " strong { (counted(view.operations.len(), "refund")) " of " (batch.sums) } ". "
                @if waits > 0 { "Somebody else approves the list before anything is sent." } @else { "They are sent to Stripe without another word." }
            },
            fields: html! {
                (hidden("confirm", "true"))
                (hidden("hash", &batch.hash))
                (hidden("reason", &batch.reason))
                @if let Some(note) = &batch.note { (hidden("note", note)) }
                @for operation in &view.operations { (hidden("payments", &operation.subject_id)) }
            },
            button: "Ask for the refunds",
            is_dangerous: false,
        },
    )
}

/// A list that was asked for, and what became of each of its items.
pub fn page(frame: &Frame<'_>, view: &BatchView) -> Markup {
    let batch = &view.batch;
    let waits = view.waiting();
    let state = view.operations.iter().find(|it| it.state.is_open()).or(view.operations.last());
    html! {
        (heading("batch", &batch.id, state.map_or("empty", |it| it.state.as_str()), &belongs_to(&batch.account, batch.livemode)))
        p.lead {
            strong { (counted(view.operations.len(), "refund")) ", " (batch.sums) ". " }
            @if waits > 0 { (counted(waits, "refund")) @if waits == 1 { " waits" } @else { " wait" } " for a second person." } @else { (became(view)) }
        }
        @for warning in &view.warnings { p.note.warn { (warning) } }
        div.sided {
            div.stack { (items(frame, view, false)) }
            div.stack {
                (acts_panel(&acts(frame, view)))
                section.panel {
                    h2 { "Details" }
                    div.inner { dl.facts {
                        div { dt { "asked for by" } dd { (batch.requested_by) } }
                        div { dt { "asked for" } dd { (moment(batch.requested_at)) } }
                        div { dt { "reason" } dd { (batch.reason.replace('_', " ")) } }
                        @if let Some(note) = &batch.note { div { dt { "note" } dd { (note) } } }
                        div { dt { "hash of the list" } dd { span.id title=(batch.hash) { (batch.hash) } } }
                    } }
                }
                section.panel {
                    h2 { "Elsewhere" }
                    div.inner { (command("same-command", &format!("tidegate operations show {}", quoted(&batch.id)))) }
                }
            }
        }
    }
}

/// Of its items, how many are in which state.
fn became(view: &BatchView) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for operation in &view.operations {
        let state = operation.state.as_str();
        match counts.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => counts.push((state, 1)),
        }
    }
    let said: Vec<String> =
        counts.into_iter().map(|(state, count)| format!("{count} {}", state.replace('_', " "))).collect();
    format!("{}.", capitalised(&said.join(", ")))
}

fn in_state(view: &BatchView, state: OperationState) -> usize {
    view.operations.iter().filter(|operation| operation.state == state).count()
}

/// Of a plan nothing is kept: its operations have no pages.
fn items(frame: &Frame<'_>, view: &BatchView, is_plan: bool) -> Markup {
    let columns = [text("Payment"), number("Amount"), text("State"), prose("Why"), text("Operation")];
    let rows = view.operations.iter().map(|operation| {
        vec![
            object(&operation.subject_kind, &operation.subject_id),
            if operation.asks_for_the_rest() {
                html! { "what is left" }
            } else {
                money(operation.amount, &operation.currency)
            },
            if is_plan { would_be(operation.state) } else { status(operation.state.as_str()) },
            html! { (capitalised(&why(frame, operation, is_plan))) },
            if is_plan {
                html! {}
            } else {
                object("operation", operation.id())
            },
        ]
    });
    section("Refunds", &columns, rows.collect())
}

/// Nothing of a plan is approved yet.
fn would_be(state: OperationState) -> Markup {
    match state {
        OperationState::Approved => html! { "needs no approval" },
        state => status(state.as_str()),
    }
}

fn why(frame: &Frame<'_>, operation: &Operation, is_plan: bool) -> String {
    let said = operation.message.clone().or_else(|| operation.warning.clone());
    match said {
        None if is_plan => String::new(),
        said => said.unwrap_or_else(|| OperationWords::of(operation, frame.now).next.unwrap_or_default()),
    }
}

fn acts(frame: &Frame<'_>, view: &BatchView) -> Markup {
    let batch = &view.batch;
    let waiting: Vec<Operation> =
        view.operations.iter().filter(|it| it.state == OperationState::NeedsApproval).cloned().collect();
    if waiting.is_empty() {
        return html! { p.muted { "Nothing in it is waiting for a decision." } };
    }
    if frame.actor.is_named(&batch.requested_by) {
        return html! { p.muted { "You asked for it, so somebody else approves or rejects it." } };
    }
    let (waits, sums) = (waiting.len(), sums_of(&waiting));
    let all = html! { strong { (counted(waits, "refund")) } };
    html! {
        (form(frame, &Act {
            endpoint: "approve_batch",
            path: &[&batch.id],
            title: "Approve",
            consequence: html! { "If you approve, " (all) " of this list, " strong { (sums) } " in all, go to Stripe." },
            fields: html! { (hidden("hash", &batch.hash)) (words("reason", "Reason", "Optional.", false)) },
            button: "Approve them all",
            is_dangerous: false,
        }))
        (form(frame, &Act {
            endpoint: "reject_batch",
            path: &[&batch.id],
            title: "Reject",
            consequence: html! { "Nothing of " (all) " is sent, and their money is free again." },
            fields: words("reason", "Reason", "It stands in the audit, with your name.", true),
            button: "Reject them all",
            is_dangerous: true,
        }))
    }
}

/// So many lists that wait are shown.
pub const WAITING_LIMIT: i64 = 100;

/// Those that wait, a row each; the newest, where there are more.
pub fn waiting(frame: &Frame<'_>, batches: &[Batch]) -> Markup {
    let columns = [
        text("Asked for"),
        text("List"),
        number("Refunds"),
        text("Sum"),
        text("By"),
        prose("Note"),
        text("Account"),
    ];
    let rows = batches.iter().map(|batch| {
        vec![
            age(batch.requested_at, frame.now),
            object("batch", &batch.id),
            html! { (batch.items) },
            html! { (batch.sums) },
            html! { (batch.requested_by) },
            html! { (batch.note.as_deref().unwrap_or_default()) },
            html! { (batch.account) },
        ]
    });
    let is_cut = i64::try_from(batches.len()) == Ok(WAITING_LIMIT);
    html! {
        (section("Lists under one approval", &columns, rows.collect()))
        @if is_cut { p.note.warn { "Older lists may wait, too. They appear when these are decided." } }
    }
}
