//! The table `invoices`: every statement on it.

use super::rows::{Rows, by_key};
use super::{Ledger, LedgerError, Transaction, on};
use crate::rules::Key;
use crate::rules::invoices::Invoice;

impl Transaction {
    /// Makes sure that a row is there for each key, and locks it. Keys must be sorted.
    pub async fn touch_invoices(&mut self, keys: &[Key]) -> Result<(), LedgerError> {
        let statement = "INSERT INTO invoices (id, account, livemode) SELECT id, account, livemode FROM input \
             WHERE TRUE ON CONFLICT (id, account, livemode) DO UPDATE SET id = excluded.id WHERE FALSE";
        by_key(keys).run(self, statement).await?;
        Ok(())
    }

    pub async fn read_invoices(&mut self, keys: &[Key]) -> Result<Vec<Invoice>, LedgerError> {
        by_key(keys).fetch(self, "SELECT * FROM invoices JOIN input USING (id, account, livemode)").await
    }

    /// Writes rows that were touched before.
    pub async fn write_invoices(&mut self, rows: &[&Invoice]) -> Result<(), LedgerError> {
        Rows::of(rows)
            .text("id", |row| &row.key.id)
            .text("account", |row| &row.key.account)
            .flag("livemode", |row| row.key.livemode)
            .text("status", |row| row.status.as_str())
            .maybe_text("stripe_status", |row| row.stripe_status.as_deref())
            .maybe_text("number", |row| row.number.as_deref())
            .int("amount_due", |row| row.amount_due)
            .int("amount_remaining", |row| row.amount_remaining)
            .int("amount_paid", |row| row.amount_paid)
            .int("stripe_amount_paid", |row| row.stripe_amount_paid)
            .text("currency", |row| &row.currency)
            .maybe_text("collection_method", |row| row.collection_method.as_deref())
            .maybe_text("billing_reason", |row| row.billing_reason.as_deref())
            .time("due_at", |row| row.due_at)
            .time("next_payment_attempt_at", |row| row.next_payment_attempt_at)
            .time("created_at", |row| row.created_at)
            .time("finalized_at", |row| row.finalized_at)
            .time("sent_at", |row| row.sent_at)
            .time("overdue_at", |row| row.overdue_at)
            .time("paid_at", |row| row.paid_at)
            .time("payment_failed_at", |row| row.payment_failed_at)
            .int("attempt_count", |row| row.attempt_count)
            .shown("freshness", |row| row.freshness.to_string())
            .flag("needs_refetch", |row| row.needs_refetch)
            .maybe_text("customer", |row| row.customer.as_deref())
            .shown("customer_freshness", |row| row.customer_freshness.to_string())
            .maybe_text("subscription", |row| row.subscription.as_deref())
            .shown("subscription_freshness", |row| row.subscription_freshness.to_string())
            .time("last_event_at", |row| row.last_event_at)
            .int("revision", |row| row.revision)
            .run(
                self,
                "INSERT INTO invoices (id, account, livemode, status, stripe_status, number, amount_due, amount_remaining, amount_paid,  \
             stripe_amount_paid, currency, collection_method, billing_reason, due_at, next_payment_attempt_at,  \
             created_at, finalized_at, sent_at, overdue_at, paid_at, payment_failed_at, attempt_count,  \
             freshness, needs_refetch, customer, customer_freshness, subscription, subscription_freshness,  \
             last_event_at, revision) \
             SELECT id, account, livemode, status, stripe_status, number, amount_due, amount_remaining, amount_paid,  \
             stripe_amount_paid, currency, collection_method, billing_reason, due_at, next_payment_attempt_at,  \
             created_at, finalized_at, sent_at, overdue_at, paid_at, payment_failed_at, attempt_count,  \
             freshness, needs_refetch, customer, customer_freshness, subscription, subscription_freshness,  \
             last_event_at, revision \
             FROM input WHERE TRUE ON CONFLICT (id, account, livemode) DO UPDATE SET \
             status = excluded.status, stripe_status = excluded.stripe_status, number = excluded.number,  \
             amount_due = excluded.amount_due, amount_remaining = excluded.amount_remaining,  \
             amount_paid = excluded.amount_paid, stripe_amount_paid = excluded.stripe_amount_paid,  \
             currency = excluded.currency, collection_method = excluded.collection_method,  \
             billing_reason = excluded.billing_reason, due_at = excluded.due_at,  \
             next_payment_attempt_at = excluded.next_payment_attempt_at, created_at = excluded.created_at,  \
             finalized_at = excluded.finalized_at, sent_at = excluded.sent_at, overdue_at = excluded.overdue_at,  \
             paid_at = excluded.paid_at, payment_failed_at = excluded.payment_failed_at,  \
             attempt_count = excluded.attempt_count, freshness = excluded.freshness,  \
             needs_refetch = excluded.needs_refetch, customer = excluded.customer,  \
             customer_freshness = excluded.customer_freshness, subscription = excluded.subscription,  \
             subscription_freshness = excluded.subscription_freshness, last_event_at = excluded.last_event_at,  \
             revision = excluded.revision",
            )
            .await?;
        Ok(())
    }
}

impl Ledger {
    /// The invoices of this id: one an account and mode.
    pub async fn invoice(&self, id: &str) -> Result<Vec<Invoice>, LedgerError> {
        let mut tx = self.read().await?;
        Ok(on!(&mut tx, |connection| {
            sqlx::query_as("SELECT * FROM invoices WHERE id = $1 ORDER BY livemode DESC, account")
                .bind(id)
                .fetch_all(connection)
                .await?
        }))
    }
}
