//! Balance transactions and payouts as Stripe writes them.

use chrono::DateTime;
use domain::Key;
use domain::reconciliation::BalanceTransaction;
use serde::Deserialize;

/// A balance transaction as Stripe writes it.
#[derive(Deserialize)]
pub(super) struct TransactionWire {
    id: String,
    r#type: String,
    #[serde(default)]
    reporting_category: String,
    amount: i64,
    #[serde(default)]
    fee: i64,
    net: i64,
    currency: String,
    exchange_rate: Option<serde_json::Number>,
    source: Option<Source>,
    #[serde(default)]
    status: String,
    balance_type: Option<String>,
    created: i64,
    available_on: Option<i64>,
}

/// An id, or the object itself where it was expanded.
#[derive(Deserialize)]
#[serde(untagged)]
enum Source {
    Id(String),
    Object { id: String },
}

#[derive(Deserialize)]
pub(super) struct PayoutWire {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    #[serde(default)]
    pub(super) automatic: bool,
    pub(super) reconciliation_status: Option<String>,
}

impl TransactionWire {
    pub(super) fn into_transaction(self, whose: &Key, payout: Option<&str>) -> Option<BalanceTransaction> {
        Some(BalanceTransaction {
            key: whose.sibling(&self.id),
            kind: self.r#type,
            reporting_category: self.reporting_category,
            amount: self.amount,
            fee: self.fee,
            net: self.net,
            currency: self.currency,
            exchange_rate: self.exchange_rate.map(|rate| rate.to_string()),
            source: self.source.map(|source| match source {
                Source::Id(id) | Source::Object { id } => id,
            }),
            payout: payout.map(str::to_owned),
            status: self.status,
            balance_type: self.balance_type,
            created_at: DateTime::from_timestamp(self.created, 0)?,
            available_at: self.available_on.and_then(|at| DateTime::from_timestamp(at, 0)),
        })
    }
}
