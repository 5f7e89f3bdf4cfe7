//! Policies: what the business decides. Each with its value, who set it and why, what another value would have changed,
//! and the form that sets it.

use desk::acts::policies::Plan;
use desk::views::policies::ListedPolicy;
use domain::policies::{Slot, shown_as_kept};
use ledger::tables::pending_changes::PendingChange;
use ledger::tables::policies::PolicyRow;
use maud::{Markup, html};

use super::acts::{Act, form, hidden, words};
use super::address::link;
use super::changes;
use super::command::{command, quoted};
use super::object::acts_panel;
use super::shell::Frame;
use super::tables::{Column, prose, section, table, text};
use super::values::{age, moment, object};

/// The audit's word for a change of a policy.
const KIND: domain::pending_changes::ChangeKind = domain::pending_changes::ChangeKind::Policy;

const COLUMNS: &[Column] =
    &[text("Policy"), text("Value"), prose("What it is"), text("Set"), text("By"), prose("Reason")];

fn place(key: &str, currency: &str) -> String {
    let currency = (!currency.is_empty()).then_some(("currency", currency));
    link(&format!("/policy/{key}"), currency)
}

pub fn list(frame: &Frame<'_>, policies: &[ListedPolicy], waiting: &[PendingChange]) -> Markup {
    html! {
        div.title { h1 { "Policies" } }
        p.lead { "What the business decides. Each change is rehearsed first, kept with its reason, and counts from the next act on. What gives up a safeguard takes two administrators." }
        (changes::panel(frame, waiting.iter().filter(|change| change.kind == KIND)))
        section.panel { (table("Policies", COLUMNS, policies.iter().map(|policy| row(frame, policy)).collect())) }
    }
}

fn row(frame: &Frame<'_>, policy: &ListedPolicy) -> Vec<Markup> {
    let name = html! { span { a href=(place(policy.key.as_str(), &policy.currency)) { (policy.key.as_str()) } @if !policy.currency.is_empty() { " " (policy.currency.to_uppercase()) } } };
    let mut cells = vec![name, html! { strong.nowrap { (policy.shown) } }, html! { (policy.help) }];
    cells.extend(whose(frame, policy));
    cells
}

/// When it was set, by whom and why.
fn whose(frame: &Frame<'_>, policy: &ListedPolicy) -> [Markup; 3] {
    let set = policy.set.as_ref();
    [
        set.map_or_else(|| html! { span.muted { "default" } }, |set| age(set.set_at, frame.now)),
        html! { (set.map(|set| set.set_by.as_str()).unwrap_or_default()) },
        html! { (set.map(|set| set.reason.as_str()).unwrap_or_default()) },
    ]
}

/// A policy has a value for each currency: which one is meant? `values` are those that it has.
pub fn choose_currency(frame: &Frame<'_>, values: &[ListedPolicy]) -> Markup {
    let Some(policy) = values.first() else { return html! {} };
    let key = policy.key.as_str();
    let columns = [text("Currency"), text("Value"), text("Set"), text("By"), prose("Reason")];
    let cells = values.iter().map(|policy| {
        let currency = html! { a href=(place(key, &policy.currency)) { (policy.currency.to_uppercase()) } };
        let mut cells = vec![currency, html! { strong.nowrap { (policy.shown) } }];
        cells.extend(whose(frame, policy));
        cells
    });
    html! {
        div.title { h1 { (key) } }
        p.lead { (policy.help) " Each currency has a value of its own." }
        (section("Values", &columns, cells.collect()))
        section.panel {
            h2 { "Another currency" }
            div.inner {
                form.form method="get" action={ "/policy/" (key) } {
                    div.field {
                        label for="currency" { "Currency" }
                        input id="currency" name="currency" type="text" required minlength="3" maxlength="3" autocomplete="off" placeholder="eur";
                        span.hint { "Its three letters." }
                    }
                    div { button type="submit" { "Show it" } }
                }
            }
        }
        p { a href="/policies" { "All policies" } }
    }
}

/// What the page of one policy is made of.
pub struct Shown<'a> {
    pub slot: &'a Slot,
    /// The policy of this slot, or of another currency where this one has no value yet.
    pub policy: &'a ListedPolicy,
    pub history: &'a [PolicyRow],
    /// What the value that is asked about would change; or why it is none.
    pub rehearsal: Option<Result<Plan, String>>,
    pub waiting: &'a [PendingChange],
}

pub fn page(frame: &Frame<'_>, shown: &Shown<'_>) -> Markup {
    let (key, currency) = (shown.slot.key.as_str(), shown.slot.currency.as_str());
    let subject = shown.slot.to_string();
    let waiting = shown.waiting.iter().filter(|change| change.kind == KIND && change.subject == subject);
    let has_value = shown.policy.currency == currency;
    html! {
        div.title { h1 { (key) } @if !currency.is_empty() { span.muted { (currency.to_uppercase()) } } }
        p.lead { (shown.policy.help) " "
            @if has_value { "It is " strong { (shown.policy.shown) } " now." } @else { "This currency has no value of its own yet." } }
        (changes::panel(frame, waiting))
        div.sided {
            div.stack {
                section.panel {
                    h2 { "Another value" }
                    div.inner {
                        form.form method="get" action={ "/policy/" (key) } {
                            @if !currency.is_empty() { (hidden("currency", currency)) }
                            div.field {
                                label for="value" { "Value" }
                                input id="value" name="value" type="text" required autocomplete="off" value=(frame.address.get("value").unwrap_or_default());
                                span.hint { (super::values::capitalised(&shown.policy.bounds)) "." }
                            }
                            div { button type="submit" { "Rehearse it" } }
                        }
                        @match &shown.rehearsal {
                            None => p.muted { "First see what it would have changed; nothing is written." },
                            Some(Err(why)) => p.note.bad role="alert" { (super::values::capitalised(why)) "." },
                            Some(Ok(plan)) => (rehearsed(frame, plan)),
                        }
                    }
                }
                (history(shown.history))
            }
            div.stack {
                section.panel {
                    h2 { "Elsewhere" }
                    div.inner { (command("same-command", &format!("tidegate policy history {}", quoted(key)))) }
                }
                p { a href="/policies" { "All policies" } }
            }
        }
    }
}

fn rehearsed(frame: &Frame<'_>, plan: &Plan) -> Markup {
    let rehearsal = &plan.rehearsal;
    let value = frame.address.get("value").unwrap_or_default();
    html! {
        dl.facts {
            div { dt { "from" } dd { (plan.before) } }
            div { dt { "to" } dd { strong { (plan.after) } } }
            div { dt { "operations of 30 days" } dd { (rehearsal.operations) } }
            div { dt { "would need another approval" } dd { (rehearsal.need_more) } }
            div { dt { "would need one approval fewer" } dd { (rehearsal.need_less) } }
            @for id in &rehearsal.waiting { div { dt { "waits, and would differ" } dd { (object("operation", id)) } } }
        }
        @if plan.loosens { p.note.warn { "It gives up a safeguard: where there is a second administrator, that one must agree." } }
        (acts_panel(&form(frame, &Act {
            endpoint: "set_policy",
            path: &[plan.key],
            title: "Set it",
            consequence: html! { strong { (plan.key) } " goes from " strong { (plan.before) } " to " strong { (plan.after) } "." },
            fields: html! {
                (hidden("value", value))
                @if !plan.currency.is_empty() { (hidden("currency", &plan.currency)) }
                (words("reason", "Reason", "It stands in the audit, with your name.", true))
            },
            button: "Set the policy",
            is_dangerous: plan.loosens,
        })))
    }
}

fn history(rows: &[PolicyRow]) -> Markup {
    let columns = [text("Set"), text("Version"), text("Value"), text("By"), prose("Reason")];
    let cells = rows.iter().map(|row| {
        vec![
            moment(row.set_at),
            html! { (row.version) },
            html! { (shown_as_kept(&row.key, &row.currency, &row.value)) },
            html! { (row.set_by) },
            html! { (row.reason) },
        ]
    });
    section("History", &columns, cells.collect())
}
