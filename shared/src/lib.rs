//! What the processes have in common, and nothing else: the envelope, the queue between gateway and worker,
//! configuration from the environment, logs, metrics, spans, listeners and who asks them, the stop signal and the clock.

use std::pin::Pin;

/// What a door of a library gives: work whose machine code is made once, in the library. Of an `async fn` it is
/// made again in every crate that waits for it, and most of a build was that.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The same, of work that stays in its thread: that a migration may move, the compiler cannot see.
pub type PendingHere<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

pub use shared_macros::built_once;

pub mod clock;
pub mod digest;
pub mod env;
pub mod files_in_use;
pub mod healthcheck;
pub mod http;
pub mod http_client;
pub mod integrity;
pub mod internal;
pub mod metrics;
#[cfg(feature = "embedded")]
pub mod migrations;
mod process_metrics;
pub mod queue;
pub mod service_manager;
pub mod shutdown;
pub mod simulated;
pub mod spans;
pub mod telemetry;
pub mod tls;
pub mod trace;
pub mod unreachable;
pub mod write_ahead_log;
