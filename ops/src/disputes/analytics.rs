//! `tidegate disputes analytics`: disputes by reason and brand, with and without evidence.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::TimeDelta;
use desk::views::dispute_analytics::{DISPUTES_LIMIT, DisputeAnalytics, Outcomes, read};
use shared::clock;
use shared::env::Env;

use crate::cli::SummaryOptions;
use crate::table::Table;
use crate::{listing, money, open, output, when};

pub async fn run(env: &Env, options: &SummaryOptions) -> anyhow::Result<()> {
    let (window, whose) = (options.window.read(clock::now())?, options.whose.read());
    let ledger = open::ledger(env).await?;
    let asked = async { read(&mut ledger.read().await?, &window, &whose).await };
    let analytics = open::answer(&ledger, asked).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&analytics);
    }
    if analytics.is_empty() {
        let is_filtered = !options.window.is_any() || !options.whose.is_any();
        output::nothing("dispute", &ledger.shown(), is_filtered, listing::SEE_EVENTS);
        return Ok(());
    }
    output::print(&analytics.iter().map(page).collect::<Vec<_>>().join("\n"))
}

fn page(analytics: &DisputeAnalytics) -> String {
    let mut text = format!("{}\n", if analytics.livemode { "live" } else { "test mode" });
    if analytics.is_cut {
        writeln!(text, "Only the newest {DISPUTES_LIMIT} disputes are looked at.")
            .expect("a String takes every write");
    }
    let mut table =
        Table::default().text("DISPUTES").number("COUNT").number("WON").number("LOST").number("WIN RATE");
    row(&mut table, "all", &analytics.all);
    row(&mut table, "with evidence", &analytics.with_evidence);
    row(&mut table, "without evidence", &analytics.without_evidence);
    rows(&mut table, "reason", &analytics.by_reason);
    rows(&mut table, "brand", &analytics.by_brand);
    for it in &analytics.evidence_fields {
        row(&mut table, &format!("with {}", it.field), &it.outcomes);
    }
    text.push_str(&table.render());
    let response = &analytics.response;
    let span = |secs: Option<i64>| secs.map(|secs| when::shown(TimeDelta::seconds(secs)));
    if let (Some(median), Some(mean)) = (span(response.median_secs), span(response.mean_secs)) {
        writeln!(
            text,
            "{} answered; from opening to the answer: median {median}, mean {mean}",
            money::count(response.answered)
        )
        .expect("a String takes every write");
    }
    text
}

fn rows(table: &mut Table, what: &str, of: &BTreeMap<String, Outcomes>) {
    for (name, outcomes) in of {
        row(table, &format!("{what} {name}"), outcomes);
    }
}

fn row(table: &mut Table, name: &str, outcomes: &Outcomes) {
    table.row([
        name.to_owned(),
        money::count(outcomes.disputes),
        money::count(outcomes.won),
        money::count(outcomes.lost),
        outcomes.win_rate.map(|rate| format!("{:.1} %", rate * 100.0)).unwrap_or_default(),
    ]);
}
