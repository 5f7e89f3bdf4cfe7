//! Listings and promotions on both ledgers: what payments make of them, in any order, and what people and programs do.

mod acts;
mod chore;
mod crowded;
mod disputed;
mod evenings;
mod evidence_time;
mod goods_of_ones_own;
mod moves;
mod orders;
mod owed;
mod races;
pub(crate) mod shop;
mod stories;
mod trouble;
mod walks;
