//! The tables `notices` and `notice_deliveries`: what is to be told, and to whom it has been.

use chrono::{DateTime, Utc};
use domain::Key;
use domain::notices::delivery::{Delivery, DeliveryState};
use domain::notices::{Notice, Target};
use domain::readable;
use domain::row::{Columns, Field};
use serde::Serialize;

use crate::engine::query::query;
use crate::engine::rows::{Rows, Statement};
use crate::{LedgerError, Transaction};

readable! {
    /// How many deliveries of a target are in a state, and since when.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct DeliveryCount {
        pub target: String,
        pub state: DeliveryState,
        pub deliveries: i64,
        pub since: Option<DateTime<Utc>>,
    }
}

impl Transaction {
    /// Notes what this transaction makes true, for every target that wants it. What was noted before stays as it is.
    /// Three statements, however many notices there are.
    #[shared::built_once]
    pub async fn note(&mut self, notices: Vec<Notice>) -> Result<usize, LedgerError> {
        if notices.is_empty() {
            return Ok(0);
        }
        let targets = self.notice_targets().await?;
        let (notices, mut deliveries) = domain::notices::routed(notices, &targets);
        let new = self.insert_notices(&notices).await?;
        deliveries.retain(|delivery| new.binary_search(&delivery.notice).is_ok());
        self.insert_deliveries(&deliveries).await?;
        Ok(new.len())
    }

    /// Sorted, and those only that nobody had noted.
    async fn insert_notices(&mut self, notices: &[Notice]) -> Result<Vec<String>, LedgerError> {
        let names = names_of::<Notice>();
        let text = format!(
            "INSERT INTO notices ({names}) SELECT {names} FROM input WHERE TRUE ON CONFLICT (id) DO NOTHING RETURNING id"
        );
        let new: Vec<(String,)> = Rows::of(notices).fields(|notice| notice).fetch(self, &text).await?;
        let mut new: Vec<String> = new.into_iter().map(|(id,)| id).collect();
        new.sort_unstable();
        Ok(new)
    }

    #[shared::built_once]
    pub async fn insert_deliveries(&mut self, deliveries: &[Delivery]) -> Result<u64, LedgerError> {
        let names = names_of::<Delivery>();
        let text = format!(
            "INSERT INTO notice_deliveries ({names}) SELECT {names} FROM input WHERE TRUE \
             ON CONFLICT (notice, target) DO NOTHING"
        );
        Rows::of(deliveries).fields(|delivery| delivery).run(self, &text).await
    }

    /// What is due for a target, the longest waiting first.
    #[shared::built_once]
    pub async fn due_deliveries(
        &mut self,
        target: &Target,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Delivery>, LedgerError> {
        let by_time = "SELECT * FROM notice_deliveries WHERE state = 'pending' AND target = $1 AND next_at <= $2 \
             ORDER BY next_at, notice LIMIT $3";
        // What waits in front of the others is looked at whether or not it is due.
        let in_order = "SELECT d.* FROM notice_deliveries d JOIN notices n ON n.id = d.notice \
             WHERE d.state = 'pending' AND d.target = $1 AND d.noted_at <= $2 \
             ORDER BY d.noted_at, n.object_id, n.number, d.notice LIMIT $3";
        query(if target.is_ordered { in_order } else { by_time })
            .bind(&target.name)
            .bind(now)
            .bind(limit)
            .all(self)
            .await
    }

    #[shared::built_once]
    pub async fn notices_of(&mut self, deliveries: &[Delivery]) -> Result<Vec<Notice>, LedgerError> {
        Rows::of(deliveries)
            .text("wanted", |delivery| &delivery.notice)
            .fetch(self, "SELECT notices.* FROM notices JOIN input ON notices.id = wanted")
            .await
    }

    /// Writes what came of deliveries that were pending. Whatever somebody did to them meanwhile stands.
    #[shared::built_once]
    pub async fn conclude_deliveries(&mut self, deliveries: &[Delivery]) -> Result<(), LedgerError> {
        let text = "UPDATE notice_deliveries SET state = input.state, attempts = input.attempts, \
             next_at = input.next_at, message = input.message, ended_at = input.ended_at FROM input \
             WHERE notice_deliveries.notice = input.notice AND notice_deliveries.target = input.target \
             AND notice_deliveries.state = 'pending'";
        Rows::of(deliveries).fields(|delivery| delivery).run(self, text).await?;
        Ok(())
    }

    /// What waits for a target that is disabled now is held.
    #[shared::built_once]
    pub async fn hold_deliveries(&mut self, target: &str) -> Result<u64, LedgerError> {
        query("UPDATE notice_deliveries SET state = 'held' WHERE target = $1 AND state = 'pending'")
            .bind(target)
            .run(self)
            .await
    }

    /// Sends again what was noted in a span: what a target missed, or all of it. Gives how many there are.
    #[shared::built_once]
    pub async fn replay_deliveries(
        &mut self,
        target: &Target,
        (since, until): (DateTime<Utc>, DateTime<Utc>),
        all: bool,
        (now, give_up_at): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<u64, LedgerError> {
        query(
            "UPDATE notice_deliveries SET state = 'pending', attempts = 0, next_at = $4, give_up_at = $5, \
             ended_at = NULL, message = NULL WHERE target = $1 AND noted_at >= $2 AND noted_at < $3 \
             AND (state IN ('held', 'failed') OR (state = 'delivered' AND $6))",
        )
        .bind(&target.name)
        .bind(since)
        .bind(until)
        .bind(now)
        .bind(give_up_at)
        .bind(all)
        .run(self)
        .await
    }

    /// Those of a span that are not old: for a target that was not there yet.
    #[shared::built_once]
    pub async fn notices_between(
        &mut self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Notice>, LedgerError> {
        query(
            "SELECT * FROM notices WHERE noted_at >= $1 AND noted_at < $2 AND id > $3 AND NOT is_old \
             ORDER BY id LIMIT $4",
        )
        .bind(since)
        .bind(until)
        .bind(after)
        .bind(limit)
        .all(self)
        .await
    }

    #[shared::built_once]
    pub async fn notice(&mut self, id: &str) -> Result<Option<Notice>, LedgerError> {
        query("SELECT * FROM notices WHERE id = $1").bind(id).optional(self).await
    }

    /// Those about several objects of these kinds, the latest ones, at most so many.
    #[shared::built_once]
    pub async fn notices_about(
        &mut self,
        subjects: &[(&str, Key)],
        limit: i64,
    ) -> Result<Vec<Notice>, LedgerError> {
        let text = format!(
            "SELECT notices.* FROM notices JOIN input ON object_id = of_id AND object_kind = of_kind \
             AND notices.account = of_account AND notices.livemode = of_livemode \
             ORDER BY noted_at DESC, notices.id LIMIT {limit}"
        );
        Rows::of(subjects)
            .text("of_kind", |(kind, _)| kind)
            .text("of_id", |(_, key)| &key.id)
            .text("of_account", |(_, key)| &key.account)
            .flag("of_livemode", |(_, key)| key.livemode)
            .fetch(self, &text)
            .await
    }

    #[shared::built_once]
    pub async fn deliveries_of(&mut self, notice: &str) -> Result<Vec<Delivery>, LedgerError> {
        query("SELECT * FROM notice_deliveries WHERE notice = $1 ORDER BY target")
            .bind(notice)
            .all(self)
            .await
    }

    /// Of the notices about an object, those of one kind that reached a target.
    #[shared::built_once]
    pub async fn has_reached(&mut self, target: &str, kind: &str, object: &str) -> Result<bool, LedgerError> {
        let found: Vec<(String,)> = query(
            "SELECT n.id FROM notices n JOIN notice_deliveries d ON d.notice = n.id WHERE n.object_id = $1 \
             AND n.kind = $2 AND d.target = $3 AND d.state = 'delivered' LIMIT 1",
        )
        .bind(object)
        .bind(kind)
        .bind(target)
        .all(self)
        .await?;
        Ok(!found.is_empty())
    }

    /// How much waits, failed and is held, for each target.
    #[shared::built_once]
    pub async fn delivery_counts(&mut self) -> Result<Vec<DeliveryCount>, LedgerError> {
        query(
            "SELECT target, state, COUNT(*) AS deliveries, MIN(noted_at) AS since FROM \
             (SELECT target, state, noted_at FROM notice_deliveries WHERE state = 'pending' ORDER BY target, noted_at LIMIT 10000) p \
             GROUP BY target, state UNION ALL SELECT target, state, COUNT(*), MIN(noted_at) FROM \
             (SELECT target, state, noted_at FROM notice_deliveries WHERE state = 'failed' ORDER BY ended_at DESC LIMIT 10000) f \
             GROUP BY target, state ORDER BY 1, 2",
        )
        .all(self)
        .await
    }

    /// Forgets what was noted before a moment, with its deliveries.
    #[shared::built_once]
    pub async fn remove_notices(&mut self, before: DateTime<Utc>) -> Result<u64, LedgerError> {
        query("DELETE FROM notice_deliveries WHERE noted_at < $1 AND state <> 'pending'")
            .bind(before)
            .run(self)
            .await?;
        query(
            "DELETE FROM notices WHERE noted_at < $1 AND NOT EXISTS \
             (SELECT 1 FROM notice_deliveries d WHERE d.notice = notices.id)",
        )
        .bind(before)
        .run(self)
        .await
    }

    #[shared::built_once]
    pub async fn is_suppressed(&mut self, hash: &str) -> Result<bool, LedgerError> {
        let found: Option<(String,)> =
            query("SELECT hash FROM suppressed_addresses WHERE hash = $1").bind(hash).optional(self).await?;
        Ok(found.is_some())
    }

    #[shared::built_once]
    pub async fn suppress(
        &mut self,
        hash: &str,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        query(
            "INSERT INTO suppressed_addresses (hash, reason, since) VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING",
        )
        .bind(hash)
        .bind(reason)
        .bind(now)
        .run(self)
        .await?;
        Ok(())
    }

    /// Whether it was suppressed.
    #[shared::built_once]
    pub async fn lift_suppression(&mut self, hash: &str) -> Result<bool, LedgerError> {
        let lifted = query("DELETE FROM suppressed_addresses WHERE hash = $1").bind(hash).run(self).await?;
        Ok(lifted > 0)
    }

    /// Adds a notice that goes to one target alone.
    #[shared::built_once]
    pub async fn note_for(&mut self, notice: &Notice, delivery: &Delivery) -> Result<(), LedgerError> {
        self.insert_notices(std::slice::from_ref(notice)).await?;
        self.insert_deliveries(std::slice::from_ref(delivery)).await?;
        Ok(())
    }

    pub(crate) async fn write_target(&mut self, target: &Target) -> Result<(), LedgerError> {
        let set: Vec<String> = names_of::<Target>()
            .split(", ")
            .filter(|name| *name != "name")
            .map(|name| format!("{name} = input.{name}"))
            .collect();
        let text = format!(
            "UPDATE notice_targets SET {} FROM input WHERE notice_targets.name = input.name",
            set.join(", ")
        );
        self.run_together(vec![Statement::of_fields(&[target], text)]).await
    }
}

pub(crate) fn names_of<F: Field>() -> String {
    let mut columns = Columns::new();
    F::columns("", &[], &mut columns);
    columns.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}
