//! The options of the commands for what failed: `dead-letters`, `replay`.

use clap::{Args, Subcommand};

use super::{ByOptions, PageOptions, Shape, WhoseOptions, WindowOptions};

#[derive(Args)]
pub struct SelectionOptions {
    /// Only of this cause, as `dead-letters groups` names it: by its short id, or in full
    #[arg(long, value_name = "CAUSE")]
    pub fingerprint: Option<String>,
    /// Only this type; a trailing `*` matches a prefix, as in 'invoice.*'
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Only about this Stripe customer
    #[arg(long, value_name = "CUSTOMER")]
    pub customer: Option<String>,
    #[command(flatten)]
    pub window: WindowOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
}

#[derive(Subcommand)]
pub enum DeadLettersCommand {
    /// List dead letters, the newest first
    List(DeadListOptions),
    /// Sum dead letters up by cause, with the money at risk
    Groups(DeadGroupsOptions),
    /// Show one: every failure, what it is about, and what to do
    Show(DeadShowOptions),
    /// Put dead letters aside for good, with a reason; shows them first, and wants --yes
    Discard(DiscardOptions),
}

#[derive(Args)]
pub struct DeadListOptions {
    #[command(flatten)]
    pub selection: SelectionOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct DeadGroupsOptions {
    #[command(flatten)]
    pub selection: SelectionOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct DeadShowOptions {
    /// The event's id
    #[arg(value_name = "EVENT")]
    pub id: String,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct DiscardOptions {
    /// These events; or a selection below
    #[arg(value_name = "EVENT")]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub selection: SelectionOptions,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Do it; without it they are only counted
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Subcommand)]
pub enum ReplayCommand {
    /// Choose events, and tell which rows would change; nothing runs yet
    Plan(PlanOptions),
    /// Run a plan: oldest first, through the queue, as live traffic; can be taken up again wherever it ended
    Run(RunOptions),
    /// List plans, the newest first
    List(PlansOptions),
    /// Show one plan: who, what, how far it is, and what came of it
    Show(PlanShowOptions),
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate replay plan                                        every dead letter
  tidegate replay plan --fingerprint 3f9c21aa                 those of one cause
  tidegate replay plan --any --type 'invoice.*' --since 2d    also what was applied
  tidegate replay plan evt_1PgafuB7WZ01zgkWXYmPNZs8
  tidegate replay plan --file events.ndjson                   one event of Stripe's a line")]
pub struct PlanOptions {
    /// These events, whatever became of them
    #[arg(value_name = "EVENT")]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub selection: SelectionOptions,
    /// Whatever became of them; without it only dead letters
    #[arg(long)]
    pub any: bool,
    /// The events of this file, one JSON object a line; those that the ledger lacks come from here
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ids", "any"])]
    pub file: Option<std::path::PathBuf>,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct RunOptions {
    /// The plan, as `replay plan` named it
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// Queue at most so many events a second
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: Option<u32>,
    /// Queue at most so many now; the rest stays planned
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct PlansOptions {
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct PlanShowOptions {
    /// The plan
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// Also list what came of so many of its events, the latest first
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=1_000_000))]
    pub events: i64,
    #[command(flatten)]
    pub shape: Shape,
}
