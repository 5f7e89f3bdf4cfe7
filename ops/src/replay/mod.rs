//! `tidegate replay`: choose events, see what running them again would change, run them.

mod file;
mod plan;
mod run;

use chrono::{DateTime, Utc};
use ledger::Ledger;
use ledger::tables::replays::{Came, EventResult, Plan};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

pub use self::plan::plan;
pub use self::run::run;
use crate::cli::{PlanShowOptions, PlansOptions};
use crate::table::Table;
use crate::{open, output, when};

/// The form of `--json` of one plan.
#[derive(Serialize)]
struct ReplayReport {
    #[serde(flatten)]
    plan: Plan,
    results: Vec<Came>,
    event_results: Vec<EventResult>,
}

pub async fn list(env: &Env, options: &PlansOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let plans = open::answer(&ledger, ledger.plans(None, options.limit)).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&plans);
    }
    if plans.is_empty() {
        output::remark(&format!("no replay has been planned yet: `{} replay plan`", output::me()));
        return Ok(());
    }
    let mut table = Table::default()
        .text("PLANNED")
        .text("PLAN")
        .text("BY")
        .number("EVENTS")
        .number("QUEUED")
        .prose("WHAT", 80);
    for plan in plans {
        table.row([
            when::age(plan.planned_at, clock::now()),
            plan.replay,
            plan.planned_by,
            plan.events.to_string(),
            plan.queued.to_string(),
            plan.selection,
        ]);
    }
    output::print(&table.render())
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
    let found = open::answer(ledger, ledger.plans(Some(replay), 1)).await?.pop();
    let Some(plan) = found else {
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
