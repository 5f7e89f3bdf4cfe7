//! Operations on both ledgers: asked for, confirmed, approved, refused, and what is kept of them.

mod batches;
mod billing;
mod desk;
mod eyes;
mod eyes_of_staff;
mod kinds;
mod ladder;
mod races;
mod rows;
mod settled;
