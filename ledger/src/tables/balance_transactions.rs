//! The table `balance_transactions`: what moved Stripe's balance, as it was read.

use chrono::{DateTime, Utc};
use domain::Key;
use domain::charges::Charge;
use domain::reconciliation::BalanceTransaction;
use domain::refunds::Refund;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::{LedgerError, Transaction};

impl Transaction {
    /// Stores what Stripe listed; what is known already is as Stripe says now. Each may be named once, in order of keys.
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
                 ON CONFLICT (id, account, livemode) DO UPDATE SET status = excluded.status, \
                 available_at = excluded.available_at, \
                 payout = COALESCE(excluded.payout, balance_transactions.payout), read_at = excluded.read_at",
            )
            .await?;
        Ok(())
    }

    /// Those of a span, oldest first.
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

    /// Charges captured within a span that no transaction names.
    pub async fn charges_without_transaction(
        &mut self,
        whose: &Key,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Charge>, LedgerError> {
        query(
            "SELECT * FROM charges WHERE COALESCE(created_at, first_event_at) >= $1 \
             AND COALESCE(created_at, first_event_at) < $2 AND account = $3 AND livemode = $4 \
             AND status = 'succeeded' AND amount_captured > 0 AND NOT EXISTS (SELECT 1 FROM balance_transactions b \
             WHERE b.source = charges.id AND b.account = charges.account AND b.livemode = charges.livemode) \
             ORDER BY id",
        )
        .bind(from)
        .bind(until)
        .bind(&whose.account)
        .bind(whose.livemode)
        .all(self)
        .await
    }

    /// The same of refunds that succeeded.
    pub async fn refunds_without_transaction(
        &mut self,
        whose: &Key,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Refund>, LedgerError> {
        query(
            "SELECT * FROM refunds WHERE COALESCE(created_at, first_event_at) >= $1 \
             AND COALESCE(created_at, first_event_at) < $2 AND account = $3 AND livemode = $4 \
             AND status = 'succeeded' AND COALESCE(reason, '') NOT IN ('expired_uncaptured_charge', 'partial_capture') \
             AND NOT EXISTS (SELECT 1 FROM balance_transactions b WHERE b.source = refunds.id \
             AND b.account = refunds.account AND b.livemode = refunds.livemode) ORDER BY id",
        )
        .bind(from)
        .bind(until)
        .bind(&whose.account)
        .bind(whose.livemode)
        .all(self)
        .await
    }
}
