//! The commands of staff, run as the real binary on both ledgers, after stories that workers were told.

mod bans;
mod cursors;
mod desk;
mod disputes;
mod exported;
mod kpi;
mod lists;
mod long_lists;
mod notes;
mod pages;
mod reconciliation;
mod reports;
pub(crate) mod sales;
pub(crate) mod statements;
