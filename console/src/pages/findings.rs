//! Findings: what checks turned up, as a list; and one with its figures, what may be done about it, and its history.

use desk::views::finding::FindingView;
use desk::views::story::story;
use desk::wording::belongs_to;
use domain::Severity;
use domain::findings::{Check, Finding, FindingState, NAME, Past};
use ledger::views::lists::FindingFilter;
use ledger::views::page::Page;
use ledger::views::search::Whose;
use maud::{Markup, html};
use serde_json::Value;

use super::acts::{Act, form, words};
use super::blocks::block;
use super::command::{command, curl, quoted};
use super::listed::{self, choice, field, next, window};
use super::object::{acts_panel, heading, sided};
use super::saved_views;
use super::shell::Frame;
use super::tables::{Column, empty, number, pager, prose, section, table, text};
use super::timelines::{subject, timeline};
use super::tones::{badge, of_severity};
use super::values::{age, capitalised, maybe_moment, moment, money, object, status};

pub const FINDINGS: &[Column] = &[
    text("Severity"),
    text("Finding"),
    text("State"),
    prose("What it says"),
    text("About"),
    number("At stake"),
    text("Since"),
    text("Assigned to"),
    text("Account"),
];

/// What the address asks for; what nobody has resolved where it does not ask for all.
pub fn filter(frame: &Frame<'_>) -> Result<FindingFilter, String> {
    let address = frame.address;
    let word = |name: &str| address.get(name);
    let state = word("state").map(|word| FindingState::try_from(word.to_owned())).transpose()?;
    let found_by = word("check").map(|word| Check::try_from(word.to_owned())).transpose()?;
    let owned = |name: &str| word(name).map(str::to_owned);
    Ok(FindingFilter {
        found_by,
        kind: owned("kind"),
        state,
        resolved_too: word("show").is_some(),
        severity: owned("severity"),
        assignee: owned("assignee"),
        subject: owned("subject"),
        scope: owned("scope"),
        currency: owned("currency").map(|code| code.to_ascii_lowercase()),
        window: window(address, frame.now)?,
        whose: Whose { account: owned("account"), livemode: Some(frame.livemode) },
    })
}

pub fn page(frame: &Frame<'_>, found: &Page<Finding>) -> Markup {
    let address = frame.address;
    let shows_all = address.get("show").is_some();
    html! {
        div.title {
            h1 { "Findings" }
            div.tabs {
                a href=(address.with("show", None)) aria-current=[(!shows_all).then_some("page")] { "Not resolved" }
                a href=(address.with("show", Some("all"))) aria-current=[shows_all.then_some("page")] { "All" }
            }
        }
        (saved_views::bar(frame))
        section.panel {
            (listed::filters(frame, &html! {
                @if shows_all { input type="hidden" name="show" value="all"; }
                (choice(address, "check", "Found by", "any check", Check::WORDS))
                (choice(address, "severity", "Severity", "any", Severity::WORDS))
                (choice(address, "state", "State", "any", FindingState::WORDS))
                (field(address, "kind", "Kind", "decline_velocity", "text"))
                (field(address, "assignee", "Assigned to", "jane", "text"))
                (field(address, "subject", "About", "ch_…", "text"))
                (field(address, "scope", "Day or scope", "2026-11-27", "text"))
            }))
            @if found.rows.is_empty() {
                (empty("No finding here.", &html! {
                    p { "Reconciliation and the fraud desk turn findings up by the clock. Each keeps one id: a run finds it new, still there, gone, or back again." }
                }))
            } @else {
                (table("Findings", FINDINGS, found.rows.iter().map(|finding| row(frame, finding)).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), listed::csv(frame).as_deref()))
            }
        }
    }
}

fn at_stake(finding: &Finding) -> Markup {
    finding.amount.map(|amount| money(amount, &finding.currency)).unwrap_or_default()
}

pub fn row(frame: &Frame<'_>, finding: &Finding) -> Vec<Markup> {
    vec![
        badge(of_severity(finding.severity.as_str()), finding.severity.as_str()),
        object(NAME, &finding.key.id),
        status(finding.state.as_str()),
        html! { (finding.summary) },
        subject(&finding.subject_kind, &finding.subject_id),
        at_stake(finding),
        age(finding.first_found_at, frame.now),
        html! { (finding.assignee.as_deref().unwrap_or_default()) },
        html! { (finding.key.account) },
    ]
}

pub fn one(frame: &Frame<'_>, view: &FindingView) -> Markup {
    let finding = &view.finding;
    let key = &finding.key;
    html! {
        (heading(NAME, &key.id, finding.state.as_str(), &belongs_to(&key.account, key.livemode)))
        p.lead { (capitalised(finding.summary.trim_end_matches('.'))) ". " (view.says) }
        (sided(&html! { (figures(finding)) (acts_panel(&acts(frame, finding))) }, &html! {
                (history(&view.history))
                @if !view.timeline.is_empty() { (timeline((NAME, key), &story(&view.timeline, [], &[]), &[], frame.address)) }
            }, &html! {
                (details(finding))
                section.panel {
                    h2 { "Elsewhere" }
                    div.inner {
                        (command("same-command", &format!("tidegate findings show {}", quoted(&key.id))))
                        (command("same-request", &curl(&format!("/api/v1/findings/{}", super::address::encoded(&key.id)))))
                    }
                }
            }))
    }
}

/// Both sides and their difference, where the check compares two.
fn figures(finding: &Finding) -> Markup {
    let shown = |amount: Option<i64>| amount.map(|amount| money(amount, &finding.currency));
    let difference = finding.stripe_amount.zip(finding.ledger_amount).map(|(stripe, ledger)| stripe - ledger);
    if finding.stripe_amount.is_none() && finding.ledger_amount.is_none() {
        return html! {};
    }
    html! {
        section.panel {
            h2 { "Money" }
            div.inner { table.sum {
                caption.hidden { "What both sides say" }
                tbody {
                    tr { th scope="row" { "Stripe" } td.num { (shown(finding.stripe_amount).unwrap_or_else(|| html! { "nothing" })) } }
                    tr { th scope="row" { "minus the ledger" } td.num { (shown(finding.ledger_amount).unwrap_or_else(|| html! { "nothing" })) } }
                }
                @if let Some(difference) = difference {
                    tfoot { tr { th scope="row" { "difference" } td.num { (money(difference, &finding.currency)) } } }
                }
            } }
        }
    }
}

/// The charges that it rests on, where its subject is none.
fn charges(finding: &Finding) -> Vec<String> {
    let details: Value = serde_json::from_str(&finding.details).unwrap_or_default();
    let charges = details["charges"].as_array().cloned().unwrap_or_default();
    charges.iter().filter_map(|charge| charge.as_str().map(str::to_owned)).collect()
}

fn details(finding: &Finding) -> Markup {
    let charges = charges(finding);
    html! {
        section.panel {
            h2 { "Details" }
            div.inner { dl.facts {
                div { dt { "severity" } dd { (badge(of_severity(finding.severity.as_str()), finding.severity.as_str())) } }
                div { dt { "found by" } dd { (finding.found_by.as_str().replace('_', " ")) } }
                div { dt { "kind" } dd { (finding.kind.replace('_', " ")) } }
                div { dt { "about" } dd { (finding.subject_kind) " " (subject(&finding.subject_kind, &finding.subject_id)) } }
                @if !finding.scope.is_empty() { div { dt { "of" } dd { (finding.scope) } } }
                @if finding.amount.is_some() { div { dt { "at stake" } dd { (at_stake(finding)) } } }
                div { dt { "first found" } dd { (moment(finding.first_found_at)) } }
                div { dt { "last found" } dd { (moment(finding.last_found_at)) } }
                @if !charges.is_empty() { div { dt { "charges" } dd { @for charge in &charges { (object("charge", charge)) " " } } } }
                @if finding.reopened > 0 { div { dt { "opened again" } dd { (finding.reopened) } } }
                div { dt { "assigned to" } dd { (finding.assignee.as_deref().unwrap_or("nobody")) } }
                @if finding.snoozed_until.is_some() { div { dt { "put off until" } dd { (maybe_moment(finding.snoozed_until)) } } }
                @if let Some(reference) = &finding.reference { div { dt { "fixed by" } dd { (reference) } } }
                @if let Some(note) = &finding.note { div { dt { "last note" } dd { (note) } } }
            } }
        }
    }
}

fn history(history: &[Past]) -> Markup {
    let columns = [text("When"), text("Step"), text("By"), prose("Note")];
    let rows = history.iter().map(|past| {
        vec![
            moment(past.at),
            html! { (past.step.as_str()) },
            html! { (past.done_by.replace('_', " ")) },
            html! { (past.note.as_deref().unwrap_or_default()) },
        ]
    });
    section("Its history", &columns, rows.collect())
}

fn acts(frame: &Frame<'_>, finding: &Finding) -> Markup {
    let id = [finding.key.id.as_str()];
    let act = |endpoint, title: &str, consequence: &str, fields: Markup| {
        let consequence = html! { (consequence) " " strong { (finding.key.id) } "." };
        form(
            frame,
            &Act { endpoint, path: &id, title, consequence, fields, button: title, is_dangerous: false },
        )
    };
    let note = || words("note", "Note", "Everyone here can read it. Notes cannot be edited.", true);
    let is_resolved = finding.state == FindingState::Resolved;
    html! {
        (act("note_on_finding", "Add a note", "Everyone here can read it on", note()))
        @if is_resolved {
            (act("reopen_finding", "Reopen", "Its resolution is taken back:", note()))
        } @else {
            (act("assign_finding", "Assign", "Somebody is to look at", words("to", "To", "A name; empty for nobody.", false)))
            (act("acknowledge_finding", "Acknowledge", "It is known, and stays in sight:", note()))
            (act("snooze_finding", "Snooze", "It is out of sight until then, and open again after:", html! {
                (words("until", "Until", "As in 3d or 2026-12-31.", false))
                (note())
            }))
            (act("resolve_finding", "Mark as fixed", "It opens again if it is found again:", html! {
                (words("reference", "What fixed it", "A ticket, a refund, a change.", false))
                (words("note", "Note", "", false))
            }))
            @if let "user" | "customer" = finding.subject_kind.as_str() { (block(frame, Some(&finding.subject_id))) }
            (act("accept_finding", "Accept it", "It stays as it is, with the figures of now; it opens again if they change:", note()))
        }
    }
}
