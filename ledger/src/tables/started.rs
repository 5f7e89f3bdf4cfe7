//! The table `started`: events that are handled in isolation, or with others after a redelivery. A mark of the first
//! kind that is found later is an attempt that ended without an outcome; one of the second kind blames nobody.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::engine::rows::Rows;
use crate::tables::events::named;
use crate::{LedgerError, Transaction};
use domain::event::EventKey;

impl Transaction {
    /// Marks the events as begun together, and gives back those that had no mark.
    #[shared::built_once]
    pub async fn mark_started_together(
        &mut self,
        keys: &[EventKey],
        now: DateTime<Utc>,
    ) -> Result<BTreeSet<EventKey>, LedgerError> {
        let marked: Vec<(String, String, bool, String)> = named(Rows::of(keys), |key| key)
            .time("started_at", |_| Some(now))
            .fetch(
                self,
                "INSERT INTO started (id, account, livemode, content_hash, started_at, alone) \
                 SELECT id, account, livemode, content_hash, started_at, FALSE FROM input WHERE TRUE \
                 ORDER BY id, account, livemode, content_hash ON CONFLICT DO NOTHING \
                 RETURNING id, account, livemode, content_hash",
            )
            .await?;
        let marked: BTreeSet<_> = marked.into_iter().collect();
        let texts =
            |key: &EventKey| (key.id.clone(), key.account.clone(), key.livemode, key.content_hash.clone());
        Ok(keys.iter().filter(|key| marked.contains(&texts(key))).cloned().collect())
    }

    /// Marks an event as begun alone; `false` where it was before.
    #[shared::built_once]
    pub async fn mark_started(&mut self, key: &EventKey, now: DateTime<Utc>) -> Result<bool, LedgerError> {
        let marked = named(Rows::of(std::slice::from_ref(key)), |key| key)
            .time("started_at", |_| Some(now))
            .run(
                self,
                "INSERT INTO started (id, account, livemode, content_hash, started_at) \
                 SELECT id, account, livemode, content_hash, started_at FROM input WHERE TRUE \
                 ON CONFLICT (id, account, livemode, content_hash) \
                 DO UPDATE SET alone = TRUE, started_at = excluded.started_at WHERE NOT started.alone",
            )
            .await?;
        Ok(marked == 1)
    }

    /// Removes marks: the events were handled, or given back untouched.
    #[shared::built_once]
    pub async fn unmark_started(&mut self, keys: &[EventKey]) -> Result<(), LedgerError> {
        named(Rows::of(keys), |key| key)
            .run(
                self,
                "DELETE FROM started WHERE (id, account, livemode, content_hash) IN \
                 (SELECT id, account, livemode, content_hash FROM input)",
            )
            .await?;
        Ok(())
    }
}
