//! `tidegate hold`: keeps bodies beyond their retention.

use anyhow::bail;
use desk::acts::{Person, holds};
use ledger::tables::holds::Hold;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::{HoldCommand, HoldOptions, Shape};
use crate::failure::refused;
use crate::table::Table;
use crate::{open, output, when};

/// The form of `add --json` and `lift --json`.
#[derive(Serialize)]
struct Done<'a> {
    id: &'a str,
    on_hold: bool,
}

/// The form of `list --json`.
#[derive(Serialize)]
struct Holds {
    items: Vec<Hold>,
}

pub async fn run(env: &Env, command: &HoldCommand) -> anyhow::Result<()> {
    match command {
        HoldCommand::Add(options) => decide(env, options, true).await,
        HoldCommand::Lift(options) => decide(env, options, false).await,
        HoldCommand::List(shape) => list(env, shape).await,
    }
}

async fn decide(env: &Env, options: &HoldOptions, on_hold: bool) -> anyhow::Result<()> {
    let by = Person::of(options.by.by.as_deref(), env).map_err(refused)?;
    let ledger = open::ledger(env).await?;
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

async fn list(env: &Env, shape: &Shape) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let items = open::answer(&ledger, ledger.holds()).await?;
    ledger.close().await;
    if shape.json {
        return output::print_json(&Holds { items });
    }
    if items.is_empty() {
        return output::print("Nothing is on hold.\n");
    }
    let mut table = Table::default().text("ID").text("SINCE").text("BY").prose("REASON", 80);
    for hold in items {
        table.row([hold.object_id, when::whole(hold.placed_at), hold.placed_by, hold.reason]);
    }
    output::print(&table.render())
}
