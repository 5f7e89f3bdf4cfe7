//! Work that runs by the clock, one file per chore.

pub mod completeness;
pub mod execute;
pub mod fraud_desk;
pub mod goods;
pub mod key_ages;
pub mod lapse;
pub mod lease;
pub mod months;
pub mod notices;
pub mod old_logins;
pub mod pause;
pub mod planned_retries;
pub mod reconcile;
pub mod refetch;
pub mod retention;
pub mod retry;
pub mod seal;
