//! The options of what checks and restores ledger, broker and settings: audit, rebuild, backfill, topology, env.

use clap::{Args, Subcommand};
use domain::seal::Head;
use shared::queue::rabbitmq::topology::NewQueues;

use super::ByOptions;
use super::shape::Shape;

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate backfill --since 3d --dry-run     what is missing, by type; nothing is changed
  tidegate backfill --since 3d               bring it back
  tidegate backfill --since 3d --undelivered   what an endpoint did not take: quick, but not all
  tidegate backfill --since 30d --type 'invoice.*'
  tidegate backfill --objects --since 2024-01-01T00:00:00Z   fill an empty ledger from Stripe's objects

A run that was cut off goes on where it was when it is called again with the same words within a day. \
Types that no rule reads are left out unless they have come by webhook before or are named by --type. \
With --objects a run that was cut off can be continued for 7 days. Objects do not tell what they went through: \
docs/completeness.md lists what stays unknown.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct BackfillOptions {
    /// From when on: 90s, 15m, 1h, 7d, or 2026-11-21T08:00:00Z; Stripe lists 30 days of events, and all objects
    #[arg(long, value_name = "WHEN")]
    pub since: String,
    /// Up to when, in the same forms; up to now when left out
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
    /// Only this type; a single one may end with `*`. May be given up to 20 times
    #[arg(long = "type", value_name = "TYPE")]
    pub types: Vec<String>,
    /// Read Stripe's objects instead of its events: those that were created since then and that the ledger lacks
    #[arg(long, conflicts_with_all = ["types", "undelivered"])]
    pub objects: bool,
    /// Only this kind of object, such as `charge`; may be repeated
    #[arg(long = "kind", value_name = "KIND", requires = "objects")]
    pub kinds: Vec<String>,
    /// Also objects that the ledger has: each is told as it is today
    #[arg(long, requires = "objects")]
    pub every_object: bool,
    /// Only events that Stripe could not deliver to some endpoint
    #[arg(long)]
    pub undelivered: bool,
    /// The events of this connected account instead of our own
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// At most so many requests to Stripe a second, of up to 100 events each [default: `STRIPE_RATE_PER_SEC`]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rate: Option<u32>,
    /// Only say what is missing; nothing is queued, and nothing is written
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct RebuildOptions {
    /// Only compare; this is also what happens without --yes
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Put what the events say in the place of what differs, a row at a time, while workers go on
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub by: ByOptions,
    /// Fold the events in the order of this number; a new one each time when left out
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Subcommand)]
pub enum AuditCommand {
    /// Check that nothing is lost or changed: every event, its bytes, every line of the audit, every seal
    Verify(VerifyOptions),
    /// Print the head of the seals, to be kept elsewhere and given to `verify` later
    Head(Shape),
    /// Print the public half of `AUDIT_KEY`, for whoever checks what it signed
    Key(Shape),
}

#[derive(Args)]
pub struct VerifyOptions {
    /// A head that `audit head` printed before: check that it is still in the chain
    #[arg(long, value_name = "HEAD")]
    pub since_head: Option<Head>,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct TopologyOptions {
    /// Change nothing; say what is missing or differs
    #[arg(long)]
    pub check: bool,
    /// Do not wait until new queues are on the broker's disk: for brokers whose events may be lost, as in tests
    #[arg(long, conflicts_with = "check")]
    pub no_wait: bool,
    #[command(flatten)]
    pub shape: Shape,
}

impl TopologyOptions {
    pub fn new_queues(&self) -> NewQueues {
        if self.no_wait { NewQueues::UseAtOnce } else { NewQueues::AwaitDisk }
    }
}

#[derive(Args)]
pub struct EnvOptions {
    /// Print the tables of docs/configuration.md
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    #[command(flatten)]
    pub shape: Shape,
}
