//! What gateway and worker both need, and nothing else: the envelope, the queue between them,
//! configuration from the environment, logs, metrics, spans, the internal listener and who asks it, the stop signal and
//! the clock.

pub mod clock;
pub mod digest;
pub mod env;
pub mod files_in_use;
pub mod healthcheck;
pub mod http_client;
pub mod internal;
pub mod queue;
pub mod register;
pub mod service_manager;
pub mod shutdown;
pub mod spans;
pub mod telemetry;
pub mod trace;
pub mod unreachable;
