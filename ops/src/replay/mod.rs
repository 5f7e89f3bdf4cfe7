//! `tidegate replay`: choose events, see what running them again would change, run them.

mod file;
mod plan;
mod run;

use chrono::{DateTime, Utc};
use ledger::tables::replays::{Came, EventResult, Plan};
use ledger::views::page::Part;
use ledger::{Ledger, Transaction};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

pub use self::plan::plan;
pub use self::run::run;
use crate::cli::{PlanShowOptions, PlansOptions};
use crate::listing::{self, Column, Listing};
use crate::table::Table;
use crate::{csv, open, output, when};

/// The form of `--json` of one plan.
#[derive(Serialize)]
struct ReplayReport {
    #[serde(flatten)]
    plan: Plan,
    results: Vec<Came>,
    event_results: Vec<EventResult>,
}

const COLUMNS: &[Column<Plan>] = &[
    ("planned", |row| csv::time(Some(row.planned_at))),
    ("plan", |row| csv::text(&row.replay)),
    ("by", |row| csv::text(&row.planned_by)),
    ("events", |row| row.events.to_string()),
    ("queued", |row| row.queued.to_string()),
    ("what", |row| csv::text(&row.selection)),
];

pub async fn list(env: &Env, options: &PlansOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let listing = Listing::of("replay plan", table, COLUMNS).begun_by("replay plan` makes one");
    let read = async |tx: &mut Transaction, part: &Part| tx.plans(part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, clock::now(), read).await
}

fn table(plans: &[Plan], now: DateTime<Utc>) -> Table {
    let mut table = Table::default()
        .text("PLANNED")
        .text("PLAN")
        .text("BY")
        .number("EVENTS")
        .number("QUEUED")
        .prose("WHAT", 80);
    for plan in plans {
        table.row([
            when::age(plan.planned_at, now),
            plan.replay.clone(),
            plan.planned_by.clone(),
            plan.events.to_string(),
            plan.queued.to_string(),
            plan.selection.clone(),
        ]);
    }
    table
}

pub async fn show(env: &Env, options: &PlanShowOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let mut shown = look(&ledger, &options.plan).await?;
    if options.events > 0 {
        shown.event_results =
            open::answer(&ledger, ledger.event_results(&options.plan, options.events)).await?;
    }
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&shown);
    }
    output::print(&page(&shown, clock::now()))
}

/// The plan as it stands.
async fn look(ledger: &Ledger, replay: &str) -> anyhow::Result<ReplayReport> {
    let Some(plan) = open::answer(ledger, ledger.plan(replay)).await? else {
        anyhow::bail!(
            "there is no plan {replay} in the ledger at {}: `{} replay list`",
            ledger.shown(),
            output::me()
        );
    };
    let results = open::answer(ledger, ledger.results(replay)).await?;
    Ok(ReplayReport { plan, results, event_results: Vec::new() })
}

fn page(shown: &ReplayReport, now: DateTime<Utc>) -> String {
    let ReplayReport { plan, results, event_results } = shown;
    let done: i64 = results.iter().map(|came| came.events).sum();
    let mut text = format!(
        "{}  planned {} by {}: {}\n{} events, {} queued, {done} run\n",
        plan.replay,
        when::age(plan.planned_at, now),
        plan.planned_by,
        plan.selection,
        plan.events,
        plan.queued
    );
    if !results.is_empty() {
        let mut table = Table::default().number("EVENTS").text("CAME TO").prose("REASON", 100);
        for came in results {
            table.row([
                came.events.to_string(),
                came.outcome.to_string(),
                came.reason.clone().unwrap_or_default(),
            ]);
        }
        text.extend(["\n", &table.render()]);
    }
    if !event_results.is_empty() {
        let mut table = Table::default().text("RUN").text("EVENT").text("CAME TO").prose("REASON", 80);
        for came in event_results {
            table.row([
                when::age(came.handled_at, now),
                came.id.clone(),
                came.outcome.to_string(),
                came.reason.clone().unwrap_or_default(),
            ]);
        }
        text.extend(["\n", &table.render()]);
    }
    if plan.queued < plan.events {
        text.extend([format!("\nTo queue the rest: {} replay run {}\n", output::me(), plan.replay)]);
    }
    text
}
