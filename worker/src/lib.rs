//! Turns queued events into the ledger: read, merge, derive, audit, commit, and only then settle.

pub mod rules;
