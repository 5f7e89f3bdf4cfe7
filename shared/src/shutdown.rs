//! The stop signal: SIGTERM or Ctrl-C cancels one token, which everything that runs watches.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that the first SIGTERM or SIGINT cancels. A second signal ends the process at once.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = token.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        };
        let name = next().await;
        tracing::info!(
            signal = name,
            "stopping: finishing the work in progress; a second signal stops at once"
        );
        stop.cancel();
        next().await;
        crate::telemetry::flush();
        std::process::exit(130);
    });
    Ok(token)
}
