//! The two databases: how they are opened, checked and asked. Nothing here knows a table.

pub(crate) mod append_only;
pub(crate) mod config;
pub mod copy;
mod copy_error;
mod erasing;
pub(crate) mod error;
pub(crate) mod file;
pub(crate) mod locks;
pub(crate) mod months;
pub(crate) mod patience;
mod pg_tools;
pub(crate) mod policies;
pub(crate) mod query;
pub(crate) mod reach;
pub(crate) mod rows;
mod schema;
pub mod settings;
pub(crate) mod writer;
