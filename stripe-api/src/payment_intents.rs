//! Payment intents: make, confirm, capture, cancel, read.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::customers::PaymentMethodNow;
use super::lists::{CreatedBetween, Filter, Listed};
use super::sending::{Metadata, Sending, sound};
use super::{Api, StripeError};

/// A charge of a customer who is not there: confirmed at once, and an error where the customer would have to act.
#[derive(Clone, Debug, Serialize)]
pub struct NewPaymentIntent<'a> {
    pub amount: i64,
    pub currency: &'a str,
    pub customer: &'a str,
    pub payment_method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement_descriptor_suffix: Option<&'a str>,
    pub metadata: &'a Metadata,
}

/// What a customer is to pay by himself: he chooses how, and proves who he is.
#[derive(Clone, Debug, Serialize)]
pub struct CheckoutIntent<'a> {
    amount: i64,
    currency: &'a str,
    automatic_payment_methods: AutomaticMethods,
    metadata: &'a Metadata,
}

#[derive(Clone, Debug, Serialize)]
struct AutomaticMethods {
    enabled: bool,
}

impl<'a> CheckoutIntent<'a> {
    pub fn of(amount: i64, currency: &'a str, metadata: &'a Metadata) -> Self {
        Self { amount, currency, automatic_payment_methods: AutomaticMethods { enabled: true }, metadata }
    }
}

#[derive(Serialize)]
struct CreateAndConfirm<'a> {
    #[serde(flatten)]
    payment: &'a NewPaymentIntent<'a>,
    confirm: bool,
    off_session: bool,
}

#[derive(Serialize)]
struct Confirm<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_method: Option<&'a str>,
    off_session: bool,
    /// Taken away: without its customer no intent is confirmed that is to keep the card for later.
    setup_future_usage: &'static str,
}

#[derive(Serialize)]
struct Capture {
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_to_capture: Option<i64>,
}

#[derive(Serialize)]
struct Cancel<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_reason: Option<&'a str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PaymentIntentNow {
    pub id: String,
    pub status: String,
    pub amount: i64,
    pub currency: String,
    #[serde(default)]
    pub amount_received: i64,
    #[serde(default)]
    pub amount_capturable: i64,
    #[serde(default)]
    pub latest_charge: Option<String>,
    #[serde(default)]
    pub customer: Option<String>,
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default)]
    pub created: i64,
    #[serde(default)]
    pub payment_method: Option<String>,
    /// Why its last try failed.
    #[serde(default)]
    pub last_payment_error: Option<PaymentErrorNow>,
}

impl PaymentIntentNow {
    /// Whether a try that was asked for has not ended yet: it neither took money nor says why it did not, or it waits for
    /// its customer.
    pub fn may_still_be_tried(&self) -> bool {
        match self.status.as_str() {
            "requires_confirmation" | "requires_action" => true,
            "requires_payment_method" => self.last_payment_error.is_none(),
            _ => false,
        }
    }
}

/// Why a try to take money failed, and what was to pay.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PaymentErrorNow {
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub decline_code: Option<String>,
    #[serde(default)]
    pub payment_method: Option<PaymentMethodNow>,
}

impl Api {
    #[shared::built_once]
    pub async fn create_payment_intent(
        &self,
        payment: &NewPaymentIntent<'_>,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        let form = CreateAndConfirm { payment, confirm: true, off_session: true };
        self.post("/payment_intents".to_owned(), &form, sending).await
    }

    /// Nothing is charged: whoever has its secret pays it.
    #[shared::built_once]
    pub async fn create_checkout_intent(
        &self,
        intent: &CheckoutIntent<'_>,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        self.post("/payment_intents".to_owned(), intent, sending).await
    }

    /// Tries again to take the money of one intent: it has at most one successful charge.
    #[shared::built_once]
    pub async fn confirm_payment_intent(
        &self,
        id: &str,
        payment_method: Option<&str>,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        let form = Confirm { payment_method, off_session: true, setup_future_usage: "" };
        self.post(format!("/payment_intents/{}/confirm", sound(id)?), &form, sending).await
    }

    /// All that can be captured where no amount is given.
    #[shared::built_once]
    pub async fn capture_payment_intent(
        &self,
        id: &str,
        amount_to_capture: Option<i64>,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        let form = Capture { amount_to_capture };
        self.post(format!("/payment_intents/{}/capture", sound(id)?), &form, sending).await
    }

    #[shared::built_once]
    pub async fn cancel_payment_intent(
        &self,
        id: &str,
        cancellation_reason: Option<&str>,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        let form = Cancel { cancellation_reason };
        self.post(format!("/payment_intents/{}/cancel", sound(id)?), &form, sending).await
    }

    /// Of a customer, those that were made in a stretch of time.
    #[shared::built_once]
    pub async fn payment_intents_of(
        &self,
        customer: &str,
        created: CreatedBetween,
        account: &str,
    ) -> Result<Listed, StripeError> {
        let mut filter = Filter::from([("customer", sound(customer)?.to_owned())]);
        created.narrow(&mut filter);
        self.list("/payment_intents", filter, account).await
    }

    #[shared::built_once]
    pub async fn payment_intent(&self, id: &str, account: &str) -> Result<Answer, StripeError> {
        self.get(format!("/payment_intents/{}", sound(id)?), account).await
    }
}
