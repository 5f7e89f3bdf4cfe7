//! The options of `tidegate bodies`.

use clap::{Args, Subcommand};

use super::ByOptions;
use super::shape::Shape;

#[derive(Subcommand)]
pub enum BodiesCommand {
    /// Seal all of it by the newest key; shows what each key seals first, and wants --yes
    ///
    /// What an older key seals, or none, is sealed anew while workers go on. A run that was cut off goes on where it was.
    Reseal(ResealOptions),
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate bodies reseal            how many rows each key seals; nothing is changed
  tidegate bodies reseal --yes      bring all of them under the newest key

`tidegate doctor` says when an older key seals nothing any more: then it may leave BODY_KEYS_FILE. Backups that were made before \
still need it.")]
pub struct ResealOptions {
    /// Do it; without it the rows are only counted
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub shape: Shape,
}
