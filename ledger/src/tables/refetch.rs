//! Objects whose state only Stripe can tell, and the result of asking.

use chrono::{DateTime, Utc};
use domain::readable;
use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::{Ledger, LedgerError};
use domain::Key;
use domain::Object;

readable! {
    /// An object to be read again.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Uncertain {
        pub key: Key,
        /// Its freshest report, as stored.
        pub freshness: String,
    }
}

/// What came of asking, in the words of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefetchAnswer {
    /// Stripe's answer is in the queue.
    Told,
    Missing,
    /// Stripe will not say, however often it is asked.
    Refused,
}

impl RefetchAnswer {
    pub const NAMES: [&'static str; 3] = ["told", "missing", "refused"];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Missing => "missing",
            Self::Refused => "refused",
        }
    }
}

impl Ledger {
    /// Objects of one kind that need to be read again, and that nobody spoke of since a moment ago. Not those
    /// for whose freshest report it was done before, nor those whose freshest report is the answer itself.
    pub async fn uncertain<T: Object>(
        &self,
        livemode: bool,
        quiet_since: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Uncertain>, LedgerError> {
        // A freshness key begins with a class of one digit, a dot, and twelve digits of Stripe's stamp.
        let sql = format!(
            "SELECT t.id, t.account, t.livemode, t.freshness FROM {} t LEFT JOIN refetches r ON r.kind = $1 \
             AND r.id = t.id AND r.account = t.account AND r.livemode = t.livemode \
             WHERE t.needs_refetch AND t.livemode = $2 AND t.last_event_at <= $3 AND (r.id IS NULL \
             OR (r.freshness <> t.freshness AND r.answer_stamp <> SUBSTR(t.freshness, 3, 12))) \
             ORDER BY t.id, t.account LIMIT $4",
            T::TABLE
        );
        let mut tx = self.read().await?;
        query(AssertSqlSafe(sql))
            .bind(T::NAME)
            .bind(livemode)
            .bind(quiet_since)
            .bind(limit)
            .all(&mut tx)
            .await
    }

    /// Remembers what came of asking for an object, and when by Stripe's clock.
    pub async fn note_refetch(
        &self,
        kind: &'static str,
        object: &Uncertain,
        answer: RefetchAnswer,
        stamp: Option<i64>,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let stamp = stamp.map(|stamp| format!("{stamp:012}")).unwrap_or_default();
        let mut tx = self.begin().await?;
        {
            query(
                "INSERT INTO refetches (kind, id, account, livemode, freshness, answer, answer_stamp, asked_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id, account, livemode, kind) DO UPDATE SET \
                 freshness = excluded.freshness, answer = excluded.answer, \
                 answer_stamp = excluded.answer_stamp, asked_at = excluded.asked_at",
            )
            .bind(kind)
            .bind(&object.key.id)
            .bind(&object.key.account)
            .bind(object.key.livemode)
            .bind(&object.freshness)
            .bind(answer.as_str())
            .bind(stamp)
            .bind(now)
            .run(&mut tx)
            .await?;
        };
        tx.commit().await
    }
}
