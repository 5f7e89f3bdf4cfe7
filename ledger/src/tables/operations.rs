//! The table `operations`. Whoever decides about money locks the payment first, then what the sums of the last day
//! are over, then the operation: in this order, so that requests see each other and never wait in a circle.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::operations::{Operation, OperationKind, OperationState, TABLE};
use domain::row::{Columns, Field};
use domain::{Key, Object, readable};

use crate::engine::locks::Wait;
use crate::engine::query::query;
use crate::engine::rows::{Statement, by_parent};
use crate::{Ledger, LedgerError, Transaction};

readable! {
    /// What one operation of the last day counts for in the sums.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Recent {
        pub id: String,
        pub kind: OperationKind,
        pub state: OperationState,
        pub payment: Option<String>,
        pub customer: Option<String>,
        pub requested_by: String,
        pub requested_at: DateTime<Utc>,
        pub amount: i64,
    }
}

/// What the sums of the last day are over.
#[derive(Clone, Copy, Debug)]
pub struct Sums<'a> {
    pub payment: Option<&'a str>,
    pub customer: Option<&'a str>,
    pub requested_by: &'a str,
    pub currency: &'a str,
    pub account: &'a str,
    pub livemode: bool,
}

impl Transaction {
    /// Locks and reads one object, where it has a row.
    pub async fn lock_object<T: Object>(&mut self, key: &Key) -> Result<Option<T>, LedgerError> {
        Ok(self.lock_present(std::slice::from_ref(key), Wait::ForRelease).await?.pop())
    }

    /// Locks the sums of the last day of these names, which have no rows of their own. Each once.
    #[shared::built_once]
    pub async fn lock_sums(&mut self, of: &[Key]) -> Result<(), LedgerError> {
        self.lock_absent(TABLE, of).await.map(|_| ())
    }

    #[shared::built_once]
    pub async fn lock_operation(&mut self, id: &str) -> Result<Option<Operation>, LedgerError> {
        self.lock_one(TABLE, id).await
    }

    #[shared::built_once]
    pub async fn operation(&mut self, id: &str) -> Result<Option<Operation>, LedgerError> {
        query("SELECT * FROM operations WHERE id = $1").bind(id).optional(self).await
    }

    #[shared::built_once]
    pub async fn insert_operation(&mut self, operation: &Operation) -> Result<(), LedgerError> {
        let names = columns().join(", ");
        let text = format!("INSERT INTO operations ({names}) SELECT {names} FROM input");
        self.run_together(vec![Statement::of_fields(&[operation], text)]).await
    }

    /// Writes one that this transaction has locked.
    #[shared::built_once]
    pub async fn write_operation(&mut self, operation: &Operation) -> Result<(), LedgerError> {
        let set = columns().into_iter().filter(|name| *name != "id");
        let set: Vec<String> = set.map(|name| format!("{name} = input.{name}")).collect();
        let text =
            format!("UPDATE operations SET {} FROM input WHERE operations.id = input.id", set.join(", "));
        self.run_together(vec![Statement::of_fields(&[operation], text)]).await
    }

    /// Those of a payment, oldest first, at most so many.
    #[shared::built_once]
    pub async fn operations_of_payment(
        &mut self,
        payment: &Key,
        limit: i64,
    ) -> Result<Vec<Operation>, LedgerError> {
        query(
            "SELECT * FROM operations WHERE payment = $1 AND account = $2 AND livemode = $3 \
             ORDER BY requested_at, id LIMIT $4",
        )
        .bind(&payment.id)
        .bind(&payment.account)
        .bind(payment.livemode)
        .bind(limit)
        .all(self)
        .await
    }

    /// The refunds of these payments that were asked for by whoever is known so, those of each the newest first.
    #[shared::built_once]
    pub async fn refunds_asked_for(
        &mut self,
        payments: &BTreeSet<Key>,
        known_by: &str,
    ) -> Result<Vec<Operation>, LedgerError> {
        let payments: Vec<Key> = payments.iter().cloned().collect();
        by_parent(&payments)
            .text("of_kind", |_| OperationKind::Refund.as_str())
            .text("of_known_by", |_| known_by)
            .fetch(
                self,
                "SELECT o.* FROM input JOIN operations o ON o.payment = parent AND o.account = parent_account \
                 AND o.livemode = parent_livemode AND o.kind = of_kind AND o.known_by = of_known_by \
                 ORDER BY o.requested_at DESC, o.id DESC",
            )
            .await
    }

    /// Those about a subject, such as a dispute or a customer, that may still be sent or whose outcome counts.
    #[shared::built_once]
    pub async fn operations_about(
        &mut self,
        kind: &str,
        subject: &Key,
        limit: i64,
    ) -> Result<Vec<Operation>, LedgerError> {
        query(
            "SELECT * FROM operations WHERE subject_id = $1 AND account = $2 AND livemode = $3 AND subject_kind = $4 \
             ORDER BY requested_at, id LIMIT $5",
        )
        .bind(&subject.id)
        .bind(&subject.account)
        .bind(subject.livemode)
        .bind(kind)
        .bind(limit)
        .all(self)
        .await
    }

    /// Those of a payment that count as spent: open ones, and those whose object the ledger may not know yet.
    #[shared::built_once]
    pub async fn reserving_operations(&mut self, payment: &Key) -> Result<Vec<Operation>, LedgerError> {
        query(
            "SELECT * FROM operations WHERE payment = $1 AND account = $2 AND livemode = $3 AND state IN \
             ('needs_confirmation', 'needs_approval', 'approved', 'executing', 'unknown', 'succeeded')",
        )
        .bind(&payment.id)
        .bind(&payment.account)
        .bind(payment.livemode)
        .all(self)
        .await
    }

    /// Those of a kind that a customer is asked to pay or given: open ones, and those done since a moment.
    #[shared::built_once]
    pub async fn operations_of_customer(
        &mut self,
        kind: OperationKind,
        customer: &Key,
        done_since: DateTime<Utc>,
    ) -> Result<Vec<Operation>, LedgerError> {
        query(
            "SELECT * FROM operations WHERE customer = $1 AND account = $2 AND livemode = $3 AND kind = $4 AND \
             (state IN ('needs_confirmation', 'needs_approval', 'approved', 'executing', 'unknown') \
             OR (state = 'succeeded' AND ended_at > $5))",
        )
        .bind(&customer.id)
        .bind(&customer.account)
        .bind(customer.livemode)
        .bind(kind.as_str())
        .bind(done_since)
        .all(self)
        .await
    }

    /// Those since a moment of the same payment, customer or requester, in one currency, which are open or done. What
    /// a clock that ran ahead wrote counts too.
    #[shared::built_once]
    pub async fn recent_operations(
        &mut self,
        sums: Sums<'_>,
        since: DateTime<Utc>,
    ) -> Result<Vec<Recent>, LedgerError> {
        query(
            "SELECT id, kind, state, payment, customer, requested_by, requested_at, amount FROM operations \
             WHERE (payment = $1 OR customer = $2 OR requested_by = $3) AND currency = $4 AND account = $5 \
             AND livemode = $6 AND requested_at > $7 AND state IN \
             ('needs_confirmation', 'needs_approval', 'approved', 'executing', 'unknown', 'succeeded')",
        )
        .bind(sums.payment)
        .bind(sums.customer)
        .bind(sums.requested_by)
        .bind(sums.currency)
        .bind(sums.account)
        .bind(sums.livemode)
        .bind(since)
        .all(self)
        .await
    }

    /// What the rules approved since a moment, in one currency.
    #[shared::built_once]
    pub async fn recent_by_policy(
        &mut self,
        sums: Sums<'_>,
        since: DateTime<Utc>,
    ) -> Result<Vec<Recent>, LedgerError> {
        query(
            "SELECT id, kind, state, payment, customer, requested_by, requested_at, amount FROM operations \
             WHERE approval = 'policy' AND currency = $1 AND account = $2 AND livemode = $3 AND requested_at > $4 \
             AND state IN ('approved', 'executing', 'unknown', 'succeeded')",
        )
        .bind(sums.currency)
        .bind(sums.account)
        .bind(sums.livemode)
        .bind(since)
        .all(self)
        .await
    }

    /// Which operation made this object at Stripe.
    #[shared::built_once]
    pub async fn operation_that_made(&mut self, made: &Key) -> Result<Option<Operation>, LedgerError> {
        self.other_that_made(made, "").await
    }

    /// The same, of all but one.
    #[shared::built_once]
    pub async fn other_that_made(
        &mut self,
        made: &Key,
        other_than: &str,
    ) -> Result<Option<Operation>, LedgerError> {
        query(
            "SELECT * FROM operations WHERE stripe_id = $1 AND account = $2 AND livemode = $3 AND id <> $4 \
             ORDER BY id LIMIT 1",
        )
        .bind(&made.id)
        .bind(&made.account)
        .bind(made.livemode)
        .bind(other_than)
        .optional(self)
        .await
    }
}

impl Ledger {
    /// What is to be sent or looked at again, oldest first: approved, or sent with its time come, held by nobody, and
    /// not about to lapse. A hold that ends after `latest` was written by a clock that ran ahead, and so was such a time
    /// of what was sent; what is only approved may be planned for it. All open states are named first, in the index's own
    /// words: SQLite takes a partial index by no others.
    #[shared::built_once]
    pub async fn due_operations(
        &self,
        livemode: bool,
        now: DateTime<Utc>,
        latest: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<String>, LedgerError> {
        let mut tx = self.read().await?;
        let found: Vec<(String,)> = query(
            "SELECT id FROM operations \
             WHERE state IN ('needs_confirmation', 'needs_approval', 'approved', 'executing', 'unknown') \
             AND state IN ('approved', 'executing', 'unknown') \
             AND (look_again_at <= $1 OR (state = 'approved' AND look_again_at IS NULL) \
             OR (state <> 'approved' AND look_again_at > $2)) \
             AND (held_until IS NULL OR held_until <= $1 OR held_until > $2) \
             AND (expires_at IS NULL OR expires_at > $1) AND livemode = $3 \
             ORDER BY requested_at, id LIMIT $4",
        )
        .bind(now)
        .bind(latest)
        .bind(livemode)
        .bind(limit)
        .all(&mut tx)
        .await?;
        Ok(found.into_iter().map(|(id,)| id).collect())
    }

    /// Those that wait for people, or to be sent, beyond their time.
    #[shared::built_once]
    pub async fn expired_operations(
        &self,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<String>, LedgerError> {
        let mut tx = self.read().await?;
        let found: Vec<(String,)> = query(
            "SELECT id FROM operations \
             WHERE state IN ('needs_confirmation', 'needs_approval', 'approved', 'executing', 'unknown') \
             AND state IN ('needs_confirmation', 'needs_approval', 'approved') AND expires_at <= $1 ORDER BY requested_at, id LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .all(&mut tx)
        .await?;
        Ok(found.into_iter().map(|(id,)| id).collect())
    }
}

fn columns() -> Vec<&'static str> {
    let mut columns = Columns::new();
    Operation::columns("", &[], &mut columns);
    columns.into_iter().map(|(name, _)| name).collect()
}
