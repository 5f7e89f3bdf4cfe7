//! Policies: what the business decides, each a key with a type, bounds and a default. Money has a value for each
//! currency. What a higher or lower value loosens is part of the key, for loosening takes two.

mod bad_value;
mod help;
mod shown;

#[cfg(test)]
mod tests;

pub use self::shown::{shown, shown_as_kept, typed};
use std::collections::BTreeMap;
use std::fmt;

use chrono::TimeDelta;
use serde::Serialize;

pub use self::bad_value::BadValue;
use super::fraud::{FraudLimits, LARGE_AMOUNT};
use super::money;
use super::notices::Dunning;
use super::operations::{Limits, Thresholds};
use super::row::words;

words! {
    pub enum PolicyKey {
        ConfirmAbove = "refunds.confirm_above",
        ApproveAbove = "refunds.approve_above",
        ProgramOperationLimit = "refunds.program_operation_limit",
        ProgramDayLimit = "refunds.program_day_limit",
        AgeRule = "refunds.age_rule",
        YoungHours = "refunds.young_hours",
        ApprovalDays = "operations.approval_days",
        ChargeLimit = "charges.limit",
        ScheduledRetries = "invoices.scheduled_retries",
        TotpRequired = "staff.totp_required",
        IdleMinutes = "sessions.idle_minutes",
        SessionHours = "sessions.hours",
        StripeKeyDays = "keys.stripe_days",
        Dunning = "notices.dunning",
        ReconciliationTolerance = "reconciliation.tolerance",
        ReconciliationHour = "reconciliation.hour_utc",
        AwaitedDays = "reconciliation.awaited_days",
        FraudWindow = "fraud.window_minutes",
        FraudPayments = "fraud.payments",
        FraudDeclines = "fraud.declines",
        FraudCards = "fraud.cards",
        FraudTimesUsual = "fraud.times_usual",
        FraudLargeAbove = "fraud.large_above",
    }
}

/// What the values of a key are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Minor units of a currency.
    Money {
        least: i64,
        most: i64,
    },
    Number {
        unit: &'static str,
        least: i64,
        most: i64,
    },
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// A value of any key. Money is in minor units of the currency beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Value {
    Switch(bool),
    Number(i64),
    Choice(&'static str),
}

/// So much is the most that Stripe charges at once, in minor units.
const MOST_MONEY: i64 = 99_999_999;
const MINOR_UNITS: &str = "minor units";

impl PolicyKey {
    pub fn form(self) -> Form {
        match self {
            Self::ConfirmAbove
            | Self::ApproveAbove
            | Self::ProgramOperationLimit
            | Self::ProgramDayLimit
            | Self::ReconciliationTolerance
            | Self::FraudLargeAbove => Form::Money { least: 0, most: MOST_MONEY },
            Self::FraudWindow => Form::Number { unit: "minutes", least: 1, most: 1_440 },
            Self::FraudPayments => Form::Number { unit: "payments", least: 2, most: 1_000 },
            Self::FraudDeclines => Form::Number { unit: "declines", least: 2, most: 1_000 },
            Self::FraudCards => Form::Number { unit: "cards", least: 2, most: 100 },
            Self::FraudTimesUsual => Form::Number { unit: "times", least: 2, most: 1_000 },
            Self::ReconciliationHour => Form::Number { unit: "o'clock UTC", least: 2, most: 23 },
            Self::AwaitedDays => Form::Number { unit: "working days", least: 1, most: 10 },
            Self::ChargeLimit => Form::Number { unit: MINOR_UNITS, least: 1, most: MOST_MONEY },
            Self::AgeRule | Self::TotpRequired | Self::ScheduledRetries => Form::Switch,
            Self::YoungHours => Form::Number { unit: "hours", least: 0, most: 8_760 },
            Self::ApprovalDays => Form::Number { unit: "days", least: 1, most: 30 },
            Self::IdleMinutes => Form::Number { unit: "minutes", least: 1, most: 480 },
            Self::SessionHours => Form::Number { unit: "hours", least: 1, most: 24 },
            Self::StripeKeyDays => Form::Number { unit: "days", least: 1, most: 730 },
            Self::Dunning => Form::Choice(Dunning::WORDS),
        }
    }

    pub fn is_money(self) -> bool {
        matches!(self.form(), Form::Money { .. })
    }

    /// Whether a change from one value to another gives up a safeguard.
    pub fn loosens(self, before: Value, after: Value) -> bool {
        match self {
            Self::AgeRule | Self::TotpRequired => before == Value::Switch(true) && after != before,
            Self::Dunning => false,
            // A shorter stretch has less in it.
            Self::FraudWindow => after < before,
            _ => after > before,
        }
    }

    /// Reads a value as people type it: money in major units.
    pub fn read(self, text: &str, currency: &str) -> Result<Value, BadValue> {
        let text = text.trim();
        if self.is_money() == currency.is_empty() {
            return Err(if currency.is_empty() { BadValue::NoCurrency } else { BadValue::StrayCurrency });
        }
        match self.form() {
            Form::Switch => match text {
                "on" | "true" | "yes" => Ok(Value::Switch(true)),
                "off" | "false" | "no" => Ok(Value::Switch(false)),
                _ => Err(BadValue::NoSwitch),
            },
            Form::Choice(words) => {
                let found = words.iter().find(|word| **word == text);
                found.map(|word| Value::Choice(word)).ok_or(BadValue::NoChoice { words })
            }
            Form::Number { unit, least, most } => match text.parse() {
                Ok(number) if (least..=most).contains(&number) => Ok(Value::Number(number)),
                _ => Err(BadValue::NoNumber { unit, least, most }),
            },
            Form::Money { least, most } => {
                let bad = |fault: String| BadValue::NoMoney {
                    least: money::shown(least, currency),
                    most: money::shown(most, currency),
                    fault,
                };
                match money::read(text, currency) {
                    Ok(amount) if (least..=most).contains(&amount) => Ok(Value::Number(amount)),
                    Ok(_) => Err(bad("this one is not".to_owned())),
                    Err(fault) => Err(bad(fault)),
                }
            }
        }
    }

    /// The value from the ledger; `None` where this build does not take it.
    fn stored(self, text: &str) -> Option<Value> {
        match self.form() {
            Form::Switch => matches!(text, "on" | "off").then(|| Value::Switch(text == "on")),
            Form::Choice(words) => words.iter().find(|word| **word == text).map(|word| Value::Choice(word)),
            Form::Number { least, most, .. } | Form::Money { least, most } => {
                text.parse().ok().filter(|number| (least..=most).contains(number)).map(Value::Number)
            }
        }
    }
}

impl Value {
    /// As the ledger keeps it.
    pub fn stored(self) -> String {
        match self {
            Self::Switch(true) => "on".to_owned(),
            Self::Switch(false) => "off".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Choice(word) => word.to_owned(),
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::Number(number) => number,
            Self::Switch(is_on) => i64::from(is_on),
            Self::Choice(_) => 0,
        }
    }
}

/// Where a value stands: a key, and a currency where it is money.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    pub key: PolicyKey,
    pub currency: String,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.currency.as_str() {
            "" => f.write_str(self.key.as_str()),
            currency => write!(f, "{} {currency}", self.key),
        }
    }
}

/// All policies as they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies(BTreeMap<Slot, Value>);

impl Default for Policies {
    fn default() -> Self {
        let (usual, fraud) = (Limits::default(), FraudLimits::default());
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let mut all = Self(BTreeMap::new());
        for key in PolicyKey::ALL.iter().copied().filter(|key| !key.is_money()) {
            let value = match key {
                PolicyKey::AgeRule => Value::Switch(usual.age_rule),
                PolicyKey::TotpRequired => Value::Switch(true),
                PolicyKey::ScheduledRetries => Value::Switch(false),
                PolicyKey::YoungHours => Value::Number(usual.young_hours),
                PolicyKey::ApprovalDays => Value::Number(usual.approval_days),
                PolicyKey::ChargeLimit => Value::Number(usual.charge_limit),
                PolicyKey::IdleMinutes => Value::Number(30),
                PolicyKey::SessionHours => Value::Number(12),
                PolicyKey::StripeKeyDays => Value::Number(90),
                PolicyKey::Dunning => Value::Choice(Dunning::default().as_str()),
                PolicyKey::ReconciliationHour => Value::Number(6),
                PolicyKey::AwaitedDays => Value::Number(2),
                PolicyKey::ConfirmAbove
                | PolicyKey::ApproveAbove
                | PolicyKey::ProgramOperationLimit
                | PolicyKey::ProgramDayLimit
                | PolicyKey::ReconciliationTolerance
                | PolicyKey::FraudLargeAbove => continue,
                PolicyKey::FraudWindow => Value::Number(fraud.window.num_minutes()),
                PolicyKey::FraudPayments => Value::Number(count(fraud.payments)),
                PolicyKey::FraudDeclines => Value::Number(count(fraud.declines)),
                PolicyKey::FraudCards => Value::Number(count(fraud.cards)),
                PolicyKey::FraudTimesUsual => Value::Number(fraud.times_usual),
            };
            all.0.insert(Slot { key, currency: String::new() }, value);
        }
        for (currency, thresholds) in usual.thresholds {
            for (key, amount) in [
                (PolicyKey::ConfirmAbove, thresholds.confirm_above),
                (PolicyKey::ApproveAbove, thresholds.approve_above),
                (PolicyKey::ProgramOperationLimit, thresholds.program_operation_limit),
                (PolicyKey::ProgramDayLimit, thresholds.program_day_limit),
                // Each of these currencies has hundredths.
                (PolicyKey::ReconciliationTolerance, 500),
                (PolicyKey::FraudLargeAbove, LARGE_AMOUNT),
            ] {
                all.0.insert(Slot { key, currency: currency.clone() }, Value::Number(amount));
            }
        }
        all
    }
}

impl Policies {
    /// The defaults, with what is set. What another version set and this build does not take is left out: its default
    /// counts.
    pub fn of<'a>(set: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Self {
        let mut all = Self::default();
        for (key, currency, value) in set {
            let Ok(key) = PolicyKey::try_from(key.to_owned()) else { continue };
            if let Some(value) = key.stored(value).filter(|_| key.is_money() != currency.is_empty()) {
                all.0.insert(Slot { key, currency: currency.to_owned() }, value);
            }
        }
        all
    }

    /// The same with one value changed.
    #[must_use]
    pub fn with(mut self, slot: Slot, value: Value) -> Self {
        self.0.insert(slot, value);
        self
    }

    pub fn all(&self) -> impl Iterator<Item = (&Slot, Value)> {
        self.0.iter().map(|(slot, value)| (slot, *value))
    }

    /// What is in force. Money of a currency without a value is 0, so that each such amount needs an approver; but every
    /// currency has a tolerance.
    pub fn get(&self, slot: &Slot) -> Value {
        let usual = || match slot.key {
            PolicyKey::ReconciliationTolerance => usual_tolerance(&slot.currency),
            _ => 0,
        };
        self.0.get(slot).copied().unwrap_or_else(|| Value::Number(usual()))
    }

    fn number(&self, key: PolicyKey) -> i64 {
        self.get(&Slot { key, currency: String::new() }).number()
    }

    /// What operations are decided by.
    pub fn limits(&self) -> Limits {
        let others = [PolicyKey::ReconciliationTolerance, PolicyKey::FraudLargeAbove];
        let is_of_refunds = |slot: &&Slot| slot.key.is_money() && !others.contains(&slot.key);
        let currencies = self.0.keys().filter(is_of_refunds).map(|slot| slot.currency.clone());
        let money = |key, currency: &str| self.get(&Slot { key, currency: currency.to_owned() }).number();
        let thresholds = currencies.map(|currency| {
            let thresholds = Thresholds {
                confirm_above: money(PolicyKey::ConfirmAbove, &currency),
                approve_above: money(PolicyKey::ApproveAbove, &currency),
                program_operation_limit: money(PolicyKey::ProgramOperationLimit, &currency),
                program_day_limit: money(PolicyKey::ProgramDayLimit, &currency),
            };
            (currency, thresholds)
        });
        Limits {
            thresholds: thresholds.collect(),
            age_rule: self.number(PolicyKey::AgeRule) != 0,
            young_hours: self.number(PolicyKey::YoungHours),
            approval_days: self.number(PolicyKey::ApprovalDays),
            charge_limit: self.number(PolicyKey::ChargeLimit),
        }
    }

    /// What the fraud desk finds worth a look.
    pub fn fraud_limits(&self) -> FraudLimits {
        let count = |key| usize::try_from(self.number(key)).unwrap_or(usize::MAX);
        let large = self.0.iter().filter(|(slot, _)| slot.key == PolicyKey::FraudLargeAbove);
        FraudLimits {
            window: TimeDelta::minutes(self.number(PolicyKey::FraudWindow)),
            payments: count(PolicyKey::FraudPayments),
            declines: count(PolicyKey::FraudDeclines),
            cards: count(PolicyKey::FraudCards),
            times_usual: self.number(PolicyKey::FraudTimesUsual),
            large_amounts: large.map(|(slot, value)| (slot.currency.clone(), value.number())).collect(),
            ..FraudLimits::default()
        }
    }

    pub fn dunning(&self) -> Dunning {
        match self.get(&Slot { key: PolicyKey::Dunning, currency: String::new() }) {
            Value::Choice(word) => Dunning::try_from(word.to_owned()).unwrap_or_default(),
            _ => Dunning::default(),
        }
    }

    /// Whether the clock asks for planned retries of invoices.
    pub fn retries_are_scheduled(&self) -> bool {
        self.number(PolicyKey::ScheduledRetries) != 0
    }

    /// What differences to Stripe's balance may come to: 5.00 where nothing else is set.
    pub fn reconciliation_tolerance(&self, currency: &str) -> i64 {
        self.get(&Slot { key: PolicyKey::ReconciliationTolerance, currency: currency.to_owned() }).number()
    }

    pub fn reconciliation_hour(&self) -> i64 {
        self.number(PolicyKey::ReconciliationHour)
    }

    pub fn awaited_days(&self) -> i64 {
        self.number(PolicyKey::AwaitedDays)
    }

    pub fn totp_required(&self) -> bool {
        self.number(PolicyKey::TotpRequired) != 0
    }

    pub fn idle(&self) -> TimeDelta {
        TimeDelta::minutes(self.number(PolicyKey::IdleMinutes))
    }

    pub fn session(&self) -> TimeDelta {
        TimeDelta::hours(self.number(PolicyKey::SessionHours))
    }

    /// How long a key of Stripe's API may be in use.
    pub fn key_limit(&self) -> TimeDelta {
        TimeDelta::days(self.number(PolicyKey::StripeKeyDays))
    }
}

/// Five whole units of a currency.
fn usual_tolerance(currency: &str) -> i64 {
    money::read("5.00", currency).or_else(|_| money::read("5", currency)).unwrap_or(0)
}
