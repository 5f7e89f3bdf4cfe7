//! What people and programs see of the ledger, as data: pages, tables and answers only render it.

pub mod dead_letters;
pub mod timeline;
