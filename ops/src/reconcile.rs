//! `tidegate reconcile`: compares a day of Stripe's balance with the ledger, and shows what differs.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use desk::reconcile::{self, Compared, Comparing, DifferingItem, ReconcileError};
use desk::views::reconciliation::ReconciliationView;
use domain::Key;
use domain::reconciliation::{PayoutOutcome, Verdict};
use ledger::tables::reconciliations::{Reconciliation, StoredBalance, StoredLine, StoredPayout};
use ledger::views::search::Whose;
use serde::Serialize;
use shared::env::Env;
use shared::queue::Role;
use shared::{clock, shutdown};
use stripe_api::{Api, StripeConfig};

use crate::cli::{ReconcileCommand, ReconcileOptions, Shape, ShowDayOptions};
use crate::events::mode;
use crate::failure::wrongly_called;
use crate::table::Table;
use crate::{findings, money, open, output, when};

/// So many days are shown.
const SHOWN: i64 = 1_000;

#[derive(Serialize)]
struct Items<'a, T> {
    items: &'a [T],
}

pub async fn run(env: &Env, options: &ReconcileOptions) -> anyhow::Result<ExitCode> {
    match &options.command {
        None => compare(env, options).await,
        Some(ReconcileCommand::List(shape)) => list(env, shape).await,
        Some(ReconcileCommand::Show(options)) => show(env, options).await,
    }
}

async fn compare(env: &Env, options: &ReconcileOptions) -> anyhow::Result<ExitCode> {
    let now = clock::now();
    let config = StripeConfig::from_env(env)?.ok_or_else(StripeConfig::missing_key)?;
    let api = Api::open(&config, shutdown::on_signal()?)?;
    let ledger = open::ledger(env).await?;
    let api = desk::pace::shared(api, &ledger, |_| {});
    let queue = if options.no_refetch { None } else { Some(open::queue(env, Role::Publish).await?.0) };
    let account = options.account.as_str();
    let comparing = Comparing { ledger: &ledger, api: &api, queue: queue.as_ref(), account };
    let compared = compare_days(comparing, options, now).await;
    if let Some(queue) = &queue {
        queue.close().await;
    }
    ledger.close().await;
    let compared = compared?;
    let is_reconciled = compared.iter().all(|day| day.run.verdict == Verdict::Reconciled);
    match (options.shape.json, options.due, compared.first()) {
        (true, true, _) => output::print_json(&Items { items: &compared })?,
        (true, false, Some(day)) => output::print_json(day)?,
        (_, _, None) => output::remark("no day is due"),
        (false, ..) => {
            let pages: Vec<String> = compared.iter().map(page).collect();
            output::print(&pages.join("\n"))?;
        }
    }
    Ok(if is_reconciled { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn compare_days(
    comparing: Comparing<'_>,
    options: &ReconcileOptions,
    now: DateTime<Utc>,
) -> anyhow::Result<Vec<Compared>> {
    let livemode = comparing.api.livemode();
    let days = match (options.due, options.day) {
        (true, _) => reconcile::days_due(comparing.ledger, comparing.account, livemode, now).await?,
        (false, day) => vec![day.unwrap_or_else(|| reconcile::last_day(now))],
    };
    let mut compared = Vec::new();
    for day in days {
        compared.push(match reconcile::run(comparing, day, now).await {
            Err(fault @ ReconcileError::NotOver(_)) => return Err(wrongly_called(fault.to_string())),
            compared => compared?,
        });
    }
    Ok(compared)
}

/// A day as it was kept.
async fn show(env: &Env, options: &ShowDayOptions) -> anyhow::Result<ExitCode> {
    let (now, day) = (clock::now(), options.day.to_string());
    let whose = Key { id: String::new(), account: options.account.clone(), livemode: !options.test_mode };
    let ledger = open::ledger(env).await?;
    let read = async { ReconciliationView::read(&mut ledger.read().await?, &day, &whose, now).await };
    let view = open::answer(&ledger, read).await?;
    let other = Key { livemode: options.test_mode, ..whose.clone() };
    let mut is_of_other_mode = false;
    if view.is_none() {
        let read = async { ReconciliationView::read(&mut ledger.read().await?, &day, &other, now).await };
        is_of_other_mode = open::answer(&ledger, read).await?.is_some();
    }
    ledger.close().await;
    let Some(view) = view else {
        if is_of_other_mode {
            let (mode, option) = if options.test_mode {
                ("live", "without --test-mode")
            } else {
                ("test", "with --test-mode")
            };
            anyhow::bail!("{day} was compared in {mode} mode alone: ask for it {option}");
        }
        anyhow::bail!("{day} was not compared yet: `{} reconcile --day {day}` does that", output::me());
    };
    if options.shape.json {
        output::print_json(&view)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = head(view.zone, &view.run) + &tables(&view.lines, &view.balances, &view.payouts);
    if !view.findings.is_empty() {
        text.push('\n');
        text.push_str(&findings::table(&view.findings, now).render());
    }
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn page(compared: &Compared) -> String {
    let Compared { zone, run, lines, balances, payouts, differing, .. } = compared;
    let mut text = head(zone, run) + &tables(lines, balances, payouts);
    if !differing.is_empty() {
        text.push('\n');
        text.push_str(&items(differing).render());
    }
    text
}

fn head(zone: &str, run: &Reconciliation) -> String {
    let Reconciliation { day, verdict, transactions, differences, accepted, awaited, reason, .. } = run;
    let count = |number: &i64| money::count(number.unsigned_abs());
    let accepted = if *accepted > 0 { format!(" ({} accepted)", count(accepted)) } else { String::new() };
    let mut text = format!(
        "{day} ({zone}), {}: {}{}\n{} transactions, {} differences{accepted}, {} awaited\n",
        if run.livemode { "live" } else { "test mode" },
        verdict.as_str().to_uppercase(),
        if run.is_final { ", final" } else { "" },
        count(transactions),
        count(differences),
        count(awaited),
    );
    if let Some(reason) = reason {
        text.extend(["Not all of it was compared: ", reason, ". Run it again.\n"]);
    } else if !run.is_final {
        text.push_str("Not everything in it has settled: it is compared again every morning.\n");
    }
    text
}

fn tables(lines: &[StoredLine], of_balance: &[StoredBalance], of_payouts: &[StoredPayout]) -> String {
    let tables = [
        (!lines.is_empty()).then(|| sums(lines)),
        (!of_balance.is_empty()).then(|| balances(of_balance)),
        (!of_payouts.is_empty()).then(|| payouts(of_payouts)),
    ];
    let mut text = String::new();
    for table in tables.iter().flatten() {
        text.extend(["\n", &table.render()]);
    }
    text
}

fn sums(lines: &[StoredLine]) -> Table {
    let mut table = Table::default()
        .text("CURRENCY")
        .text("CATEGORY")
        .number("COUNT")
        .number("STRIPE")
        .number("LEDGER")
        .number("DIFFERENCE")
        .number("FEES")
        .number("NET")
        .number("DIFFERING");
    for line in lines {
        let amount = |minor_units| money::shown(minor_units, &line.currency);
        let is_compared = line.category.is_compared();
        table.row([
            line.currency.to_ascii_uppercase(),
            line.category.to_string(),
            money::count(line.transactions.unsigned_abs()),
            amount(line.stripe_amount),
            if is_compared { amount(line.ledger_amount) } else { String::new() },
            if is_compared { amount(line.stripe_amount - line.ledger_amount) } else { String::new() },
            amount(line.fee),
            amount(line.net),
            money::count(line.differing.unsigned_abs()),
        ]);
    }
    table
}

fn balances(balances: &[StoredBalance]) -> Table {
    let mut table =
        Table::default().text("CURRENCY").number("OPENING").number("MOVEMENTS").number("CLOSING").text("BY");
    for it in balances {
        let amount = |minor_units| money::shown(minor_units, &it.currency);
        table.row([
            it.currency.to_ascii_uppercase(),
            amount(it.opening),
            amount(it.movements),
            amount(it.closing),
            if it.is_stated { "Stripe's balance" } else { "the day before" }.to_owned(),
        ]);
    }
    table
}

fn payouts(payouts: &[StoredPayout]) -> Table {
    let mut table = Table::default()
        .text("PAYOUT")
        .number("AMOUNT")
        .number("TRANSACTIONS")
        .number("THEIR NET")
        .text("OUTCOME");
    for it in payouts {
        let is_itemised = !matches!(it.outcome, PayoutOutcome::Manual | PayoutOutcome::NotReady);
        let shown_if = |text: String| if is_itemised { text } else { String::new() };
        table.row([
            it.payout.clone(),
            money::shown(it.amount, &it.currency),
            shown_if(money::count(it.items.unsigned_abs())),
            shown_if(money::shown(it.items_net, &it.currency)),
            match it.outcome {
                PayoutOutcome::Manual => "made by hand: cannot be itemised".to_owned(),
                PayoutOutcome::NotReady => "its transactions are not complete yet".to_owned(),
                outcome => outcome.to_string(),
            },
        ]);
    }
    table
}

fn items(items: &[DifferingItem]) -> Table {
    let mut table = Table::default().text("FINDING").text("DIFFERS").prose("WHAT", 200);
    for item in items {
        table.row([item.finding.clone(), item.kind.replace('_', " "), item.says.clone()]);
    }
    table
}

async fn list(env: &Env, shape: &Shape) -> anyhow::Result<ExitCode> {
    let ledger = open::ledger(env).await?;
    let read = async { ledger.read().await?.reconciliations(&Whose::default(), SHOWN).await };
    let days = open::answer(&ledger, read).await?;
    ledger.close().await;
    if shape.json {
        output::print_json(&Items { items: &days })?;
        return Ok(ExitCode::SUCCESS);
    }
    if days.is_empty() {
        output::nothing("compared day", &ledger.shown(), false, "reconcile` compares yesterday");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::default()
        .text("DAY")
        .text("VERDICT")
        .text("FINAL")
        .number("TRANSACTIONS")
        .number("DIFFERENCES")
        .number("AWAITED")
        .text("COMPARED")
        .text("MODE")
        .text("ACCOUNT");
    for day in days {
        table.row([
            day.day.clone(),
            day.verdict.to_string(),
            if day.is_final { "final".to_owned() } else { String::new() },
            money::count(day.transactions.unsigned_abs()),
            money::count(day.differences.unsigned_abs()),
            money::count(day.awaited.unsigned_abs()),
            when::whole(day.compared_at),
            mode(day.livemode),
            day.account.clone(),
        ]);
    }
    output::print(&table.render())?;
    Ok(ExitCode::SUCCESS)
}
