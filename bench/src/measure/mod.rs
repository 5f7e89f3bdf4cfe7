//! How a figure comes about: one run gives a sample, contestants run in turn, and medians are compared.

pub mod latency;
pub mod process;
pub mod rounds;
pub mod sample;
