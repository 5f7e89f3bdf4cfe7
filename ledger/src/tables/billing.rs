//! Indirect relations of invoices: payments that only refer to them, and the invoices that a subscription
//! bills; and the invoices that are to be tried again.

use chrono::{DateTime, Utc};

use crate::engine::query::query;
use crate::engine::rows::by_parent;
use crate::{LedgerError, Transaction};
use domain::Key;
use domain::invoices::Invoice;

impl Transaction {
    /// When tries to take so much from a customer failed since, the newest first.
    #[shared::built_once]
    pub async fn failed_tries_of(
        &mut self,
        customer: &Key,
        amount: i64,
        currency: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<DateTime<Utc>>, LedgerError> {
        let found: Vec<(DateTime<Utc>,)> = query(
            "SELECT f.failed_at FROM payments p JOIN payment_failures f ON f.payment = p.id AND f.account = p.account \
             AND f.livemode = p.livemode WHERE p.customer = $1 AND p.account = $2 AND p.livemode = $3 AND p.amount = $4 \
             AND p.currency = $5 AND f.failed_at > $6 ORDER BY f.failed_at DESC LIMIT 100",
        )
        .bind(&customer.id)
        .bind(&customer.account)
        .bind(customer.livemode)
        .bind(amount)
        .bind(currency)
        .bind(since)
        .all(self)
        .await?;
        Ok(found.into_iter().map(|(at,)| at).collect())
    }

    /// Invoices whose next retry is planned within a stretch of time, the earliest first, after one of them.
    #[shared::built_once]
    pub async fn invoices_to_retry(
        &mut self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        after: Option<&(DateTime<Utc>, Key)>,
        limit: i64,
    ) -> Result<Vec<Invoice>, LedgerError> {
        let beginning = (from, Key::default());
        let (at, key) = after.unwrap_or(&beginning);
        query(
            "SELECT * FROM invoices WHERE next_payment_retry_at > $1 AND next_payment_retry_at <= $2 AND \
             (next_payment_retry_at > $3 OR (next_payment_retry_at = $3 AND (id, account) > ($4, $5))) \
             ORDER BY next_payment_retry_at, id, account LIMIT $6",
        )
        .bind(from)
        .bind(until)
        .bind(*at)
        .bind(&key.id)
        .bind(&key.account)
        .bind(limit)
        .all(self)
        .await
    }

    /// The payments whose order reference is one of these invoices, and that do not count for it.
    #[shared::built_once]
    pub async fn payments_referring_to(&mut self, invoices: &[Key]) -> Result<Vec<Key>, LedgerError> {
        by_parent(invoices)
            .fetch(
                self,
                "SELECT payments.id, payments.account, payments.livemode FROM payments JOIN input \
                 ON payments.invoice_reference = parent AND payments.account = parent_account \
                 AND payments.livemode = parent_livemode WHERE payments.invoice_stripe IS NULL \
                 AND (payments.invoice IS NULL OR payments.invoice <> payments.invoice_reference)",
            )
            .await
    }

    /// The invoices of these subscriptions that Stripe has not settled for good: of the others nothing is
    /// collected any more. Read after the subscriptions are locked: billing one touches it.
    #[shared::built_once]
    pub async fn unsettled_invoices_of(&mut self, subscriptions: &[Key]) -> Result<Vec<Key>, LedgerError> {
        by_parent(subscriptions)
            .fetch(
                self,
                "SELECT invoices.id, invoices.account, invoices.livemode FROM invoices JOIN input \
                 ON invoices.subscription = parent AND invoices.account = parent_account \
                 AND invoices.livemode = parent_livemode WHERE invoices.stripe_status IS NULL \
                 OR invoices.stripe_status NOT IN ('paid', 'void', 'deleted')",
            )
            .await
    }
}
