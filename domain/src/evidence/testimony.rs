//! What goods say in the answer to a dispute about a payment for them. Whoever keeps the goods writes it down beside them;
//! nobody else has to know what they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fields::{EvidenceField as Field, check_text};

/// Texts by Stripe's name of the field.
type Texts = BTreeMap<String, String>;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Testimony {
    /// Whichever of their payments is disputed.
    always: Texts,
    /// By payment.
    about: BTreeMap<String, Texts>,
}

impl Testimony {
    /// Says this whichever payment is disputed.
    #[must_use]
    pub fn always(mut self, field: Field, text: String) -> Self {
        self.always.insert(field.to_string(), text);
        self
    }

    /// Says this where that payment is disputed.
    #[must_use]
    pub fn about(mut self, payment: &str, field: Field, text: String) -> Self {
        self.about.entry(payment.to_owned()).or_default().insert(field.to_string(), text);
        self
    }

    /// As a row of goods keeps it.
    pub fn stored(&self) -> String {
        serde_json::to_string(self).expect("names and texts")
    }

    /// What a row of goods says about a payment. What this version cannot read, or Stripe would not take, is left out: an answer
    /// can be given without it.
    pub fn read(stored: &str, payment: &str) -> BTreeMap<Field, String> {
        let told: Self = serde_json::from_str(stored).unwrap_or_default();
        let own = told.about.get(payment).cloned().unwrap_or_default();
        let texts = told.always.into_iter().chain(own);
        texts.filter_map(|(name, text)| Some((check_text(&name, &text).ok()?, text))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goods_say_the_same_about_all_payments_but_for_what_is_about_one() {
        let told = Testimony::default()
            .always(Field::ServiceDate, "2026-11-29".to_owned())
            .always(Field::AccessActivityLog, "é".repeat(20_001))
            .always(Field::CustomerName, "Ada".to_owned())
            .about("pi_1", Field::ServiceDate, "2026-11-30".to_owned())
            .about("pi_2", Field::ProductDescription, "a seat".to_owned());
        let read = |payment| Testimony::read(&told.stored(), payment);
        let date = |day: &str| (Field::ServiceDate, day.to_owned());
        assert_eq!(read("pi_1"), [date("2026-11-30")].into(), "too long, and of no person");
        let seat = (Field::ProductDescription, "a seat".to_owned());
        assert_eq!(read("pi_2"), [date("2026-11-29"), seat].into());
        assert_eq!(Testimony::read("", "pi_1"), BTreeMap::new());
    }
}
