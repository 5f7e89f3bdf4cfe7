//! `tidegate hold`: keeps bodies beyond their retention.

use anyhow::bail;
use desk::acts::holds;
use desk::csv;
use domain::permissions::Permission;
use ledger::Transaction;
use ledger::tables::holds::Hold;
use ledger::views::page::Part;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::{HoldCommand, HoldOptions, HoldsListOptions};
use crate::failure::refused;
use crate::listing::{self, Column, Listing};
use crate::table::Table;
use crate::{open, output, when};

/// The form of `add --json` and `lift --json`.
#[derive(Serialize)]
struct Done<'a> {
    id: &'a str,
    on_hold: bool,
}

pub async fn run(env: &Env, command: &HoldCommand) -> anyhow::Result<()> {
    match command {
        HoldCommand::Add(options) => decide(env, options, true).await,
        HoldCommand::Lift(options) => decide(env, options, false).await,
        HoldCommand::List(options) => list(env, options).await,
    }
}

async fn decide(env: &Env, options: &HoldOptions, on_hold: bool) -> anyhow::Result<()> {
    let act = if on_hold { "hold add" } else { "hold lift" };
    let (ledger, by) = options.by.permitted(env, act, Permission::Manage).await?;
    let by = by.person();
    let (id, reason, now) = (options.id.as_str(), options.reason.as_str(), clock::now());
    // Bounded by the database's own deadlines: to cut an act off would leave open whether it was done.
    let done = if on_hold {
        holds::place(&ledger, id, reason, &by, now).await
    } else {
        holds::lift(&ledger, id, reason, &by, now).await
    };
    ledger.close().await;
    let done = done.map_err(refused)?;
    if !done && !on_hold {
        bail!("{id} is not on hold; `{} hold list` shows what is", output::me());
    }
    if options.shape.json {
        return output::print_json(&Done { id, on_hold });
    }
    output::print(&match (on_hold, done) {
        (true, true) => format!("{id} is on hold: bodies of its events stay until the hold is lifted\n"),
        (true, false) => format!("{id} is on hold already\n"),
        (false, _) => format!("{id} is no longer on hold\n"),
    })
}

async fn list(env: &Env, options: &HoldsListOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let listing = Listing::of("hold", |rows, _| table(rows), COLUMNS)
        .begun_by("hold add` keeps the bodies of an object's events");
    let read = async |tx: &mut Transaction, part: &Part| tx.holds(part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, clock::now(), read).await
}

const COLUMNS: &[Column<Hold>] = &[
    ("id", |hold| csv::text(&hold.object_id)),
    ("placed_at", |hold| csv::time(Some(hold.placed_at))),
    ("placed_by", |hold| csv::text(&hold.placed_by)),
    ("reason", |hold| csv::text(&hold.reason)),
];

fn table(holds: &[Hold]) -> Table {
    let mut table = Table::default().text("ID").text("SINCE").text("BY").prose("REASON", 80);
    for hold in holds {
        table.row([
            hold.object_id.clone(),
            when::whole(hold.placed_at),
            hold.placed_by.clone(),
            hold.reason.clone(),
        ]);
    }
    table
}
