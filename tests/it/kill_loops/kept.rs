//! A line of JSON for each combination that was tortured, so that counts grow over many runs.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use serde_json::json;
use shared::clock;
use shared::env::{Env, Variable};

use super::table::Row;

const COMMIT: Variable = Variable {
    name: "TORTURE_COMMIT",
    default: "unknown",
    example: "1a2b3c4d",
    help: "Of which commit the binaries are.",
};

pub(super) fn append(file: &Path, row: &Row, seed: u64) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let line = json!({
        "at": clock::now().to_rfc3339(), "commit": Env::of_process().text(&COMMIT), "profile": profile,
        "seed": seed, "combination": format!("{:?}", row.combination), "kills": row.kills, "at_work": row.hits,
        "secs": row.struck.as_secs(), "events": row.events, "accepted": row.accepted,
        "operations": row.operations, "refunds": row.refunds, "lost": row.lost, "doubled": row.doubled,
        "wrong": row.wrong,
    });
    let mut kept = OpenOptions::new().create(true).append(true).open(file)?;
    Ok(writeln!(kept, "{line}")?)
}
