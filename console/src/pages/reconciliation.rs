//! Reconciliation: the days that were compared, and one with its sums, payouts and balances, down to its findings.

use desk::views::reconciliation::{ReconciliationView, days};
use domain::Key;
use domain::reconciliation::Verdict;
use ledger::tables::reconciliations::{Reconciliation, StoredBalance, StoredLine, StoredPayout};
use ledger::views::search::Whose;
use ledger::{LedgerError, Transaction};
use maud::{Markup, html};

use super::address::link;
use super::command::command;
use super::findings;
use super::modes;
use super::shell::Frame;
use super::tables::{Column, empty, number, prose, section, table, text};
use super::tones::{Tone, badge};
use super::values::{moment, money, object};

const DAYS: &[Column] = &[
    text("Day (UTC)"),
    text("Verdict"),
    number("Transactions"),
    number("Differences"),
    number("Accepted"),
    number("Awaited"),
    text("Settled"),
    text("Compared"),
    prose("Not read to the end"),
    text("Account"),
];

pub async fn read_days(tx: &mut Transaction, frame: &Frame<'_>) -> Result<Vec<Reconciliation>, LedgerError> {
    let account = frame.address.get("account").map(str::to_owned);
    days(tx, &Whose { account, livemode: Some(frame.livemode) }).await
}

/// `None` where the day was not compared.
pub async fn read_day(
    tx: &mut Transaction,
    frame: &Frame<'_>,
    day: &str,
) -> Result<Option<ReconciliationView>, LedgerError> {
    let account = frame.address.get("account").unwrap_or_default().to_owned();
    let whose = Key { id: String::new(), account, livemode: frame.livemode };
    ReconciliationView::read(tx, day, &whose, frame.now).await
}

fn verdict(verdict: Verdict) -> Markup {
    let tone = match verdict {
        Verdict::Reconciled => Tone::Good,
        Verdict::Differences => Tone::Bad,
        Verdict::Incomplete => Tone::Warn,
    };
    badge(tone, verdict.as_str())
}

fn of_day(frame: &Frame<'_>, path: &str, name: &str, run: &Reconciliation) -> String {
    let account = (!run.account.is_empty()).then_some(("account", run.account.as_str()));
    link(path, [(name, run.day.as_str()), ("mode", modes::word(frame.livemode))].into_iter().chain(account))
}

fn findings_of(frame: &Frame<'_>, run: &Reconciliation) -> String {
    of_day(frame, "/payments/findings", "scope", run) + "&show=all"
}

pub fn page(frame: &Frame<'_>, compared: &[Reconciliation]) -> Markup {
    let rows = compared.iter().map(|run| {
        vec![
            html! { a href=(of_day(frame, "/payments/reconciliation", "day", run)) { (run.day) } },
            verdict(run.verdict),
            html! { (run.transactions) },
            html! { @if run.differences > 0 { a href=(findings_of(frame, run)) { (run.differences) } } @else { "0" } },
            html! { @if run.accepted > 0 { (run.accepted) } },
            html! { (run.awaited) },
            html! { @if run.is_final { "yes" } @else { "not yet" } },
            moment(run.compared_at),
            html! { (run.reason.as_deref().unwrap_or_default()) },
            html! { (run.account) },
        ]
    });
    html! {
        div.title { h1 { "Reconciliation" } span.muted { "Stripe's balance beside the ledger, day by day" } }
        section.panel {
            @if compared.is_empty() {
                (empty("No day has been compared yet.", &html! {
                    p { "With a key of Stripe's, each day is compared by the clock once its transactions are complete. A day that Stripe did not answer to the end is never called reconciled." }
                    p { code { "tidegate reconcile" } " compares yesterday at once." }
                }))
            } @else { (table("Days", DAYS, rows.collect())) }
        }
    }
}

pub fn day(frame: &Frame<'_>, day: &ReconciliationView) -> Markup {
    let run = &day.run;
    html! {
        div.title {
            h1 { "Reconciliation of " (run.day) }
            (verdict(run.verdict))
            span.muted { "UTC" @if !run.account.is_empty() { ", account " (run.account) } }
            span.end { a href=(link("/payments/reconciliation", [("mode", modes::word(frame.livemode))])) { "All days" } }
        }
        p.lead { (sentence(run)) }
        div.sided {
            div.stack {
                (lines(&day.lines))
                (section("What differs", findings::FINDINGS, day.findings.iter().map(|finding| findings::row(frame, finding)).collect()))
                (payouts(&day.payouts))
                (balances(&day.balances))
            }
            div.stack {
                section.panel {
                    h2 { "Details" }
                    div.inner { dl.facts {
                        div { dt { "transactions" } dd { (run.transactions) } }
                        div { dt { "differences" } dd { @if run.differences > 0 { a href=(findings_of(frame, run)) { (run.differences) " findings" } } @else { "none" } } }
                        @if run.accepted > 0 { div { dt { "accepted" } dd { (run.accepted) } } }
                        div { dt { "awaited" } dd { (run.awaited) } }
                        div { dt { "settled" } dd { @if run.is_final { "everything" } @else { "not everything: it is compared again" } } }
                        div { dt { "compared" } dd { (moment(run.compared_at)) } }
                    } }
                }
                section.panel {
                    h2 { "Elsewhere" }
                    div.inner {
                        (command("same-command", &format!("tidegate reconcile --day {}", run.day)))
                    }
                }
            }
        }
    }
}

fn sentence(run: &Reconciliation) -> String {
    match (run.verdict, &run.reason) {
        (Verdict::Incomplete, Some(reason)) => {
            format!("Stripe was not read to its end: {reason}. What it did not say is not judged.")
        }
        (Verdict::Incomplete, None) => "Stripe was not read to its end.".to_owned(),
        (Verdict::Reconciled, _) => {
            format!("All {} transactions of the day agree with the ledger.", run.transactions)
        }
        (Verdict::Differences, _) => {
            format!("{} of what was compared differs; each difference is a finding.", run.differences)
        }
    }
}

/// What Stripe says, what the ledger says, and the difference, which adds up in sight.
fn lines(lines: &[StoredLine]) -> Markup {
    let columns = [
        text("Currency"),
        text("Category"),
        number("Count"),
        number("Stripe"),
        number("Ledger"),
        number("Difference"),
        number("Fees"),
        number("Net"),
        number("Differing"),
    ];
    let rows = lines.iter().map(|line| {
        let amount = |minor_units| money(minor_units, &line.currency);
        let is_compared = !matches!(line.category.as_str(), "fee" | "unclassified");
        let compared = |minor_units| {
            if is_compared {
                amount(minor_units)
            } else {
                html! {}
            }
        };
        vec![
            html! { (line.currency.to_ascii_uppercase()) },
            html! { (line.category.as_str().replace('_', " ")) },
            html! { (line.transactions) },
            amount(line.stripe_amount),
            compared(line.ledger_amount),
            compared(line.stripe_amount - line.ledger_amount),
            amount(line.fee),
            amount(line.net),
            html! { @if line.differing > 0 { (line.differing) } },
        ]
    });
    section("By currency and category", &columns, rows.collect())
}

fn payouts(payouts: &[StoredPayout]) -> Markup {
    let columns =
        [text("Payout"), number("Amount"), number("Its transactions"), number("Their net"), text("Outcome")];
    let rows = payouts.iter().map(|payout| {
        vec![
            object("payout", &payout.payout),
            money(payout.amount, &payout.currency),
            html! { (payout.items) },
            money(payout.items_net, &payout.currency),
            html! { (payout.outcome.as_str().replace('_', " ")) },
        ]
    });
    section("Payouts beside their transactions", &columns, rows.collect())
}

fn balances(balances: &[StoredBalance]) -> Markup {
    let columns =
        [text("Currency"), number("Opening"), number("Movements"), number("Closing"), text("Rests on")];
    let rows = balances.iter().map(|balance| {
        let amount = |minor_units| money(minor_units, &balance.currency);
        vec![
            html! { (balance.currency.to_ascii_uppercase()) },
            amount(balance.opening),
            amount(balance.movements),
            amount(balance.closing),
            html! { @if balance.is_stated { "what Stripe said" } @else { "the day before" } },
        ]
    });
    section("Opening, movements, closing", &columns, rows.collect())
}
