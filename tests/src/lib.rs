//! The harness: private servers for the tests, which depend on nothing that happens to run.

pub mod broker;
pub mod guardian;
