//! What keeps a ledger for years: refilled from Stripe's objects, backed up and restored, without secrets in it.

mod drill;
mod holds;
mod key_ages;
mod key_rotation;
mod life;
mod objects;
mod redaction;
mod sealing;
