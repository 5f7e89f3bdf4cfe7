//! `tidegate rebuild`: folds all stored events again, compares the result with the ledger, and corrects
//! differences.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::process::ExitCode;

use desk::rebuild::{Comparison, Difference, Rebuilt, Repaired, compare, rebuild, repair};
use domain::permissions::Permission;
use ledger::Ledger;
use marketplace::check::{self, Checked};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::RebuildOptions;
use crate::table::Table;
use crate::{open, output};

const DIFFERENT: u8 = 1;
const SHOWN_DIFFERENCES: usize = 20;
/// How often progress is told: once in so many steps.
const STEPS: usize = 20;

/// The form of `--json`.
#[derive(Serialize)]
struct RebuildReport {
    seed: u64,
    identical: bool,
    events: usize,
    /// Ignored when they came, for want of a rule that there is now.
    revived: usize,
    without_bytes: usize,
    unreadable: Vec<String>,
    damaged_segments: BTreeSet<i64>,
    #[serde(flatten)]
    comparison: Comparison,
    /// Listings, which follow from the payments of this ledger.
    listings: Checked,
    repaired: Option<Repaired>,
}

pub async fn run(env: &Env, options: &RebuildOptions) -> anyhow::Result<ExitCode> {
    let (ledger, by) = if options.yes {
        let (ledger, by) = options.by.permitted(env, "rebuild", Permission::Manage).await?;
        (ledger, Some(by))
    } else {
        (open::ledger(env).await?, None)
    };
    let seed = options.seed.unwrap_or_else(|| getrandom::u64().unwrap_or_default());
    let (rebuilt, comparison, listings) = made_again(&ledger, seed).await?;
    let repaired = match &by {
        // Without those bodies the objects of their events would be made wrongly.
        Some(_) if !rebuilt.damaged_segments.is_empty() => {
            ledger.close().await;
            let numbers: Vec<String> = rebuilt.damaged_segments.iter().map(ToString::to_string).collect();
            anyhow::bail!(
                "nothing was written: the bodies in segment {} cannot be read, so what their events say is unknown. Restore these rows of `segments` from a backup first (docs/runbook.md, \"A damaged segment\")",
                numbers.join(", ")
            );
        }
        Some(_) if rebuilt.unopened > 0 => {
            ledger.close().await;
            anyhow::bail!(
                "nothing was written: {} bodies with rows of their own cannot be read, so what their events say is unknown. `tidegate audit verify` names them; restore these rows of `bodies` from a backup first",
                rebuilt.unopened
            );
        }
        Some(by) => {
            let mut done = repair(&ledger, &rebuilt, &comparison, &by.in_audit(), clock::now()).await?;
            done.repaired += check::repair(&ledger, &listings, clock::now()).await?;
            Some(done)
        }
        None => None,
    };
    ledger.close().await;
    let is_readable = listings.unreadable.is_empty();
    let told = RebuildReport {
        seed,
        identical: comparison.differences.is_empty()
            && listings.differ.is_empty()
            && listings.unreadable.is_empty()
            && rebuilt.unreadable.is_empty(),
        events: rebuilt.events,
        revived: rebuilt.revived.len(),
        without_bytes: rebuilt.without_bytes,
        unreadable: rebuilt.unreadable.into_iter().map(|key| key.id).collect(),
        damaged_segments: rebuilt.damaged_segments,
        comparison,
        listings,
        repaired,
    };
    if options.shape.json {
        output::print(&output::json_whole(&told)?)?;
    } else {
        output::print(&page(&told))?;
    }
    let is_right =
        told.identical || told.repaired.is_some_and(|done| done.moved_meanwhile == 0 && is_readable);
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

/// Folds and compares on one snapshot: what workers write meanwhile is not seen.
async fn made_again(ledger: &Ledger, seed: u64) -> anyhow::Result<(Rebuilt, Comparison, Checked)> {
    let mut tx = ledger.read().await?;
    let is_watched = std::io::stderr().is_terminal();
    let mut told = 0;
    let mut progress = |done: usize, of: usize| {
        let step = done * STEPS / of.max(1);
        if is_watched && step > told {
            told = step;
            output::remark(&format!("{done} of {of} events"));
        }
    };
    let rebuilt = rebuild(ledger, &mut tx, seed, &mut progress).await?;
    let comparison = compare(&mut tx, &rebuilt).await?;
    let listings = check::check(&mut tx).await?;
    Ok((rebuilt, comparison, listings))
}

fn page(told: &RebuildReport) -> String {
    let mut table = Table::default().text("TABLE").number("IDENTICAL").number("DIFFERENT").number("LEFT OUT");
    for row in &told.comparison.tables {
        let left_out = if row.left_out == 0 { String::new() } else { row.left_out.to_string() };
        table.row([row.table.to_owned(), row.identical.to_string(), row.different.to_string(), left_out]);
    }
    let Checked { listings, differ, unreadable } = &told.listings;
    table.row([
        "goods".to_owned(),
        (listings - differ.len() - unreadable.len()).to_string(),
        differ.len().to_string(),
        if unreadable.is_empty() { String::new() } else { unreadable.len().to_string() },
    ]);
    let mut text =
        format!("{} events folded in the order of seed {}\n\n{}", told.events, told.seed, table.render());
    for (count, words) in [
        (
            told.without_bytes,
            "events whose bodies were deleted after their retention, or erased: their objects are left out",
        ),
        (
            unreadable.len(),
            "listings have a record that cannot be read: restore their rows of `goods` from a backup",
        ),
        (told.damaged_segments.len(), "segments are damaged: `tidegate audit verify` names their events"),
        (told.revived, "events that an older version ignored have a rule now"),
        (
            told.unreadable.len(),
            "events were applied and can no longer be read as the same events: `tidegate events show` has them",
        ),
    ] {
        if count > 0 {
            text.extend(["\n", &count.to_string(), " ", words, "\n"]);
        }
    }
    text.push_str(&differences(&told.comparison.differences));
    text.push_str(&verdict(told));
    text
}

fn differences(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return String::new();
    }
    let mut table = Table::default().text("KIND").text("ID").prose("DIFFERS IN", 60);
    for difference in differences.iter().take(SHOWN_DIFFERENCES) {
        let what = match (&difference.ledger, &difference.events) {
            (None, _) => "the ledger lacks it".to_owned(),
            (_, None) => "no event reports it".to_owned(),
            _ => difference.columns.join(", "),
        };
        table.row([difference.kind.to_string(), difference.key.id.clone(), what]);
    }
    let more = differences.len().saturating_sub(SHOWN_DIFFERENCES);
    let more = if more > 0 { format!("and {more} more; --json has them all\n") } else { String::new() };
    format!("\n{}{more}", table.render())
}

fn verdict(told: &RebuildReport) -> String {
    match told.repaired {
        Some(Repaired { repaired, moved_meanwhile: 0, .. }) => {
            format!("\n{repaired} rows were corrected; the audit lists them.\n")
        }
        Some(Repaired { repaired, moved_meanwhile, .. }) => format!(
            "\n{repaired} rows were corrected; {moved_meanwhile} were changed by events meanwhile: run it again.\n"
        ),
        None if told.identical => "\nIdentical: the ledger matches its events.\n".to_owned(),
        None => format!(
            "\nNothing was written. `{} rebuild --yes` corrects the rows that differ.\n",
            output::me()
        ),
    }
}
