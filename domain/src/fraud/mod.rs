//! The fraud desk: what a person should look at, by pure rules over the ledger's rows. Rows do not depend on the order or the
//! repetition of events, so neither does what is found.

mod losses;
#[cfg(test)]
mod tests;
mod value;
mod velocity;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

pub use self::losses::{BannedPayment, Loss, WarnedCharge, banned_payments, double_losses, warnings};
pub use self::value::{PaidBefore, large_payments};
pub use self::velocity::{many_cards, velocity};
use super::readable;
use super::row::words;

words! {
    pub enum FraudRule {
        PaymentVelocity = "payment_velocity",
        DeclineVelocity = "decline_velocity",
        ManyCards = "many_cards",
        LargePayment = "large_payment",
        UnusualPayment = "unusual_payment",
        FraudWarning = "fraud_warning",
        DoubleLoss = "double_loss",
        BannedUserPaid = "banned_user_paid",
    }
}

/// When something is worth a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FraudLimits {
    pub window: TimeDelta,
    pub payments: usize,
    pub declines: usize,
    /// Different cards of one user within a day.
    pub cards: usize,
    /// In minor units of a currency with two decimals.
    pub large_amount: i64,
    pub times_usual: i64,
    /// A user with fewer earlier payments has no usual amount.
    pub usual_payments: usize,
    /// What a dispute costs beside its amount.
    pub dispute_fee: i64,
}

impl Default for FraudLimits {
    fn default() -> Self {
        Self {
            window: TimeDelta::minutes(10),
            payments: 5,
            declines: 3,
            cards: 3,
            large_amount: 500_000,
            times_usual: 5,
            usual_payments: 3,
            dispute_fee: 1_500,
        }
    }
}

readable! {
    /// One attempt to pay: a charge, with the payment that it belongs to.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Attempt {
        pub id: String,
        pub account: String,
        pub livemode: bool,
        pub payment: Option<String>,
        pub at: Option<DateTime<Utc>>,
        pub status: String,
        pub amount: i64,
        pub currency: String,
        pub customer: Option<String>,
        pub user_id: Option<String>,
        pub card_brand: Option<String>,
        pub card_last4: Option<String>,
        pub card_exp_month: Option<i64>,
        pub card_exp_year: Option<i64>,
    }
}

impl Attempt {
    fn is_paid(&self) -> bool {
        self.status == "succeeded"
    }

    fn is_declined(&self) -> bool {
        self.status == "failed"
    }

    /// As much of a card as Stripe tells: different cards may look alike, the same never looks different.
    fn card(&self) -> Option<String> {
        let last4 = self.card_last4.as_deref()?;
        let (month, year) = (self.card_exp_month.unwrap_or(0), self.card_exp_year.unwrap_or(0));
        Some(format!("{} {last4} {month:02}/{year}", self.card_brand.as_deref().unwrap_or("card")))
    }

    /// The payment, or the charge that is its own.
    fn paid_by(&self) -> &str {
        self.payment.as_deref().unwrap_or(&self.id)
    }
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FraudFinding {
    /// When the last of what it rests on happened.
    pub at: DateTime<Utc>,
    pub rule: FraudRule,
    pub subject_kind: &'static str,
    pub subject_id: String,
    pub account: String,
    pub livemode: bool,
    /// What is at stake, in minor units.
    pub amount: Option<i64>,
    pub currency: String,
    pub summary: String,
}
