//! The options of `tidegate backup` and `tidegate restore`.

use std::path::PathBuf;

use clap::Args;

use super::shape::Shape;

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate backup                            into a new folder in ./backups
  tidegate backup --to /mnt/backups --verify  restore it into a place of its own and look at all of it

Keys and secrets are not part of a backup: keep them elsewhere. Exit codes: 0 done; 1 it failed, or --verify found \
a fault; 2 called wrongly.")]
pub struct BackupOptions {
    /// The folder that gets a new folder with the backup
    #[arg(long, value_name = "DIR", default_value = "backups")]
    pub to: PathBuf,
    /// Restore it into a place of its own, and check counts, audit, bodies and seals there
    #[arg(long)]
    pub verify: bool,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate restore backups/tidegate-20261128T060000Z --check    only look whether it is good
  tidegate restore backups/tidegate-20261128T060000Z            into the empty places of DATABASE_URL and QUEUE_URL

Nothing is overwritten: where there is a ledger or a queue already, move it away first.")]
pub struct RestoreOptions {
    /// The folder of the backup
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Only restore it into a place of its own, look at all of it there, and say what is wrong
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub shape: Shape,
}
