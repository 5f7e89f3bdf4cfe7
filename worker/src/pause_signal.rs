//! The pause as this process knows it: lanes finish their batches and wait for its end.

use ledger::tables::pauses::Pause;
use tokio::sync::watch;

/// The pause as this process last saw it. While the ledger is away, that still counts.
#[derive(Debug)]
pub(crate) struct PauseSignal(watch::Sender<Option<Pause>>);

impl PauseSignal {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits until consumption is paused.
    pub(crate) async fn paused(&self) {
        self.becomes(true).await;
    }

    /// Waits until it is not.
    pub(crate) async fn resumed(&self) {
        self.becomes(false).await;
    }

    /// What the ledger says now; a change is logged once.
    pub(crate) fn set(&self, now: Option<Pause>) {
        let before = self.0.send_replace(now.clone());
        let number = |pause: &Option<Pause>| pause.as_ref().map(|pause| pause.number);
        if number(&before) == number(&now) {
            return;
        }
        if let Some(Pause { reason, paused_by, paused_at, .. }) = now {
            tracing::warn!(
                reason,
                paused_by,
                %paused_at,
                "consumption is paused: nothing is received until `tidegate worker resume`"
            );
        } else {
            tracing::info!("consumption continues: the pause has ended");
        }
    }

    async fn becomes(&self, wanted: bool) {
        // The sender is ours, so the channel cannot be closed.
        drop(self.0.subscribe().wait_for(|pause| pause.is_some() == wanted).await);
    }
}
