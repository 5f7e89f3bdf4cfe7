//! The table `key_sightings`: since when each key has been in use, by its fingerprint.

use chrono::{DateTime, TimeDelta, Utc};
use domain::key_ages::{IN_USE, KeyName, KeySighting};

use crate::engine::query::query;
use crate::{Ledger, LedgerError};

impl Ledger {
    /// A key is in use now.
    #[shared::built_once]
    pub async fn note_key(
        &self,
        name: KeyName,
        fingerprint: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let mut tx = self.begin().await?;
        query(
            "INSERT INTO key_sightings (name, fingerprint, first_seen_at, last_seen_at) VALUES ($1, $2, $3, $3) \
             ON CONFLICT (name, fingerprint) DO UPDATE SET last_seen_at = excluded.last_seen_at",
        )
        .bind(name.as_str())
        .bind(fingerprint)
        .bind(now)
        .run(&mut tx)
        .await?;
        tx.commit().await
    }

    /// The keys that are in use, the oldest first, and for how long one may be.
    #[shared::built_once]
    pub async fn keys_in_use(
        &self,
        now: DateTime<Utc>,
    ) -> Result<(Vec<KeySighting>, TimeDelta), LedgerError> {
        let mut tx = self.read().await?;
        let keys = query(
            "SELECT name, fingerprint, first_seen_at, last_seen_at FROM key_sightings WHERE last_seen_at > $1 \
             ORDER BY first_seen_at, fingerprint LIMIT 100",
        )
        .bind(now - IN_USE)
        .all(&mut tx)
        .await?;
        Ok((keys, tx.policies().await?.key_limit()))
    }
}
