//! What people and programs do with the ledger, and what they see of it: acts, replays, the disaster drill, the
//! audit's check. Command line and pages only render it.

pub mod acts;
pub mod backfill;
pub mod money;
pub mod rebuild;
pub mod replay;
pub mod verify;
pub mod views;
pub mod wording;
