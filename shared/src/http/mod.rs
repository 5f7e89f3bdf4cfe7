//! HTTP for the world, as gateway and console serve it: limits and deadlines of connections and bodies, and what hyper
//! takes though RFC 9112 does not.

pub mod body;
mod connection_metrics;
mod connections;
pub mod framing;
mod io_deadlines;
mod line_endings;
mod log_budget;
mod open_files;
mod peer;

pub use self::connection_metrics::ConnectionMetrics;
pub use self::connections::{ConnectionLimits, Edge, serve};
pub use self::log_budget::LogBudget;
pub use self::open_files::make_room;
pub use self::peer::network;
