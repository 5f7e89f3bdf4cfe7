//! Turns queued events into the ledger: read, merge, derive, audit, commit, and only then settle.

pub mod alone;
mod failpoint;
pub mod failure;
pub mod ledger;
pub mod outcome;
pub mod process;
pub mod rules;
