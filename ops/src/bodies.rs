//! `tidegate bodies reseal`: says how many rows each key seals, and with `--yes` brings all of them under the newest.

use std::io::IsTerminal;

use desk::acts::Person;
use desk::acts::body_keys::{Resealed, reseal};
use domain::permissions::Permission;
use ledger::Ledger;
use ledger::tables::sealed_rows::SealedRows;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::{BodiesCommand, ResealOptions};
use crate::failure::wrongly_called;
use crate::output;
use crate::table::Table;

/// How often progress is told: once in so many rows.
const STEP_ROWS: u64 = 10_000;

/// The form of `--json`.
#[derive(Serialize)]
struct Resealing<'a> {
    newest: &'a str,
    /// As it is after all that was done.
    rows: Vec<SealedRows>,
    /// `null`: nothing was done.
    resealed: Option<Resealed>,
    /// Whether the log of a SQLite file was emptied, too; `null` on Postgres, and where nothing was done.
    log_emptied: Option<bool>,
}

pub async fn run(env: &Env, command: &BodiesCommand) -> anyhow::Result<()> {
    let BodiesCommand::Reseal(options) = command;
    let (ledger, by) = options.by.permitted(env, "bodies reseal", Permission::Manage).await?;
    let ended = resealed(&ledger, options, &by.person()).await;
    ledger.close().await;
    ended
}

async fn resealed(ledger: &Ledger, options: &ResealOptions, by: &Person) -> anyhow::Result<()> {
    let Some(newest) = ledger.body_keys().newest() else {
        return Err(wrongly_called("no key is set: BODY_KEYS_FILE names a file of keys (docs/backup.md)"));
    };
    let mut told = Resealing { newest, rows: Vec::new(), resealed: None, log_emptied: None };
    if options.yes {
        let is_watched = std::io::stderr().is_terminal();
        let mut shown = 0;
        let mut progress = |rows: u64| {
            if is_watched && rows / STEP_ROWS > shown {
                shown = rows / STEP_ROWS;
                output::remark(&format!("{rows} rows"));
            }
        };
        told.resealed = Some(reseal(ledger, by, clock::now(), &mut progress).await?);
        told.log_emptied = ledger.empty_log().await?;
    }
    told.rows = ledger.read().await?.sealed_rows().await?;
    if options.shape.json {
        return output::print_json(&told);
    }
    output::print(&table(&told).render())?;
    match told.resealed {
        None => output::remark("nothing was changed: --yes seals all of it by the newest key"),
        Some(Resealed { rows, unread }) => {
            output::print(&format!("\n{rows} rows were sealed anew by {}\n", by.name()))?;
            if unread > 0 {
                output::remark(&format!("{unread} rows cannot be read: `tidegate audit verify` names them"));
            }
            if told.log_emptied == Some(false) {
                output::remark(
                    "somebody reads the ledger at this moment, so its log still has the old bytes: run the command again",
                );
            }
            let pages = if ledger.takes_several_writers() { "pages and WAL of Postgres, and " } else { "" };
            output::remark(&format!(
                "what still has the old bytes: {pages}backups (docs/backup.md, \"Keys of bodies\")"
            ));
        }
    }
    Ok(())
}

fn table(told: &Resealing<'_>) -> Table {
    let mut table = Table::default().text("TABLE").text("SEALED BY").number("ROWS").text("");
    for SealedRows { held_in, sealed_by, held } in &told.rows {
        let note = if sealed_by.as_deref() == Some(told.newest) { "the newest" } else { "" };
        let by = sealed_by.clone().unwrap_or_else(|| "no key".to_owned());
        table.row([held_in.clone(), by, held.to_string(), note.to_owned()]);
    }
    table
}
