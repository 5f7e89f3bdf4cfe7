//! The HTTP API through the real process, on both ledgers: what it reads, whom it admits, what it does at most once.

mod billing;
mod document;
mod evidence;
mod examples;
mod idempotency;
mod kept;
mod listings;
mod matrix;
mod office;
mod operations;
mod people;
mod prices;
mod random;
mod reads;
mod refusals;
