//! What people and programs do with the ledger, and what they see of it: acts, views, replays, rebuilds,
//! verification. The command line only renders it.

pub mod actor;
pub mod acts;
pub mod audit_key;
pub mod audit_line;
pub mod backfill;
pub mod backup;
pub mod csv;
pub mod evidence;
pub mod finder;
pub mod findings;
pub mod fraud;
pub mod goods;
pub mod object_backfill;
pub mod pace;
mod password_hash;
pub mod person;
pub mod rebuild;
pub mod reconcile;
pub mod refused_acts;
pub mod replay;
pub mod reports;
pub mod search;
pub mod sheets;
pub mod staff_key;
pub mod till;
pub mod time_text;
pub mod totp;
pub mod verify;
pub mod views;
pub mod when;
pub mod wording;

pub use domain::money;
