//! The tables `audit_commits` and `audit_seals`: what each transaction committed, and the blocks that seal it.

use chrono::{DateTime, Utc};
use shared::queue::Taken;

use crate::engine::query::query;
use crate::engine::rows::{Rows, Statement};
use crate::{Ledger, LedgerError, Transaction};
use domain::audit_chain::Chained;
use domain::event::EventKey;
use domain::readable;
use domain::seal::{Commit, Position, Seal};
use shared::trace::random_hex;

readable! {
    /// What was sealed within a span of time.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SealedSpan {
        pub first_block: Option<i64>,
        pub last_block: Option<i64>,
        pub blocks: i64,
        pub lines: i64,
        pub events: i64,
    }
}

/// What a transaction commits, under a random id; `None` where there is nothing that a witness could be asked about.
pub fn commit_of(
    events: &[&EventKey],
    lines: &[Chained<'_>],
    taken: Option<&Taken>,
    now: DateTime<Utc>,
) -> Option<Commit> {
    let position = taken.map(|Taken { queue, highest, deliveries }| Position {
        queue,
        highest: *highest,
        deliveries: *deliveries,
    });
    Commit::of(random_hex::<12>(), events.iter().copied(), lines, position, now)
}

/// The statement that notes what a transaction commits, of at most one.
pub(crate) fn committing(commit: Option<&Commit>) -> Statement<'_> {
    Rows::of(commit.map(std::slice::from_ref).unwrap_or_default())
        .text("id", |commit| &commit.id)
        .time("committed_at", |commit| Some(commit.committed_at))
        .int("events", |commit| commit.events)
        .int("lines", |commit| commit.lines)
        .bytes("members", |commit| &commit.members)
        .maybe_text("queue", |commit| commit.queue.as_deref())
        .maybe_int("highest", |commit| commit.highest)
        .int("deliveries", |commit| commit.deliveries)
        .into_statement(
            "INSERT INTO audit_commits (id, committed_at, events, lines, members, queue, highest, deliveries) \
             SELECT id, committed_at, events, lines, members, queue, highest, deliveries FROM input",
        )
}

impl Transaction {
    /// Notes events that are recorded outside of a batch, and the message that they came by.
    #[shared::built_once]
    pub async fn note_commit(
        &mut self,
        events: &[EventKey],
        taken: Option<&Taken>,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let events: Vec<&EventKey> = events.iter().collect();
        let commit = commit_of(&events, &[], taken, now);
        self.run_together(vec![committing(commit.as_ref())]).await
    }

    /// What no block covers yet.
    #[shared::built_once]
    pub async fn open_commits(&mut self, limit: i64) -> Result<Vec<Commit>, LedgerError> {
        query("SELECT * FROM audit_commits WHERE block IS NULL ORDER BY id LIMIT $1")
            .bind(limit)
            .all(self)
            .await
    }

    /// What one block covers.
    #[shared::built_once]
    pub async fn commits_of(&mut self, block: i64) -> Result<Vec<Commit>, LedgerError> {
        query("SELECT * FROM audit_commits WHERE block = $1 ORDER BY id").bind(block).all(self).await
    }

    #[shared::built_once]
    pub async fn last_seal(&mut self) -> Result<Option<Seal>, LedgerError> {
        query("SELECT * FROM audit_seals ORDER BY number DESC LIMIT 1").optional(self).await
    }

    #[shared::built_once]
    pub async fn seals_after(&mut self, number: i64, limit: i64) -> Result<Vec<Seal>, LedgerError> {
        query("SELECT * FROM audit_seals WHERE number > $1 ORDER BY number LIMIT $2")
            .bind(number)
            .bind(limit)
            .all(self)
            .await
    }

    /// What was sealed within a span.
    #[shared::built_once]
    pub async fn seals_within(
        &mut self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<SealedSpan, LedgerError> {
        query(
            "SELECT MIN(number) AS first_block, MAX(number) AS last_block, COUNT(*) AS blocks, \
             CAST(COALESCE(SUM(lines), 0) AS BIGINT) AS lines, CAST(COALESCE(SUM(events), 0) AS BIGINT) AS events \
             FROM audit_seals WHERE sealed_at >= $1 AND sealed_at < $2",
        )
        .bind(from)
        .bind(until)
        .one(self)
        .await
    }

    /// Appends a block over these commits. Another worker that sealed meanwhile is refused by the number.
    #[shared::built_once]
    pub async fn append_seal(&mut self, seal: &Seal, commits: &[Commit]) -> Result<(), LedgerError> {
        {
            query(
                "INSERT INTO audit_seals (number, commits, events, lines, hash, sealed_at) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(seal.number)
            .bind(seal.commits)
            .bind(seal.events)
            .bind(seal.lines)
            .bind(seal.hash.as_slice())
            .bind(seal.sealed_at)
            .run(&mut *self)
            .await?;
        };
        let covered = Rows::of(commits)
            .text("id", |commit| &commit.id)
            .int("block", |_| seal.number)
            .run(
                self,
                "UPDATE audit_commits SET block = input.block FROM input \
                 WHERE audit_commits.id = input.id AND audit_commits.block IS NULL",
            )
            .await?;
        if covered < commits.len() as u64 {
            return Err(LedgerError::Transient(sqlx::Error::RowNotFound)); // sealed by another: look again
        }
        Ok(())
    }

    /// The first block after this number that commits name.
    #[shared::built_once]
    pub async fn block_after(&mut self, number: i64) -> Result<Option<i64>, LedgerError> {
        query("SELECT MIN(block) FROM audit_commits WHERE block > $1").bind(number).one(self).await
    }

    /// When the first transaction was noted.
    #[shared::built_once]
    pub async fn commits_began(&mut self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        query("SELECT MIN(committed_at) FROM audit_commits").one(self).await
    }

    /// Whether there are events, and no transaction that counts any: all of them are older than the counting.
    #[shared::built_once]
    pub async fn is_older_than_commits(&mut self) -> Result<bool, LedgerError> {
        let found: Vec<String> = {
            query("SELECT id FROM events WHERE NOT EXISTS (SELECT 1 FROM audit_commits) LIMIT 1")
                .all(self)
                .await?
        };
        Ok(!found.is_empty())
    }

    /// The highest message of a queue that is known to have been committed.
    #[shared::built_once]
    pub async fn highest_taken(&mut self, queue: &str) -> Result<i64, LedgerError> {
        query("SELECT COALESCE(MAX(highest), 0) FROM audit_commits WHERE queue = $1")
            .bind(queue)
            .one(self)
            .await
    }
}

impl Ledger {
    /// The newest block.
    #[shared::built_once]
    pub async fn head(&self) -> Result<Option<Seal>, LedgerError> {
        self.read().await?.last_seal().await
    }
}
