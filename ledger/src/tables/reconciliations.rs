//! The tables `reconciliations`, `reconciliation_lines` and `reconciliation_findings`: what came of comparing each day,
//! and what still differs.

use chrono::{DateTime, Utc};
use domain::readable;
use domain::reconciliation::{Category, Difference, Line, Verdict};
use serde::Serialize;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::{LedgerError, Transaction};

readable! {
    /// What came of comparing one day.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Reconciliation {
        pub day: String,
        pub account: String,
        pub livemode: bool,
        pub verdict: Verdict,
        pub transactions: i64,
        pub differences: i64,
        pub awaited: i64,
        pub reason: Option<String>,
        pub compared_at: DateTime<Utc>,
    }
}

readable! {
    /// The sums of one currency and category of a day.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct StoredLine {
        pub currency: String,
        pub category: Category,
        pub transactions: i64,
        pub stripe_amount: i64,
        pub ledger_amount: i64,
        pub fee: i64,
        pub net: i64,
        pub differing: i64,
    }
}

readable! {
    /// One difference, for as long as it lasts and after.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Finding {
        pub id: String,
        pub account: String,
        pub livemode: bool,
        pub day: String,
        pub kind: String,
        pub subject: String,
        pub currency: String,
        pub stripe_amount: Option<i64>,
        pub ledger_amount: Option<i64>,
        pub state: String,
        pub first_found_at: DateTime<Utc>,
        pub last_found_at: DateTime<Utc>,
        pub resolved_at: Option<DateTime<Utc>>,
        pub note: Option<String>,
        pub noted_by: Option<String>,
        pub noted_at: Option<DateTime<Utc>>,
    }
}

/// The id of a difference: the same in every run.
fn finding_id(day: &str, difference: &Difference) -> String {
    format!("{day}/{}/{}", difference.kind, difference.subject)
}

impl Transaction {
    /// Replaces what was known of a day. What differed and no longer does is resolved by that; what differs again is
    /// open again.
    pub async fn keep_reconciliation(
        &mut self,
        run: &Reconciliation,
        lines: &[((String, Category), Line)],
        differences: &[Difference],
    ) -> Result<(), LedgerError> {
        query(
            "INSERT INTO reconciliations (day, account, livemode, verdict, transactions, differences, awaited, reason, \
             compared_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (day, account, livemode) \
             DO UPDATE SET verdict = excluded.verdict, transactions = excluded.transactions, \
             differences = excluded.differences, awaited = excluded.awaited, reason = excluded.reason, \
             compared_at = excluded.compared_at",
        )
        .bind(&run.day)
        .bind(&run.account)
        .bind(run.livemode)
        .bind(run.verdict.as_str())
        .bind(run.transactions)
        .bind(run.differences)
        .bind(run.awaited)
        .bind(run.reason.clone())
        .bind(run.compared_at)
        .run(self)
        .await?;
        query("DELETE FROM reconciliation_lines WHERE day = $1 AND account = $2 AND livemode = $3")
            .bind(&run.day)
            .bind(&run.account)
            .bind(run.livemode)
            .run(self)
            .await?;
        Rows::of(lines)
            .text("currency", |((currency, _), _)| currency)
            .text("category", |((_, category), _)| category.as_str())
            .text("day", |_| &run.day)
            .text("account", |_| &run.account)
            .flag("livemode", |_| run.livemode)
            .int("transactions", |(_, line)| line.transactions)
            .int("stripe_amount", |(_, line)| line.stripe_amount)
            .int("ledger_amount", |(_, line)| line.ledger_amount)
            .int("fee", |(_, line)| line.fee)
            .int("net", |(_, line)| line.net)
            .int("differing", |(_, line)| line.differing)
            .run(
                self,
                "INSERT INTO reconciliation_lines (day, account, livemode, currency, category, transactions, \
                 stripe_amount, ledger_amount, fee, net, differing) SELECT day, account, livemode, currency, category, \
                 transactions, stripe_amount, ledger_amount, fee, net, differing FROM input",
            )
            .await?;
        self.keep_findings(run, differences).await
    }

    async fn keep_findings(
        &mut self,
        run: &Reconciliation,
        differences: &[Difference],
    ) -> Result<(), LedgerError> {
        let mut found: Vec<(String, &Difference)> =
            differences.iter().map(|difference| (finding_id(&run.day, difference), difference)).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found.dedup_by(|a, b| a.0 == b.0);
        Rows::of(&found)
            .text("id", |(id, _)| id)
            .text("account", |_| &run.account)
            .flag("livemode", |_| run.livemode)
            .text("day", |_| &run.day)
            .text("kind", |(_, it)| it.kind.as_str())
            .text("subject", |(_, it)| &it.subject)
            .text("currency", |(_, it)| &it.currency)
            .maybe_int("stripe_amount", |(_, it)| it.stripe_amount)
            .maybe_int("ledger_amount", |(_, it)| it.ledger_amount)
            .time("found_at", |_| Some(run.compared_at))
            .run(
                self,
                "INSERT INTO reconciliation_findings (id, account, livemode, day, kind, subject, currency, \
                 stripe_amount, ledger_amount, state, first_found_at, last_found_at) \
                 SELECT id, account, livemode, day, kind, subject, currency, stripe_amount, ledger_amount, 'open', \
                 found_at, found_at FROM input WHERE TRUE ON CONFLICT (id, account, livemode) DO UPDATE SET \
                 stripe_amount = excluded.stripe_amount, ledger_amount = excluded.ledger_amount, \
                 last_found_at = excluded.last_found_at, resolved_at = NULL, \
                 state = CASE WHEN reconciliation_findings.state = 'resolved' THEN 'open' \
                 ELSE reconciliation_findings.state END",
            )
            .await?;
        if run.verdict == Verdict::Incomplete {
            return Ok(()); // what was not looked at is not gone
        }
        query(
            "UPDATE reconciliation_findings SET state = 'resolved', resolved_at = $4 \
             WHERE day = $1 AND account = $2 AND livemode = $3 AND state <> 'resolved' AND last_found_at < $4",
        )
        .bind(&run.day)
        .bind(&run.account)
        .bind(run.livemode)
        .bind(run.compared_at)
        .run(self)
        .await?;
        Ok(())
    }

    /// The days that were compared, newest first.
    pub async fn reconciliations(
        &mut self,
        livemode: Option<bool>,
        limit: i64,
    ) -> Result<Vec<Reconciliation>, LedgerError> {
        query(
            "SELECT * FROM reconciliations WHERE livemode = COALESCE($1, livemode) \
             ORDER BY day DESC, account, livemode LIMIT $2",
        )
        .bind(livemode)
        .bind(limit)
        .all(self)
        .await
    }

    pub async fn reconciliation_lines(
        &mut self,
        run: &Reconciliation,
    ) -> Result<Vec<StoredLine>, LedgerError> {
        query(
            "SELECT currency, category, transactions, stripe_amount, ledger_amount, fee, net, differing \
             FROM reconciliation_lines WHERE day = $1 AND account = $2 AND livemode = $3 ORDER BY currency, category",
        )
        .bind(&run.day)
        .bind(&run.account)
        .bind(run.livemode)
        .all(self)
        .await
    }

    /// Differences, the newest day first; those that are gone only where they are asked for.
    pub async fn findings(&mut self, with_resolved: bool, limit: i64) -> Result<Vec<Finding>, LedgerError> {
        query(
            "SELECT * FROM reconciliation_findings WHERE ($1 OR state <> 'resolved') \
             ORDER BY day DESC, id, account, livemode LIMIT $2",
        )
        .bind(with_resolved)
        .bind(limit)
        .all(self)
        .await
    }

    /// Notes on a finding why it is known; gives the accounts and modes that have it and where it lasts.
    pub async fn acknowledge_finding(
        &mut self,
        id: &str,
        note: &str,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, bool)>, LedgerError> {
        query(
            "UPDATE reconciliation_findings SET state = 'acknowledged', note = $2, noted_by = $3, noted_at = $4 \
             WHERE id = $1 AND state <> 'resolved' RETURNING account, livemode",
        )
        .bind(id)
        .bind(note)
        .bind(by)
        .bind(now)
        .all(self)
        .await
    }
}
