//! Charges: read one, list those of a payment intent.

use serde::Deserialize;

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
