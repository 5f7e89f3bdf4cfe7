//! Customers: read one, list its payment methods, credit its balance.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::lists::{Filter, Listed};
use super::sending::{Metadata, Sending, sound};
use super::{Api, StripeError};

/// What is asked about a customer before it is charged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CustomerNow {
    pub id: String,
    /// A deleted customer is answered with 200.
    #[serde(default)]
    pub deleted: bool,
    #[serde(default)]
    pub default_source: Option<String>,
    #[serde(default)]
    pub invoice_settings: InvoiceSettings,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct InvoiceSettings {
    #[serde(default)]
    pub default_payment_method: Option<String>,
}

/// Whose a payment method is, and of which type.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PaymentMethodNow {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub customer: Option<String>,
    #[serde(default)]
    pub card: Option<CardNow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CardNow {
    /// The same for the same card, however often it is entered.
    #[serde(default)]
    pub fingerprint: Option<String>,
}

impl PaymentMethodNow {
    pub fn fingerprint(&self) -> Option<&str> {
        self.card.as_ref()?.fingerprint.as_deref()
    }
}

/// A negative amount is a credit, which the next invoice uses.
#[derive(Clone, Debug, Serialize)]
pub struct BalanceChange<'a> {
    pub amount: i64,
    pub currency: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    pub metadata: &'a Metadata,
}

impl Api {
    #[shared::built_once]
    pub async fn customer(&self, id: &str, account: &str) -> Result<Answer, StripeError> {
        self.get(format!("/customers/{}", sound(id)?), account).await
    }

    /// Those with exactly this address. The address is sent, and kept nowhere.
    #[shared::built_once]
    pub async fn customers_by_email(&self, email: &str, account: &str) -> Result<Listed, StripeError> {
        self.list("/customers", Filter::from([("email", email.to_owned())]), account).await
    }

    #[shared::built_once]
    pub async fn payment_methods_of(&self, customer: &str, account: &str) -> Result<Listed, StripeError> {
        let path = format!("/customers/{}/payment_methods", sound(customer)?);
        self.list(&path, Filter::new(), account).await
    }

    #[shared::built_once]
    pub async fn payment_method(&self, id: &str, account: &str) -> Result<Answer, StripeError> {
        self.get(format!("/payment_methods/{}", sound(id)?), account).await
    }

    #[shared::built_once]
    pub async fn balance_changes_of(&self, customer: &str, account: &str) -> Result<Listed, StripeError> {
        let path = format!("/customers/{}/balance_transactions", sound(customer)?);
        self.list(&path, Filter::new(), account).await
    }

    #[shared::built_once]
    pub async fn change_balance(
        &self,
        customer: &str,
        change: &BalanceChange<'_>,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        self.post(format!("/customers/{}/balance_transactions", sound(customer)?), change, sending).await
    }
}
