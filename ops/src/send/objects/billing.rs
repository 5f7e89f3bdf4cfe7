//! What is billed: invoices, the payments made on them, subscriptions, and the customer.

use serde_json::{Value, json};

use super::{CUSTOMER, Charge, INVOICE, Payment, SUBSCRIPTION, Setting, filled, lay_over, without};

pub struct Invoice {
    pub id: String,
    pub line_id: String,
    pub number: String,
    pub created: i64,
    pub amount: i64,
    pub amount_paid: i64,
    pub description: String,
    pub status: &'static str,
    /// Sent by mail to be paid until `due_date`, instead of charged.
    pub due_date: Option<i64>,
    pub attempt_count: u32,
    pub next_payment_attempt: Option<i64>,
    pub finalized_at: Option<i64>,
    pub paid_at: Option<i64>,
    pub voided_at: Option<i64>,
    pub uncollectible_at: Option<i64>,
    pub subscription: Option<String>,
}

impl Invoice {
    pub fn json(&self, setting: &Setting, payment: Option<&Payment>, charge: Option<&Charge>) -> Value {
        let customer = &setting.customer;
        let open = matches!(self.status, "draft" | "open");
        let amount_due = if self.status == "void" { 0 } else { self.amount };
        let mut value = filled(
            &INVOICE,
            json!({
                "id": self.id,
                "amount_due": amount_due,
                "amount_paid": self.amount_paid,
                "amount_remaining": amount_due - self.amount_paid,
                "attempt_count": self.attempt_count,
                "attempted": self.attempt_count > 0 || self.paid_at.is_some(),
                "auto_advance": open,
                "billing_reason": if self.subscription.is_some() { "subscription_cycle" } else { "manual" },
                "collection_method": if self.due_date.is_some() { "send_invoice" } else { "charge_automatically" },
                "created": self.created,
                "currency": setting.currency,
                "customer": customer.id,
                "customer_email": customer.email,
                "customer_name": customer.name,
                "due_date": self.due_date,
                "effective_at": self.finalized_at,
                "lines": self.lines(setting),
                "livemode": setting.livemode,
                "metadata": { "user_id": customer.user_id },
                "next_payment_attempt": self.next_payment_attempt.filter(|_| open),
                "period_end": self.created,
                "period_start": self.created,
                "status": self.status,
                "status_transitions": {
                    "finalized_at": self.finalized_at,
                    "marked_uncollectible_at": self.uncollectible_at,
                    "paid_at": self.paid_at,
                    "voided_at": self.voided_at,
                },
                "subtotal": self.amount,
                "subtotal_excluding_tax": self.amount,
                "total": self.amount,
                "total_excluding_tax": self.amount,
            }),
        );
        if self.finalized_at.is_some() {
            let page = format!("acct_1SampleListings/test_{}", self.line_id);
            lay_over(
                &mut value,
                json!({
                    "ending_balance": 0,
                    "hosted_invoice_url": format!("https://invoice.stripe.com/i/{page}?s=ap"),
                    "invoice_pdf": format!("https://pay.stripe.com/invoice/{page}/pdf?s=ap"),
                    "number": self.number,
                }),
            );
        }
        if !setting.api_version.links_by_objects() {
            self.before_links_moved(&mut value, payment, charge);
        } else if let Some(subscription) = &self.subscription {
            let details = json!({ "metadata": {}, "subscription": subscription });
            let parent = json!({
                "quote_details": null,
                "subscription_details": details,
                "type": "subscription_details",
            });
            lay_over(&mut value, json!({ "parent": parent }));
        }
        value
    }

    /// Until 2025-03-31 an invoice named its payment, its charge and its subscription itself.
    fn before_links_moved(&self, value: &mut Value, payment: Option<&Payment>, charge: Option<&Charge>) {
        without(value, &["amount_overpaid", "customer_account", "parent", "total_taxes"]);
        lay_over(
            value,
            json!({
                "charge": charge.map(|charge| &charge.id),
                "discount": null,
                "paid": self.status == "paid",
                "paid_out_of_band": false,
                "payment_intent": payment.map(|payment| &payment.id),
                "quote": null,
                "subscription": self.subscription,
                "subscription_details": { "metadata": null },
                "tax": null,
                "total_tax_amounts": [],
                "transfer_data": null,
            }),
        );
    }

    fn lines(&self, setting: &Setting) -> Value {
        json!({
            "object": "list",
            "data": [{
                "id": self.line_id,
                "object": "line_item",
                "amount": self.amount,
                "currency": setting.currency,
                "description": self.description,
                "discount_amounts": [],
                "discountable": true,
                "discounts": [],
                "invoice": self.id,
                "livemode": setting.livemode,
                "metadata": setting.metadata,
                "period": { "end": self.created, "start": self.created },
                "pretax_credit_amounts": [],
                "quantity": 1,
                "taxes": [],
            }],
            "has_more": false,
            "total_count": 1,
            "url": format!("/v1/invoices/{}/lines", self.id),
        })
    }
}

/// The link between an invoice and what paid it, an object of its own since 2025-03-31.
pub fn invoice_payment(id: &str, at: i64, setting: &Setting, invoice: &Invoice, payment: &Payment) -> Value {
    json!({
        "id": id,
        "object": "invoice_payment",
        "amount_paid": payment.amount,
        "amount_requested": payment.amount,
        "created": payment.created,
        "currency": setting.currency,
        "invoice": invoice.id,
        "is_default": true,
        "livemode": setting.livemode,
        "payment": { "payment_intent": payment.id, "type": "payment_intent" },
        "status": "paid",
        "status_transitions": { "canceled_at": null, "paid_at": at },
    })
}

pub struct Subscription {
    pub id: String,
    pub item_id: String,
    pub price_id: String,
    pub product_id: String,
    pub created: i64,
    pub amount: i64,
    pub status: &'static str,
    pub period_start: i64,
    pub latest_invoice: Option<String>,
    pub ended_at: Option<i64>,
}

pub const MONTH_SECS: i64 = 30 * 86_400;

impl Subscription {
    pub fn json(&self, setting: &Setting) -> Value {
        let price = json!({
            "id": self.price_id,
            "object": "price",
            "active": true,
            "billing_scheme": "per_unit",
            "created": self.created,
            "currency": setting.currency,
            "custom_unit_amount": null,
            "livemode": setting.livemode,
            "lookup_key": null,
            "metadata": {},
            "nickname": "Monthly",
            "product": self.product_id,
            "recurring": { "interval": "month", "interval_count": 1, "meter": null, "usage_type": "licensed" },
            "tax_behavior": "unspecified",
            "tiers_mode": null,
            "type": "recurring",
            "unit_amount": self.amount,
            "unit_amount_decimal": self.amount.to_string(),
        });
        let period = json!({
            "current_period_end": self.period_start + MONTH_SECS,
            "current_period_start": self.period_start,
        });
        let mut item = json!({
            "id": self.item_id,
            "object": "subscription_item",
            "created": self.created,
            "discounts": [],
            "metadata": {},
            "price": price,
            "quantity": 1,
            "subscription": self.id,
            "tax_rates": [],
        });
        let whole = !setting.api_version.links_by_objects();
        if !whole {
            lay_over(&mut item, period.clone());
        }
        let url = format!("/v1/subscription_items?subscription={}", self.id);
        let mut value = filled(
            &SUBSCRIPTION,
            json!({
                "id": self.id,
                "billing_cycle_anchor": self.created,
                "canceled_at": self.ended_at,
                "created": self.created,
                "currency": setting.currency,
                "customer": setting.customer.id,
                "default_payment_method": setting.customer.payment_method,
                "ended_at": self.ended_at,
                "items": { "object": "list", "data": [item], "has_more": false, "total_count": 1, "url": url },
                "latest_invoice": self.latest_invoice,
                "livemode": setting.livemode,
                "metadata": setting.metadata,
                "start_date": self.created,
                "status": self.status,
            }),
        );
        if whole {
            lay_over(&mut value, period);
        }
        value
    }
}

pub fn customer(created: i64, setting: &Setting) -> Value {
    let customer = &setting.customer;
    filled(
        &CUSTOMER,
        json!({
            "id": customer.id,
            "created": created,
            "email": customer.email,
            "invoice_prefix": customer.card.fingerprint[..8].to_ascii_uppercase(),
            "invoice_settings": { "default_payment_method": customer.payment_method },
            "livemode": setting.livemode,
            "metadata": { "user_id": customer.user_id },
            "name": customer.name,
        }),
    )
}
