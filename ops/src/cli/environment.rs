//! The options of `tidegate topology` and `tidegate env`, and the help of what describes the commands.

use clap::Args;
use shared::queue::rabbitmq::topology::NewQueues;

use super::Shape;

pub(super) const COMPLETIONS: &str = "\
Examples
  tidegate completions bash > ~/.local/share/bash-completion/completions/tidegate
  tidegate completions zsh > ~/.zfunc/_tidegate           a folder in your fpath
  tidegate completions fish > ~/.config/fish/completions/tidegate.fish";

pub(super) const MANUAL: &str = "\
Example
  tidegate man ~/.local/share/man/man1 && man tidegate-send";

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
