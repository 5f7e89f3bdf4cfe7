//! `tidegate block`: customers and users who are not charged.

use anyhow::bail;
use desk::acts::{Person, blocks};
use ledger::tables::blocks::Block;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::{BlockCommand, BlockOptions, Shape};
use crate::failure::refused;
use crate::table::Table;
use crate::{open, output, when};

/// The form of `add --json` and `lift --json`.
#[derive(Serialize)]
struct Done<'a> {
    id: &'a str,
    blocked: bool,
}

/// The form of `list --json`.
#[derive(Serialize)]
struct Blocks {
    items: Vec<Block>,
}

pub async fn run(env: &Env, command: &BlockCommand) -> anyhow::Result<()> {
    match command {
        BlockCommand::Add(options) => decide(env, options, true).await,
        BlockCommand::Lift(options) => decide(env, options, false).await,
        BlockCommand::List(shape) => list(env, shape).await,
    }
}

async fn decide(env: &Env, options: &BlockOptions, blocked: bool) -> anyhow::Result<()> {
    let by = Person::of(options.by.by.as_deref(), env).map_err(refused)?;
    let ledger = open::ledger(env).await?;
    let (id, reason, now) = (options.id.as_str(), options.reason.as_str(), clock::now());
    // Bounded by the database's own deadlines: to cut an act off would leave open whether it was done.
    let done = if blocked {
        blocks::place(&ledger, id, reason, &by, now).await
    } else {
        blocks::lift(&ledger, id, reason, &by, now).await
    };
    ledger.close().await;
    let done = done.map_err(refused)?;
    if !done && !blocked {
        bail!("{id} is not blocked; `{} block list` shows what is", output::me());
    }
    if options.shape.json {
        return output::print_json(&Done { id, blocked });
    }
    output::print(&match (blocked, done) {
        (true, true) => format!("{id} is blocked: nothing is charged until the block is lifted\n"),
        (true, false) => format!("{id} is blocked already\n"),
        (false, _) => format!("{id} is no longer blocked\n"),
    })
}

async fn list(env: &Env, shape: &Shape) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let items = open::answer(&ledger, ledger.blocks()).await?;
    ledger.close().await;
    if shape.json {
        return output::print_json(&Blocks { items });
    }
    if items.is_empty() {
        return output::print("Nobody is blocked.\n");
    }
    let mut table = Table::default().text("ID").text("SINCE").text("BY").prose("REASON", 80);
    for block in items {
        table.row([block.id, when::whole(block.placed_at), block.placed_by, block.reason]);
    }
    output::print(&table.render())
}
