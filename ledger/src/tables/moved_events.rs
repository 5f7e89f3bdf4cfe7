//! Moves events, their bodies and their names into the tables that know them by their identity, and gives the lines of
//! the audit the hash of their event. Between two migrations, in steps: what is cut off goes on where it was.

use chrono::DateTime;
use domain::event::EventKey;
use domain::identity::id_hash;
use domain::readable;
use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::tables::events::keyed;
use crate::{Ledger, LedgerError, Transaction};

/// The migration that makes the tables, and the one that drops the older ones.
pub(crate) const MADE: i64 = 37;
pub(crate) const DROPPED: i64 = 38;
/// In one transaction.
const AT_ONCE: i64 = 1_000;

const KEY: &str = "id, account, livemode, content_hash";
/// Every column of an event but its key.
const EVENT: &str = "type, api_version, received_at, recorded_at, source, endpoint, unwanted, trace_parent, outcome, \
    reason, attempts, retry_at, repetitions, further_deliveries, handler_version, fingerprint, first_failed_at, \
    last_failed_at, failures, object_id, customer, amount, currency, segment, place, erased_at";

readable! {
    struct Moving {
        key: EventKey,
    }
}

impl Ledger {
    pub(crate) async fn move_events(&self) -> Result<(), LedgerError> {
        // Those that ask the older events for `created` come first.
        let tables = [
            ("bodies", format!("{KEY}, body, sealed_by")),
            ("dead_letter_names", "object_id".to_owned()),
            ("events", format!("{KEY}, {EVENT}")),
        ];
        for (table, columns) in &tables {
            let mut after = EventKey::default();
            while let Some(last) = self.move_rows(table, columns, &after).await? {
                after = last;
            }
        }
        let mut after = String::new();
        while let Some(last) = self.hash_events_of_audit(&after).await? {
            after = last;
        }
        Ok(())
    }

    /// Moves rows after a key. Gives the last one; `None` where there is nothing left.
    async fn move_rows(
        &self,
        table: &str,
        columns: &str,
        after: &EventKey,
    ) -> Result<Option<EventKey>, LedgerError> {
        // One whose event is gone keeps its row.
        let sql = format!(
            "SELECT {KEY}, COALESCE((SELECT e.created_at FROM events_before e WHERE e.id = b.id AND e.account = b.account \
             AND e.livemode = b.livemode AND e.content_hash = b.content_hash), $1) AS created_at \
             FROM {table}_before b WHERE ({KEY}) > ($2, $3, $4, $5) ORDER BY {KEY} LIMIT $6"
        );
        let found = query(AssertSqlSafe(sql)).bind(DateTime::UNIX_EPOCH);
        let found = found.bind(&after.id).bind(&after.account).bind(after.livemode).bind(&after.content_hash);
        let found: Vec<Moving> = found.bind(AT_ONCE).all(&mut self.read().await?).await?;
        let mut keys: Vec<EventKey> = found.into_iter().map(|moving| moving.key).collect();
        let Some(last) = keys.last().cloned() else { return Ok(None) };
        keys.sort();
        keys.dedup();
        self.prepare_months(keys.iter().map(|key| key.created_at)).await?;
        let mut tx = self.begin().await?;
        tx.move_rows(table, columns, &keys).await?;
        tx.commit().await?;
        Ok(Some(last))
    }

    async fn hash_events_of_audit(&self, after: &str) -> Result<Option<String>, LedgerError> {
        let mut tx = self.begin().await?;
        let ids: Vec<String> = query(
            "SELECT DISTINCT event_id FROM audit WHERE event_id IS NOT NULL AND event_id > $1 AND event_hash IS NULL \
             ORDER BY event_id LIMIT $2",
        )
        .bind(after)
        .bind(AT_ONCE)
        .all(&mut tx)
        .await?;
        Rows::of(&ids)
            .text("moved_by", |id| id)
            .int("hash_of_it", |id| id_hash(id))
            .run(
                &mut tx,
                "UPDATE audit SET event_hash = input.hash_of_it FROM input WHERE audit.event_id = input.moved_by",
            )
            .await?;
        tx.commit().await?;
        Ok(ids.last().cloned())
    }
}

impl Transaction {
    async fn move_rows(&mut self, table: &str, columns: &str, keys: &[EventKey]) -> Result<(), LedgerError> {
        let input = || keyed(Rows::of(keys), |key| key);
        let named = columns.replace(", ", ", b.");
        let insert = format!(
            "INSERT INTO {table} (id_hash, rest_hash, created_at, {columns}) SELECT input.id_hash, input.rest_hash, \
             input.created_at, b.{named} FROM input JOIN {table}_before b ON b.id = input.id \
             AND b.account = input.account AND b.livemode = input.livemode AND b.content_hash = input.content_hash"
        );
        input().run(self, &insert).await?;
        let delete = format!("DELETE FROM {table}_before WHERE ({KEY}) IN (SELECT {KEY} FROM input)");
        input().run(self, &delete).await?;
        Ok(())
    }
}
