//! The table `payments`: every statement on it.

use super::rows::{Rows, by_key};
use super::{Ledger, LedgerError, Transaction, on};
use crate::rules::Key;
use crate::rules::payments::Payment;

impl Transaction {
    /// Makes sure that a row is there for each key, and locks it. Keys must be sorted.
    pub async fn touch_payments(&mut self, keys: &[Key]) -> Result<(), LedgerError> {
        let statement = "INSERT INTO payments (id, account, livemode) SELECT id, account, livemode FROM input \
             WHERE TRUE ON CONFLICT (id, account, livemode) DO UPDATE SET id = excluded.id WHERE FALSE";
        by_key(keys).run(self, statement).await?;
        Ok(())
    }

    pub async fn read_payments(&mut self, keys: &[Key]) -> Result<Vec<Payment>, LedgerError> {
        by_key(keys).fetch(self, "SELECT * FROM payments JOIN input USING (id, account, livemode)").await
    }

    /// The payments that count for these invoices. Read after the invoices are locked: whoever moves a
    /// payment touches its invoices, so nothing is missed.
    pub async fn read_payments_of_invoices(&mut self, invoices: &[Key]) -> Result<Vec<Payment>, LedgerError> {
        Rows::of(invoices)
            .text("owner", |key| &key.id)
            .text("owner_account", |key| &key.account)
            .flag("owner_livemode", |key| key.livemode)
            .fetch(
                self,
                "SELECT payments.* FROM payments JOIN input ON payments.invoice = owner \
                 AND payments.account = owner_account AND payments.livemode = owner_livemode",
            )
            .await
    }

    /// Writes rows that were touched before.
    pub async fn write_payments(&mut self, rows: &[&Payment]) -> Result<(), LedgerError> {
        Rows::of(rows)
            .text("id", |row| &row.key.id)
            .text("account", |row| &row.key.account)
            .flag("livemode", |row| row.key.livemode)
            .text("status", |row| &row.status)
            .int("amount", |row| row.amount)
            .int("amount_capturable", |row| row.amount_capturable)
            .int("amount_received", |row| row.amount_received)
            .text("currency", |row| &row.currency)
            .time("created_at", |row| row.created_at)
            .time("succeeded_at", |row| row.succeeded_at)
            .time("canceled_at", |row| row.canceled_at)
            .maybe_text("failure_code", |row| row.failure_code.as_deref())
            .maybe_text("decline_code", |row| row.decline_code.as_deref())
            .maybe_text("listing_id", |row| row.listing_id.as_deref())
            .maybe_text("category_id", |row| row.category_id.as_deref())
            .maybe_text("payment_type", |row| row.payment_type.as_deref())
            .maybe_int("invoice_amount", |row| row.invoice_amount)
            .shown("freshness", |row| row.freshness.to_string())
            .flag("needs_refetch", |row| row.needs_refetch)
            .maybe_text("customer", |row| row.customer.as_deref())
            .shown("customer_freshness", |row| row.customer_freshness.to_string())
            .maybe_text("user_id", |row| row.user_id.as_deref())
            .shown("user_id_freshness", |row| row.user_id_freshness.to_string())
            .maybe_text("invoice", |row| row.invoice.as_deref())
            .maybe_text("invoice_stripe", |row| row.invoice_stripe.as_deref())
            .shown("invoice_stripe_freshness", |row| row.invoice_stripe_freshness.to_string())
            .maybe_text("invoice_metadata", |row| row.invoice_metadata.as_deref())
            .shown("invoice_metadata_freshness", |row| row.invoice_metadata_freshness.to_string())
            .time("last_event_at", |row| row.last_event_at)
            .int("revision", |row| row.revision)
            .run(
                self,
                "INSERT INTO payments (id, account, livemode, status, amount, amount_capturable, amount_received, currency, created_at,  \
             succeeded_at, canceled_at, failure_code, decline_code, listing_id, category_id, payment_type,  \
             invoice_amount, freshness, needs_refetch, customer, customer_freshness, user_id, user_id_freshness,  \
             invoice, invoice_stripe, invoice_stripe_freshness, invoice_metadata, invoice_metadata_freshness,  \
             last_event_at, revision) \
             SELECT id, account, livemode, status, amount, amount_capturable, amount_received, currency, created_at,  \
             succeeded_at, canceled_at, failure_code, decline_code, listing_id, category_id, payment_type,  \
             invoice_amount, freshness, needs_refetch, customer, customer_freshness, user_id, user_id_freshness,  \
             invoice, invoice_stripe, invoice_stripe_freshness, invoice_metadata, invoice_metadata_freshness,  \
             last_event_at, revision \
             FROM input WHERE TRUE ON CONFLICT (id, account, livemode) DO UPDATE SET \
             status = excluded.status, amount = excluded.amount, amount_capturable = excluded.amount_capturable,  \
             amount_received = excluded.amount_received, currency = excluded.currency,  \
             created_at = excluded.created_at, succeeded_at = excluded.succeeded_at,  \
             canceled_at = excluded.canceled_at, failure_code = excluded.failure_code,  \
             decline_code = excluded.decline_code, listing_id = excluded.listing_id,  \
             category_id = excluded.category_id, payment_type = excluded.payment_type,  \
             invoice_amount = excluded.invoice_amount, freshness = excluded.freshness,  \
             needs_refetch = excluded.needs_refetch, customer = excluded.customer,  \
             customer_freshness = excluded.customer_freshness, user_id = excluded.user_id,  \
             user_id_freshness = excluded.user_id_freshness, invoice = excluded.invoice,  \
             invoice_stripe = excluded.invoice_stripe,  \
             invoice_stripe_freshness = excluded.invoice_stripe_freshness,  \
             invoice_metadata = excluded.invoice_metadata,  \
             invoice_metadata_freshness = excluded.invoice_metadata_freshness,  \
             last_event_at = excluded.last_event_at, revision = excluded.revision",
            )
            .await?;
        Ok(())
    }
}

impl Ledger {
    /// The payments of this id: one an account and mode.
    pub async fn payment(&self, id: &str) -> Result<Vec<Payment>, LedgerError> {
        let mut tx = self.read().await?;
        Ok(on!(&mut tx, |connection| {
            sqlx::query_as("SELECT * FROM payments WHERE id = $1 ORDER BY livemode DESC, account")
                .bind(id)
                .fetch_all(connection)
                .await?
        }))
    }

    /// The payments that count for an invoice.
    pub async fn payments_of_invoice(&self, invoice: &Key) -> Result<Vec<Payment>, LedgerError> {
        let mut tx = self.read().await?;
        let mut payments = tx.read_payments_of_invoices(std::slice::from_ref(invoice)).await?;
        payments.sort_by(|a, b| (a.created_at, &a.key).cmp(&(b.created_at, &b.key)));
        Ok(payments)
    }
}
