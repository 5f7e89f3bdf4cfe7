//! Loads the objects that events may change, with everything related, and stores what changed.

pub mod event_rows;
pub mod fold;
pub mod load;
pub mod related;
pub mod store;
pub mod users;
