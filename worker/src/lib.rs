//! Turns queued events into the ledger: read, merge, derive, audit, commit, and only then settle.

pub mod alone;
pub mod chores;
mod circuit;
mod config;
mod consume;
mod failpoint;
pub mod failure;
mod fold;
pub mod ledger;
mod load;
mod metrics;
pub mod outcome;
pub mod policies;
pub mod process;
pub mod rebuild;
pub mod rules;
mod run;
pub mod touched;
mod watchdog;

pub use self::config::{VARIABLES, WorkerConfig};
pub use self::run::run;
