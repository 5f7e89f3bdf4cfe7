//! The table `balance_transactions`: what moved Stripe's balance, as it was read.

use chrono::{DateTime, Utc};
use domain::Key;
use domain::reconciliation::{BalanceTransaction, PayoutItems, Unmoved};

use crate::engine::query::query;
use crate::engine::rows::{Rows, by_parent};
use crate::releases::was_released;
use crate::{LedgerError, Transaction};

impl Transaction {
    /// Stores what Stripe listed; what is known already is as Stripe says now. Each may be named once, in order of keys.
    #[shared::built_once]
    pub async fn keep_balance_transactions(
        &mut self,
        transactions: &[BalanceTransaction],
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        Rows::of(transactions)
            .fields(|it| &it.key)
            .text("type", |it| &it.kind)
            .text("reporting_category", |it| &it.reporting_category)
            .int("amount", |it| it.amount)
            .int("fee", |it| it.fee)
            .int("net", |it| it.net)
            .text("currency", |it| &it.currency)
            .maybe_text("exchange_rate", |it| it.exchange_rate.as_deref())
            .maybe_text("source", |it| it.source.as_deref())
            .maybe_text("payout", |it| it.payout.as_deref())
            .text("status", |it| &it.status)
            .maybe_text("balance_type", |it| it.balance_type.as_deref())
            .time("created_at", |it| Some(it.created_at))
            .time("available_at", |it| it.available_at)
            .time("read_at", |_| Some(now))
            .run(
                self,
                "INSERT INTO balance_transactions (id, account, livemode, type, reporting_category, amount, fee, net, \
                 currency, exchange_rate, source, payout, status, balance_type, created_at, available_at, read_at) \
                 SELECT id, account, livemode, type, reporting_category, amount, fee, net, currency, exchange_rate, \
                 source, payout, status, balance_type, created_at, available_at, read_at FROM input WHERE TRUE \
                 ON CONFLICT (id, account, livemode) DO UPDATE SET type = excluded.type, \
                 reporting_category = excluded.reporting_category, amount = excluded.amount, fee = excluded.fee, \
                 net = excluded.net, currency = excluded.currency, exchange_rate = excluded.exchange_rate, \
                 source = excluded.source, status = excluded.status, balance_type = excluded.balance_type, \
                 available_at = excluded.available_at, \
                 payout = COALESCE(excluded.payout, balance_transactions.payout), read_at = excluded.read_at",
            )
            .await?;
        Ok(())
    }

    /// Those of a span, oldest first.
    #[shared::built_once]
    pub async fn balance_transactions_within(
        &mut self,
        whose: &Key,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<BalanceTransaction>, LedgerError> {
        query(
            "SELECT * FROM balance_transactions WHERE created_at >= $1 AND created_at < $2 \
             AND account = $3 AND livemode = $4 ORDER BY created_at, id",
        )
        .bind(from)
        .bind(until)
        .bind(&whose.account)
        .bind(whose.livemode)
        .all(self)
        .await
    }

    /// All that are known about these objects, whatever their day. Each may be named once.
    #[shared::built_once]
    pub async fn balance_transactions_about(
        &mut self,
        sources: &[Key],
    ) -> Result<Vec<BalanceTransaction>, LedgerError> {
        by_parent(sources)
            .fetch(
                self,
                "SELECT b.* FROM balance_transactions b JOIN input ON b.source = parent \
                 AND b.account = parent_account AND b.livemode = parent_livemode",
            )
            .await
    }

    /// Objects of a span that should have moved the balance and that no transaction names.
    #[shared::built_once]
    pub async fn unmoved(
        &mut self,
        whose: &Key,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Unmoved>, LedgerError> {
        query(UNMOVED).bind(from).bind(until).bind(&whose.account).bind(whose.livemode).all(self).await
    }

    /// What Stripe put into a payout, summed by kind and direction; the payout's own movement is not among it.
    #[shared::built_once]
    pub async fn payout_items(&mut self, payout: &Key) -> Result<Vec<PayoutItems>, LedgerError> {
        query(
            "SELECT type, reporting_category, CAST(SUM(amount) AS BIGINT) AS amount, CAST(SUM(fee) AS BIGINT) AS fee \
             FROM balance_transactions WHERE payout = $1 AND account = $2 AND livemode = $3 AND COALESCE(source, '') <> payout \
             AND COALESCE(balance_type, 'payments') = 'payments' GROUP BY type, reporting_category, \
             balance_transactions.amount > 0 ORDER BY type, reporting_category, 3",
        )
        .bind(&payout.id)
        .bind(&payout.account)
        .bind(payout.livemode)
        .all(self)
        .await
    }

    /// What moved the balance from a moment on, by currency.
    #[shared::built_once]
    pub async fn moved_since(
        &mut self,
        whose: &Key,
        from: DateTime<Utc>,
    ) -> Result<Vec<(String, i64)>, LedgerError> {
        query(
            "SELECT currency, CAST(SUM(net) AS BIGINT) FROM balance_transactions WHERE created_at >= $1 \
             AND account = $2 AND livemode = $3 AND COALESCE(balance_type, 'payments') = 'payments' \
             GROUP BY currency ORDER BY currency",
        )
        .bind(from)
        .bind(&whose.account)
        .bind(whose.livemode)
        .all(self)
        .await
    }
}

/// The condition that a row of a table is of the span, account and mode, and that nothing of these types moved for it.
macro_rules! unmoved {
    ($table:literal, $moment:literal, $types:literal) => {
        concat!(
            $moment,
            " >= $1 AND ",
            $moment,
            " < $2 AND account = $3 AND livemode = $4 AND NOT EXISTS (SELECT 1 FROM balance_transactions b WHERE b.source = ",
            $table,
            ".id AND b.account = ",
            $table,
            ".account AND b.livemode = ",
            $table,
            ".livemode",
            $types,
            ")"
        )
    };
}

/// The condition that something of these types did move for a row.
macro_rules! moved {
    ($table:literal, $types:literal) => {
        concat!(
            " AND EXISTS (SELECT 1 FROM balance_transactions m WHERE m.source = ",
            $table,
            ".id AND m.account = ",
            $table,
            ".account AND m.livemode = ",
            $table,
            ".livemode AND m.type IN (",
            $types,
            "))"
        )
    };
}

const UNMOVED: &str = concat!(
    "SELECT 'charge' AS kind, id, amount_captured AS amount, currency, captured_at AS since FROM charges \
     WHERE status = 'succeeded' AND amount_captured > 0 AND ",
    unmoved!("charges", "COALESCE(created_at, first_event_at)", ""),
    // Not captured yet, and not given up; a bank debit that is on its way.
    " UNION ALL SELECT 'open_charge', id, amount, currency, created_at FROM charges WHERE amount_captured = 0 \
     AND status IN ('succeeded', 'pending') AND amount > 0 AND amount_released = 0 AND NOT given_up AND ",
    unmoved!("charges", "COALESCE(created_at, first_event_at)", ""),
    " UNION ALL SELECT 'payment_failure', c.id, -c.amount, c.currency, f.failed_at FROM payment_failures f \
     JOIN charges c ON c.id = f.charge AND c.account = f.account AND c.livemode = f.livemode \
     WHERE f.failed_at >= $1 AND f.failed_at < $2 AND f.account = $3 AND f.livemode = $4 AND f.payment IS NOT NULL \
     AND c.status = 'failed' AND EXISTS (SELECT 1 FROM balance_transactions b WHERE b.source = c.id \
     AND b.account = c.account AND b.livemode = c.livemode AND b.type = 'payment') \
     AND NOT EXISTS (SELECT 1 FROM balance_transactions b WHERE b.source = c.id \
     AND b.account = c.account AND b.livemode = c.livemode AND b.type = 'payment_failure_refund')",
    " UNION ALL SELECT 'refund', id, -amount, currency, succeeded_at FROM refunds WHERE status = 'succeeded' \
     AND COALESCE(reason, '') NOT IN ('expired_uncaptured_charge', 'partial_capture') AND NOT ",
    was_released!(),
    " AND ",
    unmoved!("refunds", "COALESCE(created_at, first_event_at)", ""),
    // On its way, and without a movement yet.
    " UNION ALL SELECT 'open_refund', id, -amount, currency, created_at FROM refunds WHERE status IN ('pending', 'requires_action') AND ",
    unmoved!("refunds", "COALESCE(created_at, first_event_at)", ""),
    " UNION ALL SELECT 'refund_failure', id, amount, currency, failed_at FROM refunds WHERE status IN ('failed', 'canceled') AND ",
    // As `Category` has it.
    unmoved!(
        "refunds",
        "failed_at",
        " AND (b.type = 'refund_failure' OR (b.type IN ('refund', 'payment_refund') AND b.amount > 0) \
         OR (b.type = 'adjustment' AND b.reporting_category = 'refund_failure'))"
    ),
    moved!("refunds", "'refund', 'payment_refund'"),
    " UNION ALL SELECT 'payout', id, -amount, currency, created_at FROM payouts WHERE status <> 'unknown' AND ",
    unmoved!("payouts", "COALESCE(created_at, first_event_at)", ""),
    " UNION ALL SELECT 'payout', id, amount, currency, last_event_at FROM payouts WHERE status IN ('failed', 'canceled') AND ",
    unmoved!("payouts", "last_event_at", " AND b.type IN ('payout_failure', 'payout_cancel')"),
    moved!("payouts", "'payout'"),
    " UNION ALL SELECT 'movement', id, amount, currency, created_at FROM dispute_movements \
     WHERE created_at >= $1 AND created_at < $2 AND account = $3 AND livemode = $4 AND NOT EXISTS \
     (SELECT 1 FROM balance_transactions b WHERE b.id = dispute_movements.id \
     AND b.account = dispute_movements.account AND b.livemode = dispute_movements.livemode) ORDER BY 1, 2"
);
