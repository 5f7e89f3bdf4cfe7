//! Who pays, and for what again and again: customers and subscriptions.

use serde_json::{Value, json};

use super::stripe::{Named, Stripe};

/// When customers and subscriptions began: long before any event.
const SIGNED_UP: i64 = 1_770_000_000;

pub struct Customer {
    /// The merchant's own name for this person, from the metadata.
    pub user: Named,
    pub deleted: bool,
    pub told: bool,
}

pub struct Subscription {
    pub customer: String,
    pub status: &'static str,
    pub told: bool,
}

impl Stripe {
    pub fn customer(&mut self, user: Option<&str>) -> String {
        let id = self.random.id("cus");
        self.customers.insert(id.clone(), Customer { user: user.into(), deleted: false, told: false });
        id
    }

    pub fn subscription(&mut self, customer: &str, status: &'static str) -> String {
        let id = self.random.id("sub");
        let subscription = Subscription { customer: customer.to_owned(), status, told: false };
        self.subscriptions.insert(id.clone(), subscription);
        id
    }

    pub fn rename_customer(&mut self, customer: &str, user: Option<&str>) {
        self.customers.get_mut(customer).expect("a customer of this account").user.becomes(user);
    }

    pub fn delete_customer(&mut self, customer: &str) {
        self.customers.get_mut(customer).expect("a customer of this account").deleted = true;
    }

    pub fn renew(&mut self, subscription: &str, status: &'static str) {
        self.subscriptions.get_mut(subscription).expect("a subscription of this account").status = status;
    }

    pub(super) fn tell_customer(&mut self, id: &str) -> Value {
        let customer = self.customers.get_mut(id).expect("a customer of this account");
        customer.told = true;
        customer.user.as_told();
        let metadata = metadata(&[("user_id", customer.user.now.as_ref())]);
        stripe_sim::Customer { id: id.to_owned(), created: SIGNED_UP, metadata }.json(&self.setting())
    }

    pub(super) fn tell_subscription(&mut self, id: &str) -> Value {
        let subscription = self.subscriptions.get_mut(id).expect("a subscription of this account");
        subscription.told = true;
        let (status, customer) = (subscription.status, subscription.customer.clone());
        let mut body = stripe_sim::Subscription::new(id.to_owned(), customer, SIGNED_UP, 900, "usd");
        body.status = status;
        body.ended_at = matches!(status, "canceled" | "incomplete_expired").then_some(self.now);
        body.json(&self.setting())
    }
}

/// Metadata with the fields that have a value, and one that no rule knows.
pub(super) fn metadata(fields: &[(&str, Option<&String>)]) -> Value {
    let mut metadata = json!({ "order": "Sommer & Söhne, „Zürich“" });
    for (name, value) in fields {
        if let Some(value) = value {
            metadata[*name] = json!(value);
        }
    }
    metadata
}
