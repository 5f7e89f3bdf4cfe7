//! `tidegate block`: customers and users who are not charged.

use anyhow::bail;
use desk::acts::blocks;
use desk::csv;
use domain::permissions::Permission;
use ledger::Transaction;
use ledger::tables::blocks::Block;
use ledger::views::page::Part;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::{BlockCommand, BlockOptions, BlocksListOptions};
use crate::failure::refused;
use crate::listing::{self, Column, Listing};
use crate::table::Table;
use crate::{open, output, when};

/// The form of `add --json` and `lift --json`.
#[derive(Serialize)]
struct Done<'a> {
    id: &'a str,
    blocked: bool,
}

pub async fn run(env: &Env, command: &BlockCommand) -> anyhow::Result<()> {
    match command {
        BlockCommand::Add(options) => decide(env, options, true).await,
        BlockCommand::Lift(options) => decide(env, options, false).await,
        BlockCommand::List(options) => list(env, options).await,
    }
}

async fn decide(env: &Env, options: &BlockOptions, blocked: bool) -> anyhow::Result<()> {
    let act = if blocked { "block add" } else { "block lift" };
    let (ledger, by) = options.by.permitted(env, act, Permission::Manage).await?;
    let by = by.person();
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

async fn list(env: &Env, options: &BlocksListOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let listing = Listing::of("block", |rows, _| table(rows), COLUMNS)
        .begun_by("block add` refuses charges of somebody");
    let read = async |tx: &mut Transaction, part: &Part| tx.blocks(part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, clock::now(), read).await
}

const COLUMNS: &[Column<Block>] = &[
    ("id", |block| csv::text(&block.id)),
    ("placed_at", |block| csv::time(Some(block.placed_at))),
    ("placed_by", |block| csv::text(&block.placed_by)),
    ("reason", |block| csv::text(&block.reason)),
];

fn table(blocks: &[Block]) -> Table {
    let mut table = Table::default().text("ID").text("SINCE").text("BY").prose("REASON", 80);
    for block in blocks {
        table.row([
            block.id.clone(),
            when::whole(block.placed_at),
            block.placed_by.clone(),
            block.reason.clone(),
        ]);
    }
    table
}
