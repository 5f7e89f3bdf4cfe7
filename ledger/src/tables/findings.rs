//! The tables `findings` and `finding_history`: what checks turned up, and what became of it. A run locks the findings
//! of its scope in the order of their ids; whoever acts locks one.

use chrono::{DateTime, Utc};
use domain::Key;
use domain::findings::{Check, Finding, Past, Step, TABLE};
use domain::row::{Columns, Field};
use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::{LedgerError, Transaction};

/// A step beside the finding that took it, and what was known then.
#[derive(Debug)]
pub struct Told<'a> {
    pub finding: &'a Finding,
    pub step: Step,
    pub evidence: String,
}

impl<'a> Told<'a> {
    pub fn of(finding: &'a Finding, step: Step) -> Self {
        Self { evidence: finding.evidence(), finding, step }
    }
}

impl Transaction {
    #[shared::built_once]
    pub async fn finding(&mut self, id: &str) -> Result<Option<Finding>, LedgerError> {
        query("SELECT * FROM findings WHERE id = $1").bind(id).optional(self).await
    }

    #[shared::built_once]
    pub async fn lock_finding(&mut self, id: &str) -> Result<Option<Finding>, LedgerError> {
        self.lock_one(TABLE, id).await
    }

    /// Locks those of these ids that are known, and what is not resolved of the scope, where there is one.
    #[shared::built_once]
    pub async fn lock_findings(
        &mut self,
        check: Check,
        scope: &Key,
        ids: &[String],
    ) -> Result<Vec<Finding>, LedgerError> {
        let lock = if self.is_alone() { "" } else { " FOR NO KEY UPDATE" };
        let mut sorted: Vec<&str> = ids.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        sorted.dedup();
        if scope.id.is_empty() {
            // Asked for both at once, Postgres reads the whole table.
            let text =
                format!("SELECT * FROM findings WHERE id IN (SELECT wanted FROM input) ORDER BY id{lock}");
            return Rows::of(&sorted).text("wanted", |id| id).fetch(self, &text).await;
        }
        if sorted.is_empty() {
            sorted.push(""); // no id, and the statement is asked for the scope all the same
        }
        Rows::of(&sorted)
            .text("wanted", |id| id)
            .text("by", |_| check.as_str())
            .text("of_scope", |_| &scope.id)
            .text("of_account", |_| &scope.account)
            .flag("of_livemode", |_| scope.livemode)
            .fetch(
                self,
                &format!(
                    "SELECT * FROM findings WHERE id IN (SELECT wanted FROM input) OR (state <> 'resolved' \
                     AND found_by IN (SELECT by FROM input) AND scope IN (SELECT of_scope FROM input) \
                     AND account IN (SELECT of_account FROM input) AND livemode IN (SELECT of_livemode FROM input)) \
                     ORDER BY id{lock}"
                ),
            )
            .await
    }

    /// Whether a check found something about a scope that nobody has resolved.
    #[shared::built_once]
    pub async fn has_findings(&mut self, check: Check, scope: &Key) -> Result<bool, LedgerError> {
        let found: Option<Finding> = query(
            "SELECT * FROM findings WHERE found_by = $1 AND scope = $2 AND account = $3 AND livemode = $4 \
             AND state <> 'resolved' LIMIT 1",
        )
        .bind(check.as_str())
        .bind(&scope.id)
        .bind(&scope.account)
        .bind(scope.livemode)
        .optional(self)
        .await?;
        Ok(found.is_some())
    }

    /// Those of a check and of these kinds that nobody has resolved, that were found for the last time before a moment, and
    /// whose pause, if they have one, is over; the oldest.
    #[shared::built_once]
    pub async fn findings_not_found_since(
        &mut self,
        check: Check,
        kinds: &[&str],
        moment: DateTime<Utc>,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Key>, LedgerError> {
        let text = format!(
            "SELECT id, account, livemode FROM findings WHERE found_by = $1 AND state <> 'resolved' \
             AND last_found_at < $2 AND (state <> 'snoozed' OR snoozed_until <= $3) AND kind IN ('{}') \
             ORDER BY last_found_at, id LIMIT $4",
            kinds.join("', '")
        );
        query(AssertSqlSafe(text)).bind(check.as_str()).bind(moment).bind(now).bind(limit).all(self).await
    }

    /// Those that another run has found meanwhile stay as they are.
    #[shared::built_once]
    pub async fn insert_findings(&mut self, findings: &[&Finding]) -> Result<(), LedgerError> {
        let names = columns().join(", ");
        let text = format!(
            "INSERT INTO findings ({names}) SELECT {names} FROM input WHERE TRUE ON CONFLICT (id) DO NOTHING"
        );
        Rows::of(findings).fields(|finding| *finding).run(self, &text).await?;
        Ok(())
    }

    /// Writes what this transaction has locked.
    #[shared::built_once]
    pub async fn write_findings(&mut self, findings: &[&Finding]) -> Result<(), LedgerError> {
        let set = columns().into_iter().filter(|name| *name != "id");
        let set: Vec<String> = set.map(|name| format!("{name} = input.{name}")).collect();
        let text = format!("UPDATE findings SET {} FROM input WHERE findings.id = input.id", set.join(", "));
        Rows::of(findings).fields(|finding| *finding).run(self, &text).await?;
        Ok(())
    }

    /// Appends one line to the history of each; they are numbered under the locks of their findings.
    #[shared::built_once]
    pub async fn append_finding_history(
        &mut self,
        told: &[Told<'_>],
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        Rows::of(told)
            .text("finding", |told| &told.finding.key.id)
            .text("step", |told| told.step.kind.as_str())
            .text("done_by", |_| by)
            .maybe_text("note", |told| told.step.note.as_deref())
            .text("evidence", |told| &told.evidence)
            .time("at", |_| Some(now))
            .run(
                self,
                "INSERT INTO finding_history (finding, number, step, done_by, note, evidence, at) \
                 SELECT finding, (SELECT COALESCE(MAX(h.number), 0) + 1 FROM finding_history h \
                 WHERE h.finding = input.finding), step, done_by, note, evidence, at FROM input",
            )
            .await?;
        Ok(())
    }

    /// What happened to a finding, oldest first.
    #[shared::built_once]
    pub async fn finding_history(&mut self, id: &str) -> Result<Vec<Past>, LedgerError> {
        query(
            "SELECT number, step, done_by, note, evidence, at FROM finding_history WHERE finding = $1 ORDER BY number",
        )
        .bind(id)
        .all(self)
        .await
    }
}

fn columns() -> Vec<&'static str> {
    let mut columns = Columns::new();
    Finding::columns("", &[], &mut columns);
    columns.into_iter().map(|(name, _)| name).collect()
}
