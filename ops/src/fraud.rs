//! `tidegate fraud`: what the rules of the fraud desk find.

use desk::views::fraud;
use domain::fraud::FraudFinding;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::FraudOptions;
use crate::events::mode;
use crate::table::Table;
use crate::{failure, money, open, output, time_option, when};

/// The form of `--json`.
#[derive(Serialize)]
struct Found {
    items: Vec<FraudFinding>,
}

pub async fn run(env: &Env, options: &FraudOptions) -> anyhow::Result<()> {
    let since = time_option::past(&options.since, clock::now()).map_err(failure::wrongly_called)?;
    let ledger = open::ledger(env).await?;
    let read = async { fraud::read(&mut ledger.read().await?, since).await };
    let items = open::answer(&ledger, read).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&Found { items });
    }
    if items.is_empty() {
        return output::print(&format!("The rules found nothing since {}.\n", when::whole(since)));
    }
    let mut table = Table::default()
        .text("WHEN")
        .text("RULE")
        .text("WHOSE")
        .number("AMOUNT")
        .text("MODE")
        .prose("WHAT", 80);
    for found in items {
        table.row([
            when::whole(found.at),
            found.rule.to_string(),
            format!("{} {}", found.subject_kind, found.subject_id),
            found.amount.map(|amount| money::shown(amount, &found.currency)).unwrap_or_default(),
            mode(found.livemode),
            found.summary,
        ]);
    }
    output::print(&table.render())
}
