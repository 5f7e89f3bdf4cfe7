//! The details of a page: names beside values. The values keep their types, so that a terminal can align them and
//! a browser can link them; what is not known is left out.

use chrono::{DateTime, TimeDelta, Utc};
use domain::moments::Moment;
use serde::Serialize;

use crate::money;

/// What `needs_refetch` means.
const UNCERTAIN: &str =
    "only Stripe can tell: two reports contradict each other, or a total is known without its parts";

/// The kind of a user, who is no object of Stripe's.
pub const USER: &str = "user";

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    pub name: &'static str,
    pub value: DetailValue,
    /// What there is to say of the value.
    pub note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DetailValue {
    Text(String),
    /// In the currency's minor unit.
    Money {
        amount: i64,
        currency: String,
    },
    Time(DateTime<Utc>),
    /// A moment before which somebody has to act.
    Deadline(DateTime<Utc>),
    DurationSecs(i64),
    /// An object, or a user, that has its own page.
    Object {
        kind: &'static str,
        id: String,
    },
}

/// The details of one page, in their order. Amounts are in one currency unless another is named.
#[derive(Debug)]
pub struct Details<'a> {
    currency: &'a str,
    list: Vec<Detail>,
}

impl<'a> Details<'a> {
    pub fn in_currency(currency: &'a str) -> Self {
        Self { currency, list: Vec::new() }
    }

    pub fn text(&mut self, name: &'static str, text: impl Into<Option<String>>) {
        if let Some(text) = text.into().filter(|text| !text.is_empty()) {
            self.push(name, DetailValue::Text(text));
        }
    }

    /// One of Stripe's words.
    pub fn words(&mut self, name: &'static str, words: Option<&str>) {
        self.text(name, words.map(|words| words.replace('_', " ")));
    }

    pub fn money(&mut self, name: &'static str, amount: impl Into<Option<i64>>) {
        self.money_in(name, amount, self.currency);
    }

    pub fn money_in(&mut self, name: &'static str, amount: impl Into<Option<i64>>, currency: &str) {
        if let Some(amount) = amount.into() {
            self.push(name, DetailValue::Money { amount, currency: currency.to_owned() });
        }
    }

    /// An amount that is worth a line only where there is one.
    pub fn money_if_any(&mut self, name: &'static str, amount: i64) {
        self.money(name, (amount != 0).then_some(amount));
    }

    pub fn time(&mut self, name: &'static str, moment: Option<DateTime<Utc>>) {
        if let Some(moment) = moment {
            self.push(name, DetailValue::Time(moment));
        }
    }

    /// A moment of an object's life, which an object that was read tells only roughly.
    pub fn moment(&mut self, name: &'static str, moment: Moment) {
        self.time(name, moment.at());
        if moment.is_estimate() {
            self.note(name, "at the earliest: no event told when");
        }
    }

    pub fn deadline(&mut self, name: &'static str, moment: Option<DateTime<Utc>>) {
        if let Some(moment) = moment {
            self.push(name, DetailValue::Deadline(moment));
        }
    }

    pub fn duration(&mut self, name: &'static str, duration: Option<TimeDelta>) {
        if let Some(duration) = duration {
            self.push(name, DetailValue::DurationSecs(duration.num_seconds()));
        }
    }

    pub fn object(&mut self, name: &'static str, kind: &'static str, id: Option<&str>) {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            self.push(name, DetailValue::Object { kind, id: id.to_owned() });
        }
    }

    /// Says more of the detail that was added last under this name; nothing where it was left out.
    pub fn note(&mut self, name: &'static str, note: impl Into<String>) {
        if let Some(last) = self.list.last_mut().filter(|last| last.name == name) {
            last.note = Some(note.into());
        }
    }

    /// A person who decides by this page should know.
    pub fn uncertain(&mut self, needs_refetch: bool) {
        self.text("uncertain", needs_refetch.then(|| UNCERTAIN.to_owned()));
    }

    pub fn list(self) -> Vec<Detail> {
        self.list
    }

    /// An amount in words, for a note.
    pub fn amount(&self, amount: i64) -> String {
        money::shown(amount, self.currency)
    }

    fn push(&mut self, name: &'static str, value: DetailValue) {
        self.list.push(Detail { name, value, note: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_left_out_and_so_is_its_note() {
        let mut details = Details::in_currency("usd");
        details.money("amount", 500);
        details.money_if_any("refunded", 0);
        details.note("refunded", "full");
        details.object("invoice", "invoice", Some(""));
        details.words("reason", Some("requested_by_customer"));
        details.time("created", None);
        details.uncertain(false);
        let amount = DetailValue::Money { amount: 500, currency: "usd".to_owned() };
        let reason = DetailValue::Text("requested by customer".to_owned());
        assert_eq!(
            details.list(),
            [
                Detail { name: "amount", value: amount, note: None },
                Detail { name: "reason", value: reason, note: None }
            ]
        );
    }

    #[test]
    fn values_keep_their_types_in_json() {
        let mut details = Details::in_currency("usd");
        details.object("invoice", "invoice", Some("in_1"));
        details.note("invoice", "by Stripe's link");
        assert_eq!(
            serde_json::to_value(details.list()).unwrap(),
            serde_json::json!([{
                "name": "invoice",
                "value": {"object": {"kind": "invoice", "id": "in_1"}},
                "note": "by Stripe's link",
            }])
        );
    }
}
