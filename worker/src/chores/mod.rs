//! What runs by the clock, one file each.

pub mod pause;
pub mod retention;
pub mod retry;
