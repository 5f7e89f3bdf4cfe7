//! `tidegate replay run`: queues a plan and waits for the results.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use domain::permissions::Permission;
use ledger::Ledger;
use shared::clock;
use shared::env::Env;
use shared::queue::Role;
use tokio::time::Instant;

use super::{ReplayReport, look, page};
use crate::cli::RunOptions;
use crate::{open, output};

const POLL: Duration = Duration::from_millis(300);
/// After so long without a further result the rest is left to the workers.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often progress is told.
const STEP: Duration = Duration::from_secs(2);

pub async fn run(env: &Env, options: &RunOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.permitted(env, "replay run", Permission::Manage).await?;
    look(&ledger, &options.plan).await?;
    let (queue, _) = open::queue(env, Role::Publish).await?;
    let is_watched = std::io::stderr().is_terminal();
    let mut told = Instant::now();
    let mut progress = |queued: usize| {
        if is_watched && told.elapsed() > STEP {
            told = Instant::now();
            output::remark(&format!("{queued} events queued"));
        }
    };
    let limit = options.limit.unwrap_or(usize::MAX);
    let queued =
        desk::replay::run(&ledger, &queue, &options.plan, &by, (options.rate, limit), &mut progress).await;
    let shown = match &queued {
        Ok(_) => wait(&ledger, &options.plan, is_watched).await?,
        Err(_) => look(&ledger, &options.plan).await?,
    };
    queue.close().await;
    ledger.close().await;
    if options.shape.json {
        output::print_json(&shown)?;
    } else {
        output::print(&page(&shown, clock::now()))?;
    }
    queued.with_context(|| {
        let me = output::me();
        format!(
            "the run stopped early; queued events continue, and `{me} replay run {}` resumes it",
            options.plan
        )
    })?;
    Ok(())
}

/// Until everything queued has come to something, or nothing more comes.
async fn wait(ledger: &Ledger, plan: &str, is_watched: bool) -> anyhow::Result<ReplayReport> {
    let (mut before, mut moved, mut told) = (-1, Instant::now(), Instant::now());
    loop {
        let shown = look(ledger, plan).await?;
        let done: i64 = shown.results.iter().map(|came| came.events).sum();
        if done >= shown.plan.queued {
            return Ok(shown);
        }
        if done > before {
            (before, moved) = (done, Instant::now());
        }
        if moved.elapsed() > PATIENCE {
            let left = shown.plan.queued - done;
            output::remark(&format!("{left} events are still in the queue; is a worker running?"));
            return Ok(shown);
        }
        if is_watched && told.elapsed() > STEP {
            told = Instant::now();
            output::remark(&format!("{done} of {} have run", shown.plan.queued));
        }
        tokio::time::sleep(POLL).await;
    }
}
