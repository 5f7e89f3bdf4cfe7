//! Operations on both ledgers: asked for, confirmed, approved, refused, and what is kept of them.

mod rows;
