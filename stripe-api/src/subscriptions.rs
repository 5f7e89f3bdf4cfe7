//! Subscriptions: make one, end it now or with its period, read it.

use serde::{Deserialize, Serialize};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::answer::Answer;
use super::lists::{Filter, Listed};
use super::sending::{Metadata, Sending, sound};
use super::transport::Outgoing;
use super::{Api, StripeError};

/// With its first payment, or not at all.
#[derive(Clone, Debug)]
pub struct NewSubscription<'a> {
    pub customer: &'a str,
    pub prices: &'a [String],
    pub default_payment_method: Option<&'a str>,
    pub metadata: &'a Metadata,
}

#[derive(Serialize)]
struct Form<'a> {
    customer: &'a str,
    items: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_payment_method: Option<&'a str>,
    off_session: bool,
    payment_behavior: &'static str,
    metadata: &'a Metadata,
}

#[derive(Serialize)]
struct Item<'a> {
    price: &'a str,
}

#[derive(Serialize)]
struct AtPeriodEnd {
    cancel_at_period_end: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SubscriptionNow {
    pub id: String,
    pub status: String,
    #[serde(default)]
    pub cancel_at_period_end: bool,
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default)]
    items: Items,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Items {
    #[serde(default)]
    data: Vec<Priced>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Priced {
    price: Price,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Price {
    id: String,
}

impl SubscriptionNow {
    pub fn has_price(&self, id: &str) -> bool {
        self.items.data.iter().any(|item| item.price.id == id)
    }

    pub fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "canceled" | "incomplete_expired")
    }
}

impl Api {
    #[shared::built_once]
    pub async fn create_subscription(
        &self,
        subscription: &NewSubscription<'_>,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        let form = Form {
            customer: subscription.customer,
            items: subscription.prices.iter().map(|price| Item { price }).collect(),
            default_payment_method: subscription.default_payment_method,
            off_session: true,
            payment_behavior: "error_if_incomplete",
            metadata: subscription.metadata,
        };
        self.post("/subscriptions".to_owned(), &form, sending).await
    }

    /// At once. A DELETE ignores idempotency keys, so it is read first: one that has ended is the answer.
    #[shared::built_once]
    pub async fn cancel_subscription(&self, id: &str, sending: Sending<'_>) -> Result<Answer, StripeError> {
        let path = format!("/subscriptions/{}", sound(id)?);
        let now = self.get(path.clone(), sending.account).await?;
        if now.read::<SubscriptionNow>()?.has_ended() {
            return Ok(now);
        }
        self.send(&Outgoing::from(RequestBuilder::new(StripeMethod::Delete, path)), sending).await
    }

    /// When its paid period ends.
    #[shared::built_once]
    pub async fn cancel_subscription_at_period_end(
        &self,
        id: &str,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        let form = AtPeriodEnd { cancel_at_period_end: true };
        self.post(format!("/subscriptions/{}", sound(id)?), &form, sending).await
    }

    #[shared::built_once]
    pub async fn subscription(&self, id: &str, account: &str) -> Result<Answer, StripeError> {
        self.get(format!("/subscriptions/{}", sound(id)?), account).await
    }

    /// Of a customer, those that have ended too.
    #[shared::built_once]
    pub async fn subscriptions_of(&self, customer: &str, account: &str) -> Result<Listed, StripeError> {
        let filter = Filter::from([("customer", sound(customer)?.to_owned()), ("status", "all".to_owned())]);
        self.list("/subscriptions", filter, account).await
    }
}
