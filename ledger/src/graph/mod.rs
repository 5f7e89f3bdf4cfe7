//! Loading what events may change and storing what changed: objects with all that hangs together with them.

pub mod family;
pub mod fold;
pub mod load;
pub mod store;
pub mod touched;
pub mod users;
