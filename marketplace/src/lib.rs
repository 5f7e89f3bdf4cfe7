//! A marketplace on Tidegate: listings that a posting fee makes active, and promotions of them. What is derived here
//! follows by one pure rule (`rules`) from what acts wrote, what payments say, what our checkouts asked for, which money was
//! asked back, and the terms of each time.

pub mod acts;
pub mod check;
mod evidence_time;
mod held;
mod keep;
mod record;
mod refusal;
pub mod rules;
pub mod sheet;
pub mod terms;
mod testimony;
pub mod view;

use desk::goods::Keep;

pub use self::record::{Record, State};
pub use self::refusal::Refusal;

/// The kind of its goods.
pub const KIND: &str = desk::finder::LISTING;
/// What keeps them: a worker calls it for whatever a payment changed.
pub const KEEPERS: &[Keep] = &[keep::keep];
