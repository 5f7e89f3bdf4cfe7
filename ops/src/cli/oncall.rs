//! The options of what people on call ask: status, doctor, the queue, pauses.

use clap::{Args, Subcommand};

use super::ByOptions;
use super::shape::{ElsewhereOptions, Shape};

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate doctor
  tidegate doctor --elsewhere gateway        on a machine that runs workers only
  tidegate doctor --json | jq -r '.checks[] | select(.mark == \"act\") | .found'

Exit codes: 0 nothing to act on (there may be something to look at), 1 something needs a person: a line says
ACT; 2 called wrongly. A process, server or, with STRIPE_SECRET_KEY, Stripe that does not answer is an ACT.")]
pub struct DoctorOptions {
    #[command(flatten)]
    pub elsewhere: ElsewhereOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate status
  tidegate status --watch                    again every 2 s, until Ctrl-C
  tidegate status --elsewhere gateway        on a machine that runs workers only
  tidegate status || page somebody

Exit codes: 0 no line says ACT, 1 one does: gateway, worker, queue, ledger or, with STRIPE_SECRET_KEY, Stripe is \
away, or something else needs a person now; 2 called wrongly. With --watch the last screen decides.")]
pub struct StatusOptions {
    /// Show it again and again, every so many seconds, until Ctrl-C
    #[arg(long, value_name = "SECS", num_args = 0..=1, default_missing_value = "2", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub watch: Option<u64>,
    #[command(flatten)]
    pub elsewhere: ElsewhereOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct HealthcheckOptions {
    /// Ask only this one [default: gateway and worker, which every installation has]
    #[arg(value_name = "PROCESS", value_parser = ["gateway", "worker", "console"])]
    pub process: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate worker                            run one worker
  tidegate worker pause --reason 'the ledger is being moved'
  tidegate worker resume")]
pub struct WorkerOptions {
    #[command(subcommand)]
    pub command: Option<WorkerCommand>,
}

#[derive(Subcommand)]
pub enum WorkerCommand {
    /// Stop all workers of the ledger: what is in hand is finished, nothing further is received
    ///
    /// Webhooks are still accepted, and wait in the queue. The pause is kept in the ledger until somebody
    /// resumes: restarts do not end it. Workers follow within a second, and stay ready meanwhile.
    Pause(PauseOptions),
    /// Let all workers go on
    Resume(ResumeOptions),
}

#[derive(Args)]
pub struct PauseOptions {
    /// Why, for the next person on call
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct ResumeOptions {
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct QueueOptions {
    #[command(subcommand)]
    pub command: Option<QueueCommand>,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Subcommand)]
pub enum QueueCommand {
    /// Save what a damaged queue.db still holds
    ///
    /// Reads every page of the file and says how many messages can be read and how many are lost; nothing is changed.
    /// With --yes those that can be read are written into a new queue.db. The damaged one is kept beside it under
    /// another name. No process may use the file meanwhile.
    Recover(RecoverOptions),
}

#[derive(Args)]
pub struct RecoverOptions {
    /// Do it; without it, only say what would be done
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub shape: Shape,
}
