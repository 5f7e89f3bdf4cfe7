//! One file per table, or for a few that belong together: each statement once, behind a verb.

pub mod archive;
pub mod audit;
pub mod billing;
pub mod bodies;
pub mod charges;
pub mod completeness;
pub mod dead_letter_names;
pub mod events;
pub mod leases;
pub mod named_only;
pub mod objects;
pub mod operation_history;
pub mod operations;
pub mod overrides;
pub mod pauses;
pub mod pending_changes;
pub mod refetch;
pub mod refunds;
pub mod replays;
pub mod resolutions;
pub mod retention;
pub mod seals;
pub mod staff;
pub mod started;
pub mod tokens;
pub mod users;
