//! What the clock makes notices of: each a bounded number of rows.

use chrono::{DateTime, Datelike, Utc};
use domain::charges::Charge;
use domain::disputes::Dispute;
use domain::readable;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

readable! {
    /// What goes wrong as a whole.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Trouble {
        /// Attempts of the last hour. What an invoice reports of the same failure names no payment.
        pub failed: i64,
        pub succeeded: i64,
        pub dead: i64,
        /// Deliveries of notices that were given up.
        pub given_up: i64,
    }
}

impl Transaction {
    /// Disputes that wait for an answer until some moment.
    #[shared::built_once]
    pub async fn disputes_due(
        &mut self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Dispute>, LedgerError> {
        query(
            "SELECT * FROM disputes WHERE status = 'opened' AND evidence_submitted_at IS NULL \
             AND respond_by > $1 AND respond_by <= $2 ORDER BY respond_by, id LIMIT $3",
        )
        .bind(from)
        .bind(until)
        .bind(limit)
        .all(self)
        .await
    }

    /// The last charge of each customer with a running subscription whose card expires in a month that ends within a span,
    /// where nobody was told of it.
    #[shared::built_once]
    pub async fn expiring_cards(
        &mut self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Charge>, LedgerError> {
        let month = |at: DateTime<Utc>| i64::from(at.year()) * 100 + i64::from(at.month());
        query(
            "SELECT c.* FROM subscriptions s JOIN payments p ON p.customer = s.customer AND p.account = s.account \
             AND p.livemode = s.livemode JOIN charges c ON c.payment = p.id AND c.account = p.account \
             AND c.livemode = p.livemode WHERE s.status IN ('active', 'trialing', 'past_due') \
             AND p.status = 'succeeded' AND c.status = 'succeeded' AND c.customer = s.customer \
             AND p.created_at = (SELECT MAX(l.created_at) FROM payments l WHERE l.customer = s.customer \
             AND l.account = s.account AND l.livemode = s.livemode AND l.status = 'succeeded') \
             AND c.card_exp_year * 100 + c.card_exp_month >= $1 AND c.card_exp_year * 100 + c.card_exp_month < $2 \
             AND NOT EXISTS (SELECT 1 FROM notices n WHERE n.object_id = s.customer AND n.kind = 'card.expires' \
             AND n.number = c.card_exp_year * 100 + c.card_exp_month) ORDER BY c.id LIMIT $3",
        )
        .bind(month(from))
        .bind(month(until))
        .bind(limit)
        .all(self)
        .await
    }

    #[shared::built_once]
    pub async fn trouble(&mut self, since: DateTime<Utc>) -> Result<Trouble, LedgerError> {
        query(
            "SELECT (SELECT COUNT(*) FROM payment_failures WHERE livemode = TRUE AND failed_at >= $1 \
             AND payment IS NOT NULL) AS failed, \
             (SELECT COUNT(*) FROM payments WHERE livemode = TRUE AND succeeded_at >= $1) AS succeeded, \
             (SELECT COUNT(*) FROM (SELECT id FROM events WHERE outcome = 'dead' LIMIT 10000) d) AS dead, \
             (SELECT COUNT(*) FROM notice_deliveries WHERE state = 'failed' AND ended_at >= $1) AS given_up",
        )
        .bind(since)
        .one(self)
        .await
    }
}
