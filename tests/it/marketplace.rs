//! Listings and promotions on both ledgers: what payments make of them, in any order, and what people and programs do.

mod acts;
mod evenings;
mod goods_of_ones_own;
mod orders;
mod races;
pub(crate) mod shop;
