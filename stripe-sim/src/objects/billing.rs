//! What stands beside an invoice: the objects that say which payment paid how much of it, and subscriptions.

use serde_json::{Value, json};

use super::{SUBSCRIPTION, filled, lay_over, list};
use crate::Setting;

pub const MONTH_SECS: i64 = 30 * 86_400;

/// Which payment pays how much of which invoice: its own object since 2025-03-31.
#[derive(Clone, Debug)]
pub struct InvoicePayment {
    pub id: String,
    pub created: i64,
    pub currency: &'static str,
    pub amount_requested: i64,
    /// Nothing is said while it is not paid.
    pub amount_paid: Option<i64>,
    pub invoice: String,
    pub payment_intent: String,
    pub status: &'static str,
    pub paid_at: Option<i64>,
}

impl InvoicePayment {
    pub fn json(&self, setting: &Setting) -> Value {
        json!({
            "id": self.id,
            "object": "invoice_payment",
            "amount_paid": self.amount_paid,
            "amount_requested": self.amount_requested,
            "created": self.created,
            "currency": self.currency,
            "invoice": setting.link(Some(&self.invoice), "invoice"),
            "is_default": true,
            "livemode": setting.livemode,
            "payment": {
                "payment_intent": setting.link(Some(&self.payment_intent), "payment_intent"),
                "type": "payment_intent",
            },
            "status": self.status,
            "status_transitions": { "canceled_at": null, "paid_at": self.paid_at },
        })
    }
}

#[derive(Clone, Debug)]
pub struct Subscription {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub currency: &'static str,
    pub customer: String,
    pub status: &'static str,
    pub period_start: i64,
    pub latest_invoice: Option<String>,
    pub ended_at: Option<i64>,
    pub metadata: Value,
}

impl Subscription {
    pub fn new(id: String, customer: String, created: i64, amount: i64, currency: &'static str) -> Self {
        Self {
            id,
            created,
            amount,
            currency,
            customer,
            status: "active",
            period_start: created,
            latest_invoice: None,
            ended_at: None,
            metadata: json!({}),
        }
    }

    pub fn json(&self, setting: &Setting) -> Value {
        let mut value = filled(
            &SUBSCRIPTION,
            setting,
            json!({
                "id": self.id,
                "object": "subscription",
                "billing_cycle_anchor": self.created,
                "cancel_at_period_end": false,
                "canceled_at": self.ended_at,
                "collection_method": "charge_automatically",
                "created": self.created,
                "currency": self.currency,
                "customer": setting.link(Some(&self.customer), "customer"),
                "ended_at": self.ended_at,
                "latest_invoice": self.latest_invoice,
                "livemode": setting.livemode,
                "metadata": self.metadata,
                "start_date": self.created,
                "status": self.status,
            }),
        );
        if setting.is_bare {
            return value;
        }
        let period = json!({
            "current_period_end": self.period_start + MONTH_SECS,
            "current_period_start": self.period_start,
        });
        let mut item = self.item(setting);
        // The period moved to the items with the version that moved the links.
        let holder = if setting.api_version.links_by_objects() { &mut item } else { &mut value };
        lay_over(holder, period);
        let mut items = list(&[item]);
        items["url"] = json!(format!("/v1/subscription_items?subscription={}", self.id));
        value["items"] = items;
        value["default_payment_method"] = json!(setting.payer.payment_method);
        value
    }

    fn item(&self, setting: &Setting) -> Value {
        let own = self.id.trim_start_matches("sub_");
        json!({
            "id": format!("si_{own}"),
            "object": "subscription_item",
            "created": self.created,
            "discounts": [],
            "metadata": {},
            "price": {
                "id": format!("price_{own}"),
                "object": "price",
                "active": true,
                "billing_scheme": "per_unit",
                "created": self.created,
                "currency": self.currency,
                "custom_unit_amount": null,
                "livemode": setting.livemode,
                "lookup_key": null,
                "metadata": {},
                "nickname": "Monthly",
                "product": format!("prod_{own}"),
                "recurring": {
                    "interval": "month", "interval_count": 1, "meter": null, "usage_type": "licensed",
                },
                "tax_behavior": "unspecified",
                "tiers_mode": null,
                "type": "recurring",
                "unit_amount": self.amount,
                "unit_amount_decimal": self.amount.to_string(),
            },
            "quantity": 1,
            "subscription": self.id,
            "tax_rates": [],
        })
    }
}
