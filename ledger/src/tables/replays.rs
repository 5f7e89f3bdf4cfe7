//! The tables of replays: results, so that one replay runs an event once and the next one runs it again; and
//! plans with their progress.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::body_keys::{Kept, Row};
use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::tables::bodies::opened;
use crate::tables::events::named;
use crate::views::page::{POSITION, Page, Part};
use crate::{Ledger, LedgerError, Transaction};
use domain::Key;
use domain::event::EventKey;
use domain::outcome::{Outcome, OutcomeKind};

/// What came of one replay of one event.
#[derive(Debug)]
pub struct Replayed {
    pub key: EventKey,
    pub replay: String,
    pub outcome: Outcome,
}

readable! {
    /// A replay that staff planned.
    #[derive(Clone, Debug, Serialize)]
    pub struct Plan {
        pub replay: String,
        /// What was asked for, in the words of the command.
        pub selection: String,
        pub planned_by: String,
        pub planned_at: DateTime<Utc>,
        pub events: i64,
        pub queued: i64,
    }
}

readable! {
    /// One event of a plan.
    #[derive(Debug)]
    pub struct Item {
        pub number: i64,
        pub key: EventKey,
        /// The envelope of an event that a file brought along.
        pub header: Option<String>,
        pub body: Option<Vec<u8>>,
    }
}

readable! {
    struct KeptItem {
        item: Item,
        sealed_by: Option<String>,
    }
}

readable! {
    /// How many events of a replay came to one outcome.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Came {
        pub outcome: OutcomeKind,
        pub reason: Option<String>,
        pub events: i64,
    }
}

readable! {
    /// What came of one event of a replay.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct EventResult {
        pub id: String,
        pub account: String,
        pub livemode: bool,
        pub outcome: OutcomeKind,
        pub reason: Option<String>,
        pub handled_at: DateTime<Utc>,
    }
}

const PLAN: &str = "p.replay, p.selection, p.planned_by, p.planned_at, \
    (SELECT COUNT(*) FROM replay_items i WHERE i.replay = p.replay) AS events, \
    (SELECT COUNT(*) FROM replay_items i WHERE i.replay = p.replay AND i.queued_at IS NOT NULL) AS queued";

impl Transaction {
    /// Which of these have run before.
    #[shared::built_once]
    pub async fn replayed(
        &mut self,
        wanted: &[(EventKey, String)],
    ) -> Result<Vec<(EventKey, String)>, LedgerError> {
        let numbered: Vec<_> = (0..).zip(wanted).collect();
        let known: Vec<i64> = named(Rows::of(&numbered), |(_, (key, _))| key)
            .text("replay", |(_, (_, replay))| replay)
            .int("nth", |(number, _)| *number)
            .fetch(
                self,
                "SELECT nth FROM replays JOIN input USING (id, account, livemode, content_hash, replay)",
            )
            .await?;
        let known: BTreeSet<i64> = known.into_iter().collect();
        let known = numbered.into_iter().filter(|(number, _)| known.contains(number));
        Ok(known.map(|(_, wanted)| wanted.clone()).collect())
    }

    /// Notes what came of replays. Must be sorted by key and replay.
    #[shared::built_once]
    pub async fn note_replays(
        &mut self,
        replayed: &[Replayed],
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        named(Rows::of(replayed), |replayed| &replayed.key)
            .text("replay", |replayed| &replayed.replay)
            .text("outcome", |replayed| replayed.outcome.as_str())
            .maybe_text("reason", |replayed| replayed.outcome.reason())
            .time("handled_at", |_| Some(now))
            .run(
                self,
                "INSERT INTO replays (id, account, livemode, content_hash, replay, outcome, reason, handled_at) \
                 SELECT id, account, livemode, content_hash, replay, outcome, reason, handled_at FROM input \
                 WHERE TRUE ON CONFLICT (id, account, livemode, content_hash, replay) DO UPDATE SET \
                 outcome = excluded.outcome, reason = excluded.reason, handled_at = excluded.handled_at",
            )
            .await?;
        Ok(())
    }

    #[shared::built_once]
    pub async fn make_plan(&mut self, plan: &Plan) -> Result<(), LedgerError> {
        {
            query(
                "INSERT INTO replay_plans (replay, selection, planned_by, planned_at) VALUES ($1, $2, $3, $4)",
            )
            .bind(&plan.replay)
            .bind(&plan.selection)
            .bind(&plan.planned_by)
            .bind(plan.planned_at)
            .run(self)
            .await?;
        };
        Ok(())
    }

    /// Adds events to a plan, in the order of their numbers.
    #[shared::built_once]
    pub async fn add_items(&mut self, replay: &str, items: &[Item]) -> Result<(), LedgerError> {
        named(Rows::of(items), |item| &item.key)
            .time("created_at", |item| Some(item.key.created_at))
            .int("number", |item| item.number)
            .text("replay", |_| replay)
            .run(
                self,
                "INSERT INTO replay_items (replay, number, id, account, livemode, created_at, content_hash) \
                 SELECT replay, number, id, account, livemode, created_at, content_hash FROM input",
            )
            .await?;
        if items.iter().any(|item| item.body.is_some()) {
            self.check_body_keys().await?;
        }
        // Few: a file brings only what the ledger does not have.
        for item in items.iter().filter(|item| item.body.is_some()) {
            let body = item.body.clone().unwrap_or_default();
            let row = Row::ReplayItem { replay, number: item.number };
            let Kept { content, sealed_by } = self.body_keys().seal(body, row);
            query(
                "UPDATE replay_items SET header = $1, body = $2, sealed_by = $3 \
                 WHERE replay = $4 AND number = $5",
            )
            .bind(item.header.clone())
            .bind(content)
            .bind(sealed_by)
            .bind(replay)
            .bind(item.number)
            .run(&mut *self)
            .await?;
        }
        Ok(())
    }

    /// Removes the bodies that files brought for plans made up to a moment. What such a plan has not queued yet cannot run.
    #[shared::built_once]
    pub async fn forget_brought_bodies(&mut self, until: DateTime<Utc>) -> Result<u64, LedgerError> {
        query(
            "UPDATE replay_items SET header = NULL, body = NULL, sealed_by = NULL WHERE body IS NOT NULL \
             AND replay IN (SELECT replay FROM replay_plans WHERE planned_at <= $1)",
        )
        .bind(until)
        .run(self)
        .await
    }

    /// The next events of a plan that nobody has queued yet.
    #[shared::built_once]
    pub async fn next_items(&mut self, replay: &str, limit: i64) -> Result<Vec<Item>, LedgerError> {
        let found: Vec<KeptItem> = query(
            "SELECT number, id, account, livemode, created_at, content_hash, header, body, sealed_by FROM replay_items \
             WHERE replay = $1 AND queued_at IS NULL ORDER BY number LIMIT $2",
        )
        .bind(replay)
        .bind(limit)
        .all(self)
        .await?;
        let mut items = Vec::new();
        for KeptItem { mut item, sealed_by } in found {
            if let Some(content) = item.body.take() {
                let row = Row::ReplayItem { replay, number: item.number };
                let plain = self.body_keys().open(&content, sealed_by.as_deref(), row).map(Cow::into_owned);
                let unopened =
                    |fault| LedgerError::unopened("the body that a file brought,", &item.key.id, fault);
                item.body = Some(opened(plain)?.map_err(unopened)?);
            }
            items.push(item);
        }
        Ok(items)
    }

    #[shared::built_once]
    pub async fn mark_queued(
        &mut self,
        replay: &str,
        numbers: &[i64],
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        Rows::of(numbers)
            .int("queued_number", |number| *number)
            .text("queued_replay", |_| replay)
            .time("queued_now", |_| Some(now))
            .run(
                self,
                "UPDATE replay_items SET queued_at = queued_now FROM input \
                 WHERE replay_items.replay = queued_replay AND replay_items.number = queued_number",
            )
            .await?;
        Ok(())
    }

    /// The plans of staff, the newest first.
    #[shared::built_once]
    pub async fn plans(&mut self, part: &Part) -> Result<Page<Plan>, LedgerError> {
        let (at, replay) =
            part.after.as_ref().map(|place| (place.at, place.more.clone())).unwrap_or_default();
        let rows = query(AssertSqlSafe(format!(
            "SELECT {PLAN}, p.planned_at AS {POSITION} FROM replay_plans p \
             WHERE ($1 IS NULL OR (p.planned_at, p.replay) < ($1, $2)) \
             ORDER BY p.planned_at DESC, p.replay DESC LIMIT $3"
        )))
        .bind(at)
        .bind(replay)
        .bind(part.and_one().limit)
        .all(self)
        .await?;
        Ok(Page::of(rows, part, |plan: &Plan| (Key::default(), plan.replay.clone())))
    }
}

impl Ledger {
    /// The plan of that name.
    #[shared::built_once]
    pub async fn plan(&self, replay: &str) -> Result<Option<Plan>, LedgerError> {
        let mut tx = self.read().await?;
        query(AssertSqlSafe(format!("SELECT {PLAN} FROM replay_plans p WHERE p.replay = $1")))
            .bind(replay)
            .optional(&mut tx)
            .await
    }

    /// What has come of a replay so far.
    #[shared::built_once]
    pub async fn results(&self, replay: &str) -> Result<Vec<Came>, LedgerError> {
        let mut tx = self.read().await?;
        query(
            "SELECT outcome, reason, COUNT(*) AS events FROM replays WHERE replay = $1 \
                 GROUP BY outcome, reason ORDER BY COUNT(*) DESC",
        )
        .bind(replay)
        .all(&mut tx)
        .await
    }

    /// What has come of each event of a replay, the latest first.
    #[shared::built_once]
    pub async fn event_results(&self, replay: &str, limit: i64) -> Result<Vec<EventResult>, LedgerError> {
        let mut tx = self.read().await?;
        query(
            "SELECT id, account, livemode, outcome, reason, handled_at FROM replays WHERE replay = $1 \
                 ORDER BY handled_at DESC, id LIMIT $2",
        )
        .bind(replay)
        .bind(limit)
        .all(&mut tx)
        .await
    }
}
