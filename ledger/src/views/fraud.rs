//! What the fraud desk looks at: a fixed number of statements, each on an index and over the newest 10,000 rows.

use chrono::{DateTime, Utc};
use domain::fraud::{Attempt, BannedPayment, Loss, PaidBefore, WarnedCharge};

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::{LedgerError, Transaction};

const ATTEMPTS: &str = "SELECT c.id, c.account, c.livemode, c.payment, COALESCE(c.created_at, c.first_event_at) AS at, \
    c.status, c.amount, c.currency, COALESCE(p.customer, c.customer) AS customer, p.user_id, c.card_brand, c.card_last4, \
    c.card_exp_month, c.card_exp_year FROM (SELECT * FROM charges WHERE COALESCE(created_at, first_event_at) > $1 \
    ORDER BY COALESCE(created_at, first_event_at) DESC LIMIT 10000) c LEFT JOIN payments p \
    ON p.id = COALESCE(c.payment, c.id) AND p.account = c.account AND p.livemode = c.livemode";
const WARNED: &str = "SELECT c.id, c.account, c.livemode, w.created_at AS at, c.amount, c.amount_refunded, c.currency \
    FROM fraud_warnings w JOIN charges c ON c.id = w.charge AND c.account = w.account AND c.livemode = w.livemode \
    WHERE w.actionable AND c.dispute_count = 0 AND w.created_at > $1 ORDER BY w.created_at DESC LIMIT 10000";
const LOST: &str = "SELECT c.id, c.account, c.livemode, MAX(d.lost_at) AS at, c.amount, c.amount_refunded, \
    c.amount_charged_back, c.currency FROM (SELECT charge, account, livemode, lost_at FROM disputes \
    WHERE closed_at > $1 AND lost_at IS NOT NULL ORDER BY closed_at DESC LIMIT 10000) d \
    JOIN charges c ON c.id = d.charge AND c.account = d.account AND c.livemode = d.livemode \
    WHERE c.amount_refunded > 0 AND c.amount_charged_back > 0 GROUP BY c.id, c.account, c.livemode, c.amount, \
    c.amount_refunded, c.amount_charged_back, c.currency";
const BANNED: &str = "SELECT p.id, p.account, p.livemode, p.succeeded_at AS at, p.user_id, p.amount, p.currency \
    FROM bans b JOIN payments p ON p.user_id = b.id AND p.account = b.account AND p.livemode = b.livemode \
    WHERE (b.override_act = 'ban' OR (b.status = 'banned' AND b.override_act = 'none')) \
    AND p.succeeded_at > CASE WHEN b.override_act = 'ban' THEN b.override_at ELSE b.since END AND p.succeeded_at > $1 \
    ORDER BY p.succeeded_at DESC LIMIT 10000";

impl Transaction {
    /// Attempts to pay since a moment.
    pub async fn fraud_attempts(&mut self, since: DateTime<Utc>) -> Result<Vec<Attempt>, LedgerError> {
        query(ATTEMPTS).bind(since).all(self).await
    }

    /// What these users paid before a moment, the latest payments.
    pub async fn paid_before(
        &mut self,
        users: &[String],
        until: DateTime<Utc>,
    ) -> Result<Vec<PaidBefore>, LedgerError> {
        Rows::of(users)
            .text("who", |user| user)
            .time("paid_until", |_| Some(until))
            .fetch(
                self,
                "SELECT p.user_id, p.account, p.livemode, p.currency, p.amount FROM input JOIN payments p \
                 ON p.user_id = input.who WHERE p.succeeded_at <= input.paid_until \
                 ORDER BY p.succeeded_at DESC, p.id LIMIT 10000",
            )
            .await
    }

    /// Charges that banks warned of and that nobody disputes yet.
    pub async fn warned_charges(&mut self, since: DateTime<Utc>) -> Result<Vec<WarnedCharge>, LedgerError> {
        query(WARNED).bind(since).all(self).await
    }

    /// Charges with refunds and lost disputes.
    pub async fn double_losses(&mut self, since: DateTime<Utc>) -> Result<Vec<Loss>, LedgerError> {
        query(LOST).bind(since).all(self).await
    }

    /// Payments of users who were banned when they paid.
    pub async fn payments_of_banned(
        &mut self,
        since: DateTime<Utc>,
    ) -> Result<Vec<BannedPayment>, LedgerError> {
        query(BANNED).bind(since).all(self).await
    }
}
