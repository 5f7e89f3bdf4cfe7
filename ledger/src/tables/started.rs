//! The table `started`: events being handled in isolation. A mark found later is an attempt that ended without
//! an outcome.

use chrono::{DateTime, Utc};

use crate::engine::rows::Rows;
use crate::tables::events::keyed;
use crate::{LedgerError, Transaction};
use domain::event::EventKey;

impl Transaction {
    /// Sets the mark; `false` when one was there.
    #[shared::built_once]
    pub async fn mark_started(&mut self, key: &EventKey, now: DateTime<Utc>) -> Result<bool, LedgerError> {
        let marked = keyed(Rows::of(std::slice::from_ref(key)), |key| key)
            .time("started_at", |_| Some(now))
            .run(
                self,
                "INSERT INTO started (id, account, livemode, content_hash, started_at) \
                 SELECT id, account, livemode, content_hash, started_at FROM input WHERE TRUE ON CONFLICT DO NOTHING",
            )
            .await?;
        Ok(marked == 1)
    }

    /// Removes marks: the events were handled, or given back untouched.
    #[shared::built_once]
    pub async fn unmark_started(&mut self, keys: &[EventKey]) -> Result<(), LedgerError> {
        keyed(Rows::of(keys), |key| key)
            .run(
                self,
                "DELETE FROM started WHERE (id, account, livemode, content_hash) IN \
                 (SELECT id, account, livemode, content_hash FROM input)",
            )
            .await?;
        Ok(())
    }
}
