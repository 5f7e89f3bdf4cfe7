//! The HTTP API through the real process, on both ledgers: what it reads, whom it admits, what it does at most once.

mod document;
mod idempotency;
mod matrix;
mod office;
mod operations;
mod people;
mod reads;
mod refusals;
