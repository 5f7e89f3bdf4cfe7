//! Stripe's balance beside the ledger: which object a balance transaction is about, whether the ledger has it, and
//! whether both say the same amount. Items are judged before sums, so that +100 and -100 do not cancel out.

mod judge;

use chrono::{DateTime, Utc};

pub use self::judge::{
    DIFFERENCES_LIMIT, Day, Difference, DifferenceKind, Known, Line, Objects, Payout, judge, kept,
};
use super::Key;
use super::row::words;

crate::readable! {
    /// One movement of Stripe's balance, in the settlement currency.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct BalanceTransaction {
        pub key: Key,
        pub kind: String = "type",
        pub reporting_category: String,
        pub amount: i64,
        pub fee: i64,
        pub net: i64,
        pub currency: String,
        /// Decimal digits, as Stripe writes them: presentment amount × rate = amount.
        pub exchange_rate: Option<String>,
        pub source: Option<String>,
        pub payout: Option<String>,
        pub status: String,
        pub balance_type: Option<String>,
        pub created_at: DateTime<Utc>,
        pub available_at: Option<DateTime<Utc>>,
    }
}

words! {
    /// What moved the balance, hence what it is compared with.
    pub enum Category {
        Unclassified = "unclassified",
        Charge = "charge",
        Refund = "refund",
        RefundFailure = "refund_failure",
        Dispute = "dispute",
        Payout = "payout",
        Fee = "fee",
    }
}

words! {
    pub enum Verdict {
        Incomplete = "incomplete",
        Differences = "differences",
        Reconciled = "reconciled",
    }
}

impl BalanceTransaction {
    /// Stripe has about fifty types and adds others: what is not known here is shown, never dropped.
    pub fn category(&self) -> Category {
        match (self.kind.as_str(), self.reporting_category.as_str()) {
            ("charge" | "payment", _) => Category::Charge,
            ("refund" | "payment_refund", _) => Category::Refund,
            ("refund_failure" | "payment_failure_refund", _) => Category::RefundFailure,
            ("adjustment", "dispute" | "dispute_reversal") => Category::Dispute,
            ("payout" | "payout_cancel" | "payout_failure", _) => Category::Payout,
            ("stripe_fee" | "stripe_fx_fee" | "tax_fee", _) => Category::Fee,
            _ => Category::Unclassified,
        }
    }
}

#[cfg(test)]
mod tests;
