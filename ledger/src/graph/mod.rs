//! Loads the objects that events may change, with everything related, and stores what changed.

pub mod family;
pub mod fold;
pub mod load;
pub mod store;
pub mod touched;
pub mod users;
