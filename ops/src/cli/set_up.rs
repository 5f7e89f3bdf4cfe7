//! The options of `tidegate topology` and `tidegate env`.

use clap::Args;
use shared::queue::rabbitmq::topology::NewQueues;

use super::Shape;

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
