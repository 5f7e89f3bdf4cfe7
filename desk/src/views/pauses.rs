//! Whether consumption is paused, and when it was before.

use ledger::tables::pauses::{PastPause, Pause};
use ledger::{Ledger, LedgerError};
use serde::Serialize;

const SHOWN: i64 = 50;

/// Consumption as it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Consumption {
    /// The pause that lasts.
    pub pause: Option<Pause>,
    /// The last ones, the newest first.
    pub pauses: Vec<PastPause>,
}

#[shared::built_once]
pub async fn read(ledger: &Ledger) -> Result<Consumption, LedgerError> {
    let mut tx = ledger.read().await?;
    Ok(Consumption { pause: tx.lasting_pause().await?, pauses: tx.last_pauses(SHOWN).await? })
}
