//! The tables `reconciliations`, `reconciliation_lines`, `reconciliation_payouts` and `reconciliation_balances`: what
//! came of comparing each day.

use chrono::{DateTime, Utc};
use domain::reconciliation::{Category, Line, PaidInvoice, PayoutOutcome, Verdict};
use domain::{Key, readable};
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::views::search::Whose;
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
        /// Those of them that staff accepted as they are.
        pub accepted: i64,
        pub awaited: i64,
        /// Everything in it has settled: by the clock it is compared again only while something differs.
        pub is_final: bool,
        pub reason: Option<String>,
        pub compared_at: DateTime<Utc>,
    }
}

readable! {
    /// A payout of a day beside the sum of its transactions.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct StoredPayout {
        pub payout: String,
        pub currency: String,
        pub amount: i64,
        pub items: i64,
        pub items_net: i64,
        pub outcome: PayoutOutcome,
    }
}

readable! {
    /// A currency's balance over a day.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct StoredBalance {
        pub currency: String,
        pub opening: i64,
        pub movements: i64,
        pub closing: i64,
        /// It follows from what Stripe said its balance was, not from the day before.
        pub is_stated: bool,
    }
}

/// What belongs to a day beside its row.
#[derive(Clone, Debug, Default)]
pub struct DayParts {
    pub lines: Vec<((String, Category), Line)>,
    pub payouts: Vec<StoredPayout>,
    pub balances: Vec<StoredBalance>,
}

readable! {
    /// When a payout was made, and when its transactions were complete.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct CompletedPayout {
        pub made_at: DateTime<Utc>,
        pub reconciled_at: DateTime<Utc>,
    }
}

const OF_DAY: &str = "day = $1 AND account = $2 AND livemode = $3";

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

impl Transaction {
    /// Replaces what was known of a day.
    #[shared::built_once]
    pub async fn keep_reconciliation(
        &mut self,
        run: &Reconciliation,
        parts: &DayParts,
    ) -> Result<(), LedgerError> {
        query(
            "INSERT INTO reconciliations (day, account, livemode, verdict, transactions, differences, accepted, \
             awaited, is_final, reason, compared_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (day, account, livemode) DO UPDATE SET verdict = excluded.verdict, \
             transactions = excluded.transactions, differences = excluded.differences, \
             accepted = excluded.accepted, awaited = excluded.awaited, is_final = excluded.is_final, \
             reason = excluded.reason, compared_at = excluded.compared_at",
        )
        .bind(&run.day)
        .bind(&run.account)
        .bind(run.livemode)
        .bind(run.verdict.as_str())
        .bind(run.transactions)
        .bind(run.differences)
        .bind(run.accepted)
        .bind(run.awaited)
        .bind(run.is_final)
        .bind(run.reason.clone())
        .bind(run.compared_at)
        .run(self)
        .await?;
        for table in ["reconciliation_lines", "reconciliation_payouts", "reconciliation_balances"] {
            let text = format!("DELETE FROM {table} WHERE {OF_DAY}");
            query(AssertSqlSafe(text)).bind(&run.day).bind(&run.account).bind(run.livemode).run(self).await?;
        }
        self.append_day_parts(run, parts).await
    }

    async fn append_day_parts(&mut self, run: &Reconciliation, parts: &DayParts) -> Result<(), LedgerError> {
        Rows::of(&parts.lines)
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
        Rows::of(&parts.payouts)
            .text("payout", |it| &it.payout)
            .text("day", |_| &run.day)
            .text("account", |_| &run.account)
            .flag("livemode", |_| run.livemode)
            .text("currency", |it| &it.currency)
            .int("amount", |it| it.amount)
            .int("items", |it| it.items)
            .int("items_net", |it| it.items_net)
            .text("outcome", |it| it.outcome.as_str())
            .run(
                self,
                "INSERT INTO reconciliation_payouts (day, account, livemode, payout, currency, amount, items, items_net, \
                 outcome) SELECT day, account, livemode, payout, currency, amount, items, items_net, outcome FROM input",
            )
            .await?;
        Rows::of(&parts.balances)
            .text("currency", |it| &it.currency)
            .text("day", |_| &run.day)
            .text("account", |_| &run.account)
            .flag("livemode", |_| run.livemode)
            .int("opening", |it| it.opening)
            .int("movements", |it| it.movements)
            .int("closing", |it| it.closing)
            .flag("is_stated", |it| it.is_stated)
            .run(
                self,
                "INSERT INTO reconciliation_balances (day, account, livemode, currency, opening, movements, closing, \
                 is_stated) SELECT day, account, livemode, currency, opening, movements, closing, is_stated FROM input",
            )
            .await?;
        Ok(())
    }

    /// The run of one day.
    #[shared::built_once]
    pub async fn reconciliation(
        &mut self,
        day: &str,
        whose: &Key,
    ) -> Result<Option<Reconciliation>, LedgerError> {
        let text = format!("SELECT * FROM reconciliations WHERE {OF_DAY}");
        query(AssertSqlSafe(text)).bind(day).bind(&whose.account).bind(whose.livemode).optional(self).await
    }

    /// A day that was compared to its end stays as it was found, and is due again as if it had been read now.
    #[shared::built_once]
    pub async fn put_off_reconciliation(
        &mut self,
        day: &str,
        whose: &Key,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let text = format!("UPDATE reconciliations SET compared_at = $4 WHERE {OF_DAY}");
        let update = query(AssertSqlSafe(text)).bind(day).bind(&whose.account).bind(whose.livemode);
        update.bind(now).run(self).await.map(drop)
    }

    #[shared::built_once]
    pub async fn reconciliation_payouts(
        &mut self,
        day: &str,
        whose: &Key,
    ) -> Result<Vec<StoredPayout>, LedgerError> {
        let text = format!("SELECT * FROM reconciliation_payouts WHERE {OF_DAY} ORDER BY payout");
        query(AssertSqlSafe(text)).bind(day).bind(&whose.account).bind(whose.livemode).all(self).await
    }

    #[shared::built_once]
    pub async fn reconciliation_balances(
        &mut self,
        day: &str,
        whose: &Key,
    ) -> Result<Vec<StoredBalance>, LedgerError> {
        let text = format!("SELECT * FROM reconciliation_balances WHERE {OF_DAY} ORDER BY currency");
        query(AssertSqlSafe(text)).bind(day).bind(&whose.account).bind(whose.livemode).all(self).await
    }

    /// Payouts whose transactions became complete since a moment.
    #[shared::built_once]
    pub async fn completed_payouts(
        &mut self,
        whose: &Key,
        since: DateTime<Utc>,
    ) -> Result<Vec<CompletedPayout>, LedgerError> {
        query(
            "SELECT COALESCE(created_at, first_event_at) AS made_at, reconciled_at FROM payouts \
             WHERE reconciled_at >= $1 AND account = $2 AND livemode = $3 AND automatic \
             AND COALESCE(created_at, first_event_at) IS NOT NULL ORDER BY id",
        )
        .bind(since)
        .bind(&whose.account)
        .bind(whose.livemode)
        .all(self)
        .await
    }

    /// Stripe's invoices that were paid within a span, beside what their payments come to.
    #[shared::built_once]
    pub async fn paid_invoices(
        &mut self,
        whose: &Key,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<PaidInvoice>, LedgerError> {
        query(
            "SELECT id, currency, stripe_amount_paid AS stated, \
             (SELECT COUNT(*) FROM invoice_payments p WHERE p.invoice = invoices.id AND p.account = invoices.account \
             AND p.livemode = invoices.livemode AND p.status = 'paid') AS items, \
             CAST(COALESCE((SELECT SUM(p.amount_paid) FROM invoice_payments p WHERE p.invoice = invoices.id \
             AND p.account = invoices.account AND p.livemode = invoices.livemode AND p.status = 'paid'), 0) AS BIGINT) \
             AS itemised, \
             CAST(COALESCE((SELECT SUM(p.amount_paid) FROM invoice_payments p WHERE p.invoice = invoices.id \
             AND p.account = invoices.account AND p.livemode = invoices.livemode AND p.status = 'paid' \
             AND p.payment IS NOT NULL), 0) AS BIGINT) AS by_payments, \
             CAST(COALESCE((SELECT SUM(p.amount_received) FROM payments p WHERE p.invoice = invoices.id \
             AND p.account = invoices.account AND p.livemode = invoices.livemode AND p.status = 'succeeded'), 0) \
             AS BIGINT) AS received FROM invoices WHERE paid_at >= $1 AND paid_at < $2 AND account = $3 \
             AND livemode = $4 AND is_stripes AND stripe_status = 'paid' AND NOT paid_out_of_band \
             AND stripe_amount_paid > 0 ORDER BY id",
        )
        .bind(from)
        .bind(until)
        .bind(&whose.account)
        .bind(whose.livemode)
        .all(self)
        .await
    }

    /// The days that were compared, newest first.
    #[shared::built_once]
    pub async fn reconciliations(
        &mut self,
        whose: &Whose,
        limit: i64,
    ) -> Result<Vec<Reconciliation>, LedgerError> {
        query(
            "SELECT * FROM reconciliations WHERE livemode = COALESCE($1, livemode) \
             AND account = COALESCE($2, account) ORDER BY day DESC, account, livemode LIMIT $3",
        )
        .bind(whose.livemode)
        .bind(whose.account.clone())
        .bind(limit)
        .all(self)
        .await
    }

    #[shared::built_once]
    pub async fn reconciliation_lines(
        &mut self,
        day: &str,
        whose: &Key,
    ) -> Result<Vec<StoredLine>, LedgerError> {
        query(
            "SELECT currency, category, transactions, stripe_amount, ledger_amount, fee, net, differing \
             FROM reconciliation_lines WHERE day = $1 AND account = $2 AND livemode = $3 ORDER BY currency, category",
        )
        .bind(day)
        .bind(&whose.account)
        .bind(whose.livemode)
        .all(self)
        .await
    }
}
