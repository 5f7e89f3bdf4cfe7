//! `tidegate rebuild`: folds all stored events again, compares the result with the ledger, and corrects
//! differences.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::process::ExitCode;

use desk::rebuild::{Comparison, Difference, Rebuilt, Repaired, compare, rebuild, repair};
use domain::event::EventKey;
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
const SHOWN_EVENTS: usize = 5;
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
    /// Applied, and their bodies are gone though nobody removed them.
    lost: Vec<String>,
    unreadable: Vec<String>,
    damaged_segments: BTreeSet<i64>,
    #[serde(flatten)]
    comparison: Comparison,
    /// Listings, which follow from the payments of this ledger.
    listings: Checked,
    repaired: Option<Repaired>,
}

pub async fn run(env: &Env, options: &RebuildOptions) -> anyhow::Result<ExitCode> {
    let by = if options.yes {
        let (ledger, by) = options.by.permitted(env, "rebuild", Permission::Manage).await?;
        ledger.close().await;
        Some(by)
    } else {
        None
    };
    let ledger = open::whole_ledger(env).await?;
    let seed = options.seed.unwrap_or_else(|| getrandom::u64().unwrap_or_default());
    let (rebuilt, comparison, listings) = made_again(&ledger, seed).await?;
    let obstacle = obstacle(&rebuilt);
    let repaired = match (&by, &obstacle) {
        (Some(_), Some(obstacle)) => {
            ledger.close().await;
            anyhow::bail!("nothing was written: {obstacle}");
        }
        (Some(by), None) => {
            let mut done = repair(&ledger, &rebuilt, &comparison, &by.in_audit(), clock::now()).await?;
            done.repaired += check::repair(&ledger, &listings, clock::now()).await?;
            Some(done)
        }
        (None, _) => None,
    };
    ledger.close().await;
    let is_readable = listings.unreadable.is_empty();
    let told = RebuildReport {
        seed,
        identical: comparison.differences.is_empty()
            && listings.differ.is_empty()
            && listings.unreadable.is_empty()
            && obstacle.is_none(),
        events: rebuilt.events,
        revived: rebuilt.revived.len(),
        without_bytes: rebuilt.without_bytes,
        lost: rebuilt.lost.into_iter().map(|key| key.id).collect(),
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

/// Why nothing may be written: what an event did is unknown, so its objects would be made as if it had never been.
fn obstacle(rebuilt: &Rebuilt) -> Option<String> {
    if !rebuilt.damaged_segments.is_empty() {
        let numbers: Vec<String> = rebuilt.damaged_segments.iter().map(ToString::to_string).collect();
        return Some(format!(
            "the bodies in segment {} cannot be read, so what their events say is unknown. Restore these rows of `segments` from a backup first (docs/runbook.md, \"A damaged segment\")",
            numbers.join(", ")
        ));
    }
    if rebuilt.unopened > 0 {
        return Some(format!(
            "{} bodies with rows of their own cannot be read, so what their events say is unknown. `tidegate audit verify` names them; restore these rows of `bodies` from a backup first",
            rebuilt.unopened
        ));
    }
    if !rebuilt.lost.is_empty() {
        return Some(format!(
            "the bodies of {} are lost, so what these events say is unknown. Restore their rows of `segments` from a backup, or run the events from a file: `tidegate replay plan --file FILE` (docs/runbook.md, \"A damaged segment\")",
            named(&rebuilt.lost)
        ));
    }
    (!rebuilt.unreadable.is_empty()).then(|| {
        format!(
            "{} cannot be read as what was applied, so what these events say is unknown. What `tidegate audit verify` names was altered: restore these rows of `bodies` from a backup. What it does not name is refused by a rule of this version: run `rebuild` of a version that reads it",
            named(&rebuilt.unreadable)
        )
    })
}

/// The first of some events, and how many more there are.
fn named(events: &[EventKey]) -> String {
    let ids: Vec<&str> = events.iter().take(SHOWN_EVENTS).map(|event| event.id.as_str()).collect();
    let more = events.len() - ids.len();
    let more = if more > 0 { format!(" and {more} more events") } else { String::new() };
    format!("{}{more}", ids.join(", "))
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
            told.lost.len(),
            "events were applied, and their bodies are lost: `tidegate audit verify` names them",
        ),
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
        None if !told.lost.is_empty() || !told.unreadable.is_empty() => format!(
            "\nNothing was written. `{} rebuild --yes` refuses, and says what to do first.\n",
            output::me()
        ),
        None => format!(
            "\nNothing was written. `{} rebuild --yes` corrects the rows that differ.\n",
            output::me()
        ),
    }
}
