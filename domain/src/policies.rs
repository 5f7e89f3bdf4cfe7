//! Policies: what the business decides, each a key with a type, bounds and a default. Money has a value for each
//! currency. What a higher or lower value loosens is part of the key, for loosening takes two.

use std::collections::BTreeMap;
use std::fmt;

use chrono::TimeDelta;
use serde::Serialize;

use super::money;
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
}

/// A value of any key. Money is in minor units of the currency beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Value {
    Switch(bool),
    Number(i64),
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    #[error("it is on or off")]
    NoSwitch,
    #[error("it is a whole number of {unit} from {least} to {most}")]
    NoNumber { unit: &'static str, least: i64, most: i64 },
    #[error("it is an amount from {least} to {most}: {fault}")]
    NoMoney { least: String, most: String, fault: String },
    #[error("it is an amount of a currency: add --currency usd")]
    NoCurrency,
    #[error("it is no amount of a currency: leave out --currency")]
    StrayCurrency,
}

/// So much is the most that Stripe charges at once, in minor units.
const MOST_MONEY: i64 = 99_999_999;

impl PolicyKey {
    pub fn form(self) -> Form {
        match self {
            Self::ConfirmAbove | Self::ApproveAbove | Self::ProgramOperationLimit | Self::ProgramDayLimit => {
                Form::Money { least: 0, most: MOST_MONEY }
            }
            Self::ChargeLimit => Form::Number { unit: "minor units", least: 1, most: MOST_MONEY },
            Self::AgeRule | Self::TotpRequired | Self::ScheduledRetries => Form::Switch,
            Self::YoungHours => Form::Number { unit: "hours", least: 0, most: 8_760 },
            Self::ApprovalDays => Form::Number { unit: "days", least: 1, most: 30 },
            Self::IdleMinutes => Form::Number { unit: "minutes", least: 1, most: 480 },
            Self::SessionHours => Form::Number { unit: "hours", least: 1, most: 24 },
        }
    }

    /// What the policy means, for people.
    pub fn help(self) -> &'static str {
        match self {
            Self::ConfirmAbove => {
                "A refund, credit or charge above this must be confirmed by whoever asks for it."
            }
            Self::ApproveAbove => {
                "A refund, credit or charge above this needs a second person with billing:manage."
            }
            Self::ProgramOperationLimit => {
                "The largest refund that is approved for a program without a person."
            }
            Self::ProgramDayLimit => "The sum of such refunds within 24 hours.",
            Self::AgeRule => "Whether a refund of an older payment needs an approver, whatever the amount.",
            Self::YoungHours => "How old a payment may be for a program's refund without a person.",
            Self::ApprovalDays => "How long an operation waits for people.",
            Self::ChargeLimit => "The largest charge, in minor units.",
            Self::ScheduledRetries => {
                "Whether invoices are tried again by their plan, without a person asking for each retry."
            }
            Self::TotpRequired => "Whether billing:manage and admin need a second factor to log in.",
            Self::IdleMinutes => "A session ends after so long without a request.",
            Self::SessionHours => "A session ends after so long in any case.",
        }
    }

    pub fn is_money(self) -> bool {
        matches!(self.form(), Form::Money { .. })
    }

    /// Whether a change from one value to another gives up a safeguard.
    pub fn loosens(self, before: Value, after: Value) -> bool {
        match self {
            Self::AgeRule | Self::TotpRequired => before == Value::Switch(true) && after != before,
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
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::Number(number) => number,
            Self::Switch(is_on) => i64::from(is_on),
        }
    }
}

/// A value as people read it.
pub fn shown(key: PolicyKey, currency: &str, value: Value) -> String {
    match (key.form(), value) {
        (Form::Money { .. }, Value::Number(amount)) => money::shown(amount, currency),
        (Form::Number { unit, .. }, Value::Number(number)) => format!("{number} {unit}"),
        (_, value) => value.stored(),
    }
}

/// A value as people type it: `read` takes it again.
pub fn typed(slot: &Slot, value: Value) -> String {
    match (slot.key.form(), value) {
        (Form::Money { .. }, Value::Number(amount)) => money::plain(amount, &slot.currency),
        (_, value) => value.stored(),
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
        let usual = Limits::default();
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
                PolicyKey::ConfirmAbove
                | PolicyKey::ApproveAbove
                | PolicyKey::ProgramOperationLimit
                | PolicyKey::ProgramDayLimit => continue,
            };
            all.0.insert(Slot { key, currency: String::new() }, value);
        }
        for (currency, thresholds) in usual.thresholds {
            for (key, amount) in [
                (PolicyKey::ConfirmAbove, thresholds.confirm_above),
                (PolicyKey::ApproveAbove, thresholds.approve_above),
                (PolicyKey::ProgramOperationLimit, thresholds.program_operation_limit),
                (PolicyKey::ProgramDayLimit, thresholds.program_day_limit),
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

    /// Money of a currency without a value is 0: each such amount needs an approver.
    pub fn get(&self, slot: &Slot) -> Value {
        self.0.get(slot).copied().unwrap_or(Value::Number(0))
    }

    fn number(&self, key: PolicyKey) -> i64 {
        self.get(&Slot { key, currency: String::new() }).number()
    }

    /// What operations are decided by.
    pub fn limits(&self) -> Limits {
        let currencies = self.0.keys().filter(|slot| slot.key.is_money()).map(|slot| slot.currency.clone());
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

    /// Whether the clock asks for planned retries of invoices.
    pub fn retries_are_scheduled(&self) -> bool {
        self.number(PolicyKey::ScheduledRetries) != 0
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(key: PolicyKey, currency: &str) -> Slot {
        Slot { key, currency: currency.to_owned() }
    }

    #[test]
    fn nothing_set_is_what_operations_are_decided_by_without_policies() {
        assert_eq!(Policies::default().limits(), Limits::default());
    }

    #[test]
    fn what_is_set_counts_and_what_makes_no_sense_does_not() {
        let all = Policies::of([
            ("refunds.approve_above", "usd", "750000"),
            ("refunds.approve_above", "", "1"),
            ("refunds.age_rule", "", "on"),
            ("operations.approval_days", "", "99"),
            ("of.another.version", "", "1"),
            ("refunds.confirm_above", "chf", "500"),
        ]);
        let limits = all.limits();
        assert_eq!(limits.thresholds["usd"].approve_above, 750_000);
        assert!(limits.age_rule && limits.approval_days == 7);
        let chf = limits.thresholds["chf"];
        assert_eq!((chf.confirm_above, chf.approve_above, chf.program_day_limit), (500, 0, 0));
    }

    #[test]
    fn values_are_read_within_their_bounds() {
        let read = |key: PolicyKey, text, currency| key.read(text, currency);
        assert_eq!(read(PolicyKey::ApproveAbove, "7500.00", "usd"), Ok(Value::Number(750_000)));
        assert_eq!(typed(&slot(PolicyKey::ApproveAbove, "usd"), Value::Number(750_000)), "7500.00");
        assert_eq!(read(PolicyKey::ApprovalDays, "30", ""), Ok(Value::Number(30)));
        assert_eq!(read(PolicyKey::AgeRule, "on", ""), Ok(Value::Switch(true)));
        for (key, text, currency) in [
            (PolicyKey::ApproveAbove, "7500.00", ""),
            (PolicyKey::ApproveAbove, "-1.00", "usd"),
            (PolicyKey::ApproveAbove, "1000000.00", "usd"),
            (PolicyKey::ApprovalDays, "0", ""),
            (PolicyKey::ApprovalDays, "31", ""),
            (PolicyKey::ApprovalDays, "7", "usd"),
            (PolicyKey::AgeRule, "maybe", ""),
        ] {
            assert!(read(key, text, currency).is_err(), "{key} {text} {currency}");
        }
    }

    #[test]
    fn more_is_looser_and_so_is_a_rule_switched_off() {
        let number = |key: PolicyKey, a, b| key.loosens(Value::Number(a), Value::Number(b));
        assert!(number(PolicyKey::ApproveAbove, 1, 2) && !number(PolicyKey::ApproveAbove, 2, 1));
        let switch = |a, b| PolicyKey::AgeRule.loosens(Value::Switch(a), Value::Switch(b));
        assert!(switch(true, false) && !switch(false, true) && !switch(true, true));
        let back = Policies::default().with(slot(PolicyKey::TotpRequired, ""), Value::Switch(false));
        assert!(!back.totp_required() && Policies::default().totp_required());
    }
}
