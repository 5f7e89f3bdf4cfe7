//! Applies queued events to the ledger: read, merge, derive, audit, commit, and only then settle.

pub mod alone;
mod batch;
mod brake;
pub mod broken;
pub mod chores;
mod circuit;
mod config;
mod consume;
mod failpoint;
mod handled;
mod journal;
mod metrics;
pub mod process;
mod record;
mod repetitions;
mod run;
mod spans;
mod watchdog;
mod witness;

pub use self::config::{VARIABLES, WorkerConfig};
pub use self::run::run;
