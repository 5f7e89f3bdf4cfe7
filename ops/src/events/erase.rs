//! `tidegate events erase`: shows whose body it would erase, and does so only with `--yes`.

use desk::acts::{self, Person};
use domain::permissions::Permission;
use ledger::Ledger;
use ledger::views::stored_events::StoredEvent;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use super::{belongs_to, find};
use crate::cli::EraseOptions;
use crate::failure::refused;
use crate::table::Table;
use crate::{output, when};

/// The form of `--json`.
#[derive(Serialize)]
struct Erasing {
    found: usize,
    erased: usize,
    /// Whether the log of a SQLite file was emptied, too; `null` on Postgres, and where nothing was erased.
    log_emptied: Option<bool>,
}

pub async fn erase(env: &Env, options: &EraseOptions) -> anyhow::Result<()> {
    let reason = acts::reason(&options.reason).map_err(refused)?;
    let (ledger, by) = options.by.permitted(env, "events erase", Permission::Manage).await?;
    let by = by.person();
    let events = find(&ledger, &options.id).await?;
    let mut told = Erasing { found: events.len(), erased: 0, log_emptied: None };
    if options.yes {
        let erased = acts::erasure::erase(&ledger, &events, &reason, &by, clock::now()).await;
        told.erased = erased.map_err(refused)?;
        told.log_emptied = ledger.empty_log().await?;
    }
    let shown = if options.shape.json {
        output::print_json(&told)
    } else {
        show(&ledger, options, &events, &told, &by)
    };
    ledger.close().await;
    shown
}

fn show(
    ledger: &Ledger,
    options: &EraseOptions,
    events: &[StoredEvent],
    told: &Erasing,
    by: &Person,
) -> anyhow::Result<()> {
    if !options.yes {
        output::print(&table(events).render())?;
        output::remark(
            "nothing was changed: --yes erases the body for good. Its id, hash and outcome stay, and so do the rows that it changed",
        );
        return Ok(());
    }
    let before = events.len() - told.erased;
    let again = if before > 0 { format!("; {before} had been erased before") } else { String::new() };
    output::print(&format!(
        "{} erased by {}: {}{again}\n",
        bodies(told.erased),
        by.name(),
        options.reason.trim()
    ))?;
    if told.log_emptied == Some(false) {
        output::remark(
            "somebody reads the ledger at this moment, so its log still has the old bytes: run the command again",
        );
    }
    let pages = if ledger.takes_several_writers() { "pages and WAL of Postgres, and " } else { "" };
    output::remark(&format!(
        "what still has it: {pages}backups, a queue that has not settled it, Stripe (docs/staff.md, \"Erasing\")"
    ));
    Ok(())
}

fn bodies(count: usize) -> String {
    if count == 1 { "1 body".to_owned() } else { format!("{count} bodies") }
}

fn table(events: &[StoredEvent]) -> Table {
    let mut table = Table::default()
        .text("EVENT")
        .text("TYPE")
        .text("BELONGS TO")
        .text("RECORDED")
        .text("OUTCOME")
        .text("ERASED");
    for event in events {
        table.row([
            event.id.clone(),
            event.kind.clone(),
            belongs_to(&event.account, event.livemode),
            when::whole(event.recorded_at),
            event.outcome.to_string(),
            event.erased_at.map(when::whole).unwrap_or_default(),
        ]);
    }
    table
}
