//! The fraud desk: what a person should look at, by pure rules over the ledger's rows. Rows do not depend on the order or the
//! repetition of events, so neither does what is found in them.

mod card_names;
mod due;
mod losses;
#[cfg(test)]
mod tests;
mod value;
mod velocity;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};

pub use self::card_names::CardNames;
pub use self::due::Due;
pub use self::losses::{BannedPayment, Loss, WarnedCharge, banned_payments, double_losses, warnings};
pub use self::value::{LARGE_AMOUNT, PaidBefore, USUAL_SPAN, large_payments};
pub use self::velocity::bursts;
use super::findings::{Check, Found};
use super::row::words;
use super::{Key, Severity, readable};

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

impl FraudRule {
    /// Rules about a charge, or a payment, as it stands: their findings resolve themselves once they no longer hold. The others
    /// are about what has happened.
    pub const OF_A_CHARGE: [Self; 2] = [Self::FraudWarning, Self::DoubleLoss];
    pub const OF_A_PAYMENT: [Self; 2] = [Self::LargePayment, Self::UnusualPayment];
    /// Rules about a stretch of time.
    pub const BURSTS: [Self; 3] = [Self::PaymentVelocity, Self::DeclineVelocity, Self::ManyCards];

    fn severity(self) -> Severity {
        match self {
            Self::FraudWarning | Self::DoubleLoss | Self::BannedUserPaid => Severity::Critical,
            _ => Severity::Warning,
        }
    }
}

/// When something is worth a look: policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FraudLimits {
    pub window: TimeDelta,
    pub payments: usize,
    pub declines: usize,
    /// Different cards of one user within a day.
    pub cards: usize,
    /// By currency, in its minor units.
    pub large_amounts: BTreeMap<String, i64>,
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
            large_amounts: BTreeMap::new(),
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
    pub fn is_paid(&self) -> bool {
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
    pub fn paid_by(&self) -> &str {
        self.payment.as_deref().unwrap_or(&self.id)
    }
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FraudFinding {
    /// When the last of what it rests on happened.
    pub at: DateTime<Utc>,
    pub rule: FraudRule,
    pub subject_kind: &'static str,
    pub subject_id: String,
    pub account: String,
    pub livemode: bool,
    /// A rule about a stretch of time finds one thing a day.
    pub day: Option<NaiveDate>,
    /// What is at stake, in minor units.
    pub amount: Option<i64>,
    pub currency: String,
    pub summary: String,
    /// The charges that it rests on, where its subject is none.
    pub charges: Vec<String>,
}

impl FraudFinding {
    /// The account and mode; the id is of no account.
    pub fn whose(&self) -> Key {
        Key { id: String::new(), account: self.account.clone(), livemode: self.livemode }
    }

    pub fn id(self) -> String {
        let whose = self.whose();
        self.found().id(Check::FraudDesk, &whose)
    }

    /// As a check keeps it.
    pub fn found(self) -> Found {
        let mut details: BTreeMap<&'static str, Value> = [("at", json!(self.at.to_rfc3339()))].into();
        if !self.charges.is_empty() {
            details.insert("charges", json!(self.charges));
        }
        Found {
            kind: self.rule.as_str(),
            severity: self.rule.severity(),
            subject_kind: self.subject_kind,
            subject_id: self.subject_id,
            item: self.day.map(|day| day.to_string()).unwrap_or_default(),
            currency: self.currency,
            amount: self.amount,
            stripe_amount: None,
            ledger_amount: None,
            summary: self.summary,
            details,
        }
    }
}

/// The id of what a rule would find about a charge or a payment.
pub fn id_about(rule: FraudRule, subject_kind: &'static str, subject: &Key) -> String {
    let finding = FraudFinding {
        at: DateTime::default(),
        rule,
        subject_kind,
        subject_id: subject.id.clone(),
        account: subject.account.clone(),
        livemode: subject.livemode,
        day: None,
        amount: None,
        currency: String::new(),
        summary: String::new(),
        charges: Vec::new(),
    };
    finding.id()
}
