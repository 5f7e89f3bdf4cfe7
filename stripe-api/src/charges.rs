//! Charges: read one, list those of a payment intent.

use serde::{Deserialize, Deserializer};

use super::answer::Answer;
use super::lists::{Filter, Listed};
use super::sending::sound;
use super::{Api, StripeError};

/// What is asked about a charge before its money is given back.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ChargeNow {
    pub id: String,
    pub status: String,
    pub amount: i64,
    /// Null before 2025-03-31 where its authorisation was canceled.
    #[serde(default, deserialize_with = "null_is_zero")]
    pub amount_captured: i64,
    pub amount_refunded: i64,
    pub currency: String,
    pub created: i64,
    pub captured: bool,
    #[serde(default)]
    pub disputed: bool,
    #[serde(default)]
    pub refunded: bool,
}

fn null_is_zero<'de, D: Deserializer<'de>>(reader: D) -> Result<i64, D::Error> {
    Option::deserialize(reader).map(Option::unwrap_or_default)
}

impl Api {
    #[shared::built_once]
    pub async fn charge(&self, id: &str, account: &str) -> Result<Answer, StripeError> {
        self.get(format!("/charges/{}", sound(id)?), account).await
    }

    /// All attempts of a payment intent, failed ones too.
    #[shared::built_once]
    pub async fn charges_of(&self, payment_intent: &str, account: &str) -> Result<Listed, StripeError> {
        let filter = Filter::from([("payment_intent", sound(payment_intent)?.to_owned())]);
        self.list("/charges", filter, account).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_whose_authorisation_was_canceled_has_captured_nothing() {
        let charge = r#"{"id": "ch_1", "status": "succeeded", "amount": 2500, "amount_captured": null,
            "amount_refunded": 2500, "currency": "usd", "created": 1, "captured": false}"#;
        let charge: ChargeNow = serde_json::from_str(charge).unwrap();
        assert_eq!((charge.amount_captured, charge.amount_refunded), (0, 2_500));
    }
}
