//! The disputed payments that may belong to a user; the rules decide which do.

use crate::engine::query::query;
use crate::engine::rows::{by_key, by_parent};
use crate::{LedgerError, Transaction};
use domain::bans::Ban;
use domain::customers::Customer;
use domain::payments::Payment;
use domain::{Key, Object};

impl Transaction {
    /// The disputed payments that name one of these users.
    #[shared::built_once]
    pub async fn disputed_payments_of_users(&mut self, users: &[Key]) -> Result<Vec<Payment>, LedgerError> {
        self.children_where("user_id", users, "payments.dispute_count > 0").await
    }

    /// The disputed payments of these customers.
    #[shared::built_once]
    pub async fn disputed_payments_of_customers(
        &mut self,
        customers: &[Key],
    ) -> Result<Vec<Payment>, LedgerError> {
        self.children_where("customer", customers, "payments.dispute_count > 0").await
    }

    /// Makes sure that these users have rows, locks and reads them. The audit of a row that was removed goes on
    /// from where it was.
    #[shared::built_once]
    pub async fn lock_bans(&mut self, users: &[Key]) -> Result<Vec<Ban>, LedgerError> {
        let mut locked = self.lock_rows::<Ban>(users).await?;
        let mut told = self.last_lines(Ban::NAME, &locked.new).await?;
        for row in &mut locked.rows {
            if let Some(last) = told.remove(&row.key) {
                (row.revision, row.audit_hash) = (last.revision, last.hash());
            }
        }
        Ok(locked.rows)
    }

    /// Removes the rows of these users, which this transaction holds locked.
    #[shared::built_once]
    pub async fn forget_bans(&mut self, users: &[Key]) -> Result<(), LedgerError> {
        let statement =
            "DELETE FROM bans WHERE (id, account, livemode) IN (SELECT id, account, livemode FROM input)";
        by_key(users).run(self, statement).await.map(drop)
    }

    /// Whether a payment or a subscription names this customer, of whom nothing may have been reported.
    #[shared::built_once]
    pub async fn is_customer_named(&mut self, customer: &Key) -> Result<bool, LedgerError> {
        let found: Option<(i64,)> = query(
            "SELECT COUNT(*) FROM (SELECT id FROM payments WHERE customer = $1 AND account = $2 AND livemode = $3 \
             UNION ALL SELECT id FROM subscriptions WHERE customer = $1 AND account = $2 AND livemode = $3 LIMIT 1) \
             AS named",
        )
        .bind(&customer.id)
        .bind(&customer.account)
        .bind(customer.livemode)
        .optional(self)
        .await?;
        Ok(found.is_some_and(|(named,)| named > 0))
    }

    /// The users whom the payments of these customers name.
    #[shared::built_once]
    pub async fn users_paying_as(&mut self, customers: &[Key]) -> Result<Vec<Key>, LedgerError> {
        by_parent(customers)
            .fetch(
                self,
                "SELECT DISTINCT payments.user_id AS id, payments.account, payments.livemode FROM payments \
                 JOIN input ON payments.customer = parent AND payments.account = parent_account \
                 AND payments.livemode = parent_livemode WHERE payments.user_id IS NOT NULL",
            )
            .await
    }

    /// The accounts and modes in which a payment or goods name this user.
    #[shared::built_once]
    pub async fn users_named(&mut self, user: &str) -> Result<Vec<Key>, LedgerError> {
        query(
            "SELECT user_id AS id, account, livemode FROM payments WHERE user_id = $1 \
             UNION SELECT user_id, account, livemode FROM goods WHERE user_id = $1",
        )
        .bind(user)
        .all(self)
        .await
    }

    /// The customers who are one of these users.
    #[shared::built_once]
    pub async fn customers_of_users(&mut self, users: &[Key]) -> Result<Vec<Customer>, LedgerError> {
        self.children("user_id", users).await
    }
}
