//! Turns queued events into the ledger: read, merge, derive, audit, commit, and only then settle.

pub mod alone;
pub mod backfill;
pub mod broken;
pub mod chores;
mod circuit;
mod config;
mod consume;
pub mod dead_letters;
pub mod deaths;
mod failpoint;
pub mod failure;
pub mod family;
mod fold;
mod journal;
pub mod ledger;
mod load;
mod metrics;
pub mod outcome;
pub mod pause;
pub mod policies;
pub mod process;
pub mod rebuild;
mod repetitions;
pub mod replay;
pub mod rules;
mod run;
mod spans;
pub mod staff;
pub mod stripe;
pub mod timeline;
pub mod touched;
pub mod users;
pub mod verify;
mod watchdog;

pub use self::config::{VARIABLES, WorkerConfig};
pub use self::run::run;
