//! Objects whose state only Stripe can tell, and the result of asking.

use chrono::{DateTime, Utc};
use domain::readable;
use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::{Ledger, LedgerError};
use domain::Key;
use domain::Object;
use domain::freshness::Freshness;

/// How many objects are looked at together.
const PAGE: i64 = 500;

/// An object to be read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncertain {
    pub key: Key,
    /// Its freshest report.
    pub freshness: Freshness,
}

readable! {
    /// An object whose state is uncertain, and what is known of asking for it.
    struct Candidate {
        key: Key,
        freshness: Freshness,
        asked_about: Option<String>,
        answer_stamp: Option<String>,
    }
}

impl Candidate {
    /// Not where it was asked for on the same report, or where the report is the answer itself.
    fn is_to_be_asked_for(&self) -> bool {
        let is_new =
            self.asked_about.as_ref().is_none_or(|asked_about| *asked_about != self.freshness.to_string());
        is_new && self.answer_stamp.as_ref().is_none_or(|answer| *answer != stamp(self.freshness.created()))
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
        let sql = format!(
            "SELECT t.id, t.account, t.livemode, t.merge_state, r.freshness AS asked_about, r.answer_stamp \
             FROM {} t LEFT JOIN refetches r ON r.kind = $1 \
             AND r.id = t.id AND r.account = t.account AND r.livemode = t.livemode \
             WHERE t.needs_refetch AND t.livemode = $2 AND t.last_event_at <= $3 AND (t.id, t.account) > ($4, $5) \
             ORDER BY t.id, t.account LIMIT {PAGE}",
            T::TABLE
        );
        let (mut found, limit) = (Vec::new(), usize::try_from(limit).unwrap_or_default());
        let mut tx = self.read().await?;
        let mut after = Key::default();
        loop {
            let page: Vec<Candidate> = query(AssertSqlSafe(sql.clone()))
                .bind(T::NAME)
                .bind(livemode)
                .bind(quiet_since)
                .bind(&after.id)
                .bind(&after.account)
                .all(&mut tx)
                .await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = last.key.clone();
            for candidate in page.into_iter().filter(Candidate::is_to_be_asked_for) {
                if found.len() == limit {
                    return Ok(found);
                }
                found.push(Uncertain { key: candidate.key, freshness: candidate.freshness });
            }
        }
    }

    /// Remembers what came of asking for an object, and when by Stripe's clock.
    #[shared::built_once]
    pub async fn note_refetch(
        &self,
        kind: &'static str,
        object: &Uncertain,
        answer: RefetchAnswer,
        stamp: Option<i64>,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
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
            .bind(object.freshness.to_string())
            .bind(answer.as_str())
            .bind(self::stamp(stamp))
            .bind(now)
            .run(&mut tx)
            .await?;
        };
        tx.commit().await
    }
}

/// A moment by Stripe's clock, as the table has it.
fn stamp(stamp: Option<i64>) -> String {
    stamp.map(|stamp| format!("{stamp:012}")).unwrap_or_default()
}
