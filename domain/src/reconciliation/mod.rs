//! Stripe's balance beside the ledger: which object a balance transaction is about, whether the ledger has it, and
//! whether both say the same amount. Items are judged before sums, so that +100 and -100 do not cancel out.

mod difference;
mod found;
mod invoices;
mod judge;
mod known;
mod schedule;

use chrono::{DateTime, Utc};

pub use self::difference::{Difference, DifferenceKind};
pub use self::invoices::PaidInvoice;
pub use self::judge::{Day, Evidence, Line, judge};
pub use self::known::{Balance, Objects, Payout, PayoutOutcome, Unmoved};
pub use self::schedule::{ComparedDay, due, last_day};
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

crate::readable! {
    /// Balance transactions of one kind and one direction that Stripe put into one payout, summed.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct PayoutItems {
        pub kind: String = "type",
        pub reporting_category: String,
        pub amount: i64,
        pub fee: i64,
    }
}

words! {
    /// What moved the balance, hence what it is compared with.
    pub enum Category {
        Unclassified = "unclassified",
        Charge = "charge",
        Refund = "refund",
        RefundFailure = "refund_failure",
        // What a payment had brought while it was on its way, and that went back when it failed.
        PaymentFailure = "payment_failure",
        Dispute = "dispute",
        Payout = "payout",
        Fee = "fee",
        // Reserves and prefunding: beside the balance that payouts are made from.
        Apart = "apart",
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
        if self.is_in_balance() {
            Category::of(&self.kind, &self.reporting_category, self.amount)
        } else {
            Category::Apart
        }
    }

    /// Whether it moves the balance that payouts are made from.
    pub fn is_in_balance(&self) -> bool {
        self.balance_type.as_deref().is_none_or(|of| of == "payments")
    }
}

impl PayoutItems {
    pub fn category(&self) -> Category {
        Category::of(&self.kind, &self.reporting_category, self.amount)
    }
}

impl Category {
    /// What moves the balance that payouts are made from, by Stripe's words for it. The words of a refund that failed are
    /// its own for cards; of other methods it is a refund with the other sign, or an adjustment.
    fn of(kind: &str, reporting_category: &str, amount: i64) -> Self {
        match (kind, reporting_category) {
            ("charge" | "payment", _) => Self::Charge,
            ("refund" | "payment_refund", _) if amount <= 0 => Self::Refund,
            ("refund" | "payment_refund" | "refund_failure", _) | ("adjustment", "refund_failure") => {
                Self::RefundFailure
            }
            ("payment_failure_refund", _) => Self::PaymentFailure,
            ("adjustment", "dispute" | "dispute_reversal") => Self::Dispute,
            ("payout" | "payout_cancel" | "payout_failure", _) => Self::Payout,
            ("stripe_fee" | "stripe_fx_fee" | "tax_fee", _) => Self::Fee,
            _ => Self::Unclassified,
        }
    }

    /// Whether the ledger says what it should come to.
    pub fn is_compared(self) -> bool {
        !matches!(self, Self::Unclassified | Self::Fee | Self::Apart)
    }

    /// What its transactions are about.
    pub fn subject_kind(self) -> &'static str {
        match self {
            Self::Charge | Self::PaymentFailure => "charge",
            Self::Refund | Self::RefundFailure => "refund",
            Self::Dispute => "dispute",
            Self::Payout => "payout",
            Self::Unclassified | Self::Fee | Self::Apart => "balance_transaction",
        }
    }
}

#[cfg(test)]
mod tests;
