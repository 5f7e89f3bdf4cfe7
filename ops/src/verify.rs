//! `tidegate audit verify`: nothing has disappeared, and the figures add up.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use shared::env::Env;
use shared::queue::Role;
use worker::verify::{Verified, verify};

use crate::cli::Shape;
use crate::table::Table;
use crate::{open, output};

const WRONG: u8 = 1;
const SHOWN_FINDINGS: usize = 10;
/// How often progress is told.
const STEP_EVENTS: i64 = 50_000;

#[derive(Subcommand)]
pub enum AuditCommand {
    /// Check that every event has one outcome and its own bytes, and that the audit has no hole
    Verify(Shape),
}

/// The form of `--json`.
#[derive(Serialize)]
struct Told {
    right: bool,
    /// In the queue now, where it could be asked.
    queued: Option<u64>,
    #[serde(flatten)]
    verified: Verified,
}

pub async fn run(env: &Env, shape: &Shape) -> anyhow::Result<ExitCode> {
    let ledger = open::ledger(env).await?;
    let is_watched = std::io::stderr().is_terminal();
    let mut told = 0;
    let mut progress = |events: i64| {
        if is_watched && events >= told + STEP_EVENTS {
            told = events;
            output::remark(&format!("{events} events"));
        }
    };
    let verified = verify(&ledger, &mut progress).await?;
    ledger.close().await;
    let queued = match open::queue(env, Role::Look).await {
        Ok((queue, _)) => {
            let depth = queue.depth().await.ok();
            queue.close().await;
            depth.map(|depth| depth.ready + depth.leased.unwrap_or(0))
        }
        Err(_) => None,
    };
    let told = Told { right: verified.is_right(), queued, verified };
    if shape.json {
        output::print_json(&told)?;
    } else {
        output::print(&page(&told))?;
    }
    Ok(if told.right { ExitCode::SUCCESS } else { ExitCode::from(WRONG) })
}

fn page(told: &Told) -> String {
    let Verified { events, by_outcome, by_source, repetitions, deliveries, with_bytes, .. } = &told.verified;
    let mut table = Table::default().number("").text("");
    table.row([events.to_string(), "events, each with one outcome".to_owned()]);
    for (outcome, count) in by_outcome {
        table.row([count.to_string(), format!("  {outcome}")]);
    }
    for (source, count) in by_source.iter().filter(|(source, _)| *source != "stripe") {
        table.row([count.to_string(), format!("came by {source}, and not from Stripe")]);
    }
    table.row([repetitions.to_string(), "repetitions".to_owned()]);
    let queued =
        told.queued.map_or_else(|| "nobody can tell how many".to_owned(), |queued| queued.to_string());
    table.row([queued, "in the queue".to_owned()]);
    table.row([
        deliveries.to_string(),
        "deliveries, with those in the queue all that was answered 200".to_owned(),
    ]);
    table.row([with_bytes.to_string(), "with their bytes, as they were hashed".to_owned()]);
    let mut text = table.render_bare();
    for finding in findings(&told.verified) {
        text.extend(["\n", &finding, "\n"]);
    }
    text.push_str(if told.right { "\nThe figures add up.\n" } else { "\nThey do not add up.\n" });
    text
}

fn findings(verified: &Verified) -> Vec<String> {
    let some = |ids: &[String]| ids.iter().take(SHOWN_FINDINGS).cloned().collect::<Vec<_>>().join(", ");
    let mut findings = Vec::new();
    if !verified.damaged.is_empty() {
        let ids = some(&verified.damaged);
        findings.push(format!(
            "{} events whose bytes are not those that were hashed: {ids}. Restore `bodies` from a backup, or bring \
             the events back from Stripe by `{} backfill`",
            verified.damaged.len(),
            output::me()
        ));
    }
    if !verified.inconsistent.is_empty() {
        let ids = some(&verified.inconsistent);
        findings.push(format!(
            "{} events whose outcome and reason do not agree: {ids}",
            verified.inconsistent.len()
        ));
    }
    if verified.orphaned_bodies > 0 {
        findings.push(format!("{} bodies without an event", verified.orphaned_bodies));
    }
    for broken in verified.broken_audits.iter().take(SHOWN_FINDINGS) {
        let (kind, id) = (&broken.subject_kind, &broken.subject_id);
        findings.push(format!(
            "the audit of {kind} {id} has {} lines, and the last is {}",
            broken.lines, broken.last
        ));
    }
    findings
}
