//! `tidegate worker pause` and `resume`: stop all workers of a ledger, and let them continue.

use desk::acts;
use desk::acts::pause::Paused;
use domain::permissions::Permission;
use ledger::tables::pauses::Pause;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::{PauseOptions, ResumeOptions, WorkerCommand};
use crate::failure::refused;
use crate::table::clean;
use crate::{output, when};

/// The form of `--json` of `resume`.
#[derive(Serialize)]
struct Resumed {
    /// The pause that ended; `null` where none lasted.
    ended: Option<Pause>,
}

pub async fn run(env: &Env, command: &WorkerCommand) -> anyhow::Result<()> {
    match command {
        WorkerCommand::Pause(options) => pause(env, options).await,
        WorkerCommand::Resume(options) => resume(env, options).await,
    }
}

async fn pause(env: &Env, options: &PauseOptions) -> anyhow::Result<()> {
    let reason = acts::reason(&options.reason).map_err(refused)?;
    let (ledger, by) = options.by.permitted(env, "worker pause", Permission::Manage).await?;
    let paused = acts::pause::pause(&ledger, &reason, &by.in_audit(), clock::now()).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&paused);
    }
    output::print(&match &paused {
        Paused::Now(_) => format!(
            "paused: every worker finishes its batches and receives nothing more. Webhooks are still accepted and wait. \
             What is approved is still sent to Stripe; the ledger hears of it after the pause.\n`{} worker resume` ends the pause.\n",
            output::me()
        ),
        Paused::Before(pause) => format!("nothing changed: {}\n", clean(&in_words(pause))),
    })
}

async fn resume(env: &Env, options: &ResumeOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.permitted(env, "worker resume", Permission::Manage).await?;
    let ended = acts::pause::resume(&ledger, &by.in_audit(), clock::now()).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&Resumed { ended });
    }
    output::print(&match ended {
        Some(pause) => format!("resumed; it was {}\n", clean(&in_words(&pause))),
        None => "nothing changed: consumption was not paused\n".to_owned(),
    })
}

/// Who paused, when and why.
pub fn in_words(pause: &Pause) -> String {
    let Pause { reason, paused_by, paused_at, .. } = pause;
    format!("paused by {paused_by} since {}: {reason}", when::whole(*paused_at))
}
