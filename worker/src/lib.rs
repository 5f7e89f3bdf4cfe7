//! Applies queued events to the ledger: read, merge, derive, audit, commit, and only then settle.

mod batch;
pub mod chores;
mod config;
mod consume;
mod event_log;
pub mod failpoint;
pub mod fatal_signal;
mod handled;
pub mod isolated;
mod ledger_availability;
mod lost_commits;
mod metrics;
mod pause_signal;
pub mod process;
mod record;
mod repetitions;
mod run;
mod spans;
mod watchdog;

pub use self::chores::notices::config::VARIABLES as NOTICE_VARIABLES;
pub use self::config::{INTERNAL_ADDR, VARIABLES, WorkerConfig};
pub use self::consume::Lanes;
pub use self::run::run;
