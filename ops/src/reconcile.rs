//! `tidegate reconcile`: compares a day of Stripe's balance with the ledger, and shows what differs.

use std::process::ExitCode;

use desk::acts::Person;
use desk::acts::findings::acknowledge;
use desk::reconcile::{self, Compared, DifferingItem};
use domain::reconciliation::Verdict;
use ledger::tables::reconciliations::{Finding, Reconciliation, StoredLine};
use serde::Serialize;
use shared::env::Env;
use shared::{clock, shutdown};
use stripe_api::{Api, StripeConfig};

use crate::cli::{AcknowledgeOptions, FindingsOptions, ReconcileCommand, ReconcileOptions, Shape};
use crate::events::mode;
use crate::failure::{refused, wrongly_called};
use crate::table::Table;
use crate::{money, open, output, when};

/// So many days, or findings, are shown.
const SHOWN: i64 = 1_000;

#[derive(Serialize)]
struct Items<'a, T> {
    items: &'a [T],
}

pub async fn run(env: &Env, options: &ReconcileOptions) -> anyhow::Result<ExitCode> {
    match &options.command {
        None => compare(env, options).await,
        Some(ReconcileCommand::List(shape)) => list(env, shape).await,
        Some(ReconcileCommand::Findings(options)) => findings(env, options).await,
        Some(ReconcileCommand::Acknowledge(options)) => note(env, options).await,
    }
}

async fn compare(env: &Env, options: &ReconcileOptions) -> anyhow::Result<ExitCode> {
    let now = clock::now();
    let config = StripeConfig::from_env(env)?.ok_or_else(StripeConfig::missing_key)?;
    let api = Api::open(&config, shutdown::on_signal()?)?;
    let day = options.day.unwrap_or_else(|| reconcile::last_day(now));
    let ledger = open::ledger(env).await?;
    let compared = reconcile::run(&ledger, &api, day, &options.account, now).await;
    ledger.close().await;
    let compared = match compared {
        Err(fault @ reconcile::ReconcileError::NotOver(_)) => return Err(wrongly_called(fault.to_string())),
        compared => compared?,
    };
    let code =
        if compared.run.verdict == Verdict::Reconciled { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if options.shape.json {
        output::print_json(&compared)?;
    } else {
        output::print(&page(&compared))?;
    }
    Ok(code)
}

fn page(compared: &Compared) -> String {
    let Reconciliation { day, verdict, transactions, differences, awaited, reason, .. } = &compared.run;
    let mut text = format!(
        "{day} (UTC), {}: {}\n{} transactions, {} differences, {} awaited\n",
        if compared.run.livemode { "live" } else { "test mode" },
        verdict.as_str().to_uppercase(),
        money::count(transactions.unsigned_abs()),
        money::count(differences.unsigned_abs()),
        money::count(awaited.unsigned_abs()),
    );
    if let Some(reason) = reason {
        text.extend(["Stripe was not read to its end: ", reason, ". Run it again.\n"]);
    }
    if !compared.lines.is_empty() {
        text.push('\n');
        text.push_str(&sums(&compared.lines).render());
    }
    if !compared.differing.is_empty() {
        text.push('\n');
        text.push_str(&items(&compared.differing).render());
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
        let is_compared = !matches!(line.category.as_str(), "fee" | "unclassified");
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

fn items(items: &[DifferingItem]) -> Table {
    let mut table = Table::default().text("DIFFERS").text("SUBJECT").number("STRIPE").number("LEDGER");
    for item in items {
        let amount = |minor_units: Option<i64>| {
            minor_units.map(|minor_units| money::shown(minor_units, &item.currency)).unwrap_or_default()
        };
        table.row([
            item.kind.replace('_', " "),
            item.subject.clone(),
            amount(item.stripe_amount),
            amount(item.ledger_amount),
        ]);
    }
    table
}

async fn list(env: &Env, shape: &Shape) -> anyhow::Result<ExitCode> {
    let ledger = open::ledger(env).await?;
    let read = async { ledger.read().await?.reconciliations(None, SHOWN).await };
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

async fn findings(env: &Env, options: &FindingsOptions) -> anyhow::Result<ExitCode> {
    let ledger = open::ledger(env).await?;
    let read = async { ledger.read().await?.findings(options.all, SHOWN).await };
    let findings: Vec<Finding> = open::answer(&ledger, read).await?;
    ledger.close().await;
    if options.shape.json {
        output::print_json(&Items { items: &findings })?;
        return Ok(ExitCode::SUCCESS);
    }
    if findings.is_empty() {
        output::nothing("finding", &ledger.shown(), !options.all, "reconcile list` shows what was compared");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::default()
        .text("FINDING")
        .text("STATE")
        .number("STRIPE")
        .number("LEDGER")
        .text("SINCE")
        .prose("NOTE", 60)
        .text("MODE");
    for finding in findings {
        let amount = |minor_units: Option<i64>| {
            minor_units.map(|minor_units| money::shown(minor_units, &finding.currency)).unwrap_or_default()
        };
        table.row([
            finding.id.clone(),
            finding.state.clone(),
            amount(finding.stripe_amount),
            amount(finding.ledger_amount),
            when::whole(finding.first_found_at),
            finding.note.clone().unwrap_or_default(),
            mode(finding.livemode),
        ]);
    }
    output::print(&table.render())?;
    Ok(ExitCode::SUCCESS)
}

async fn note(env: &Env, options: &AcknowledgeOptions) -> anyhow::Result<ExitCode> {
    let by = Person::of(options.by.by.as_deref(), env).map_err(refused)?;
    let ledger = open::ledger(env).await?;
    let done = acknowledge(&ledger, &options.id, &options.note, &by, clock::now()).await.map_err(refused)?;
    ledger.close().await;
    if !done {
        anyhow::bail!(
            "no finding {} that is not resolved: `{} reconcile findings` lists them",
            options.id,
            output::me()
        );
    }
    output::remark(&format!("{} is acknowledged; it stays listed until it is gone", options.id));
    Ok(ExitCode::SUCCESS)
}
