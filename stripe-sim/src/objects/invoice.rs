//! What is billed: an invoice, with its one line.

use serde_json::{Value, json};

use super::{INVOICE, InvoicePayment, filled, lay_over, list, without};
use crate::Setting;

#[derive(Clone, Debug)]
pub struct Invoice {
    pub id: String,
    pub line_id: String,
    /// Given when it is finalized.
    pub number: String,
    pub created: i64,
    pub total: i64,
    pub amount_due: i64,
    pub amount_paid: i64,
    pub currency: &'static str,
    pub customer: String,
    pub status: &'static str,
    /// Sent by mail to be paid, instead of charged.
    pub is_sent: bool,
    pub due_date: Option<i64>,
    pub attempt_count: i64,
    pub auto_advance: bool,
    pub next_payment_attempt: Option<i64>,
    pub finalized_at: Option<i64>,
    pub paid_at: Option<i64>,
    pub voided_at: Option<i64>,
    pub uncollectible_at: Option<i64>,
    /// Settled without Stripe, which only older versions say.
    pub paid_out_of_band: bool,
    pub subscription: Option<String>,
    /// The latest payment and its charge, which only older versions name.
    pub payment_intent: Option<String>,
    pub charge: Option<String>,
    /// Since there are such objects, for those who ask.
    pub payments: Option<Vec<InvoicePayment>>,
    pub metadata: Value,
    pub line_metadata: Value,
}

impl Invoice {
    /// A draft.
    pub fn new(id: String, customer: String, created: i64, amount: i64, currency: &'static str) -> Self {
        Self {
            line_id: format!("il_{}", id.trim_start_matches("in_")),
            id,
            number: "A1B2C3D4-0001".to_owned(),
            created,
            total: amount,
            amount_due: amount,
            amount_paid: 0,
            currency,
            customer,
            status: "draft",
            is_sent: false,
            due_date: None,
            attempt_count: 0,
            auto_advance: true,
            next_payment_attempt: None,
            finalized_at: None,
            paid_at: None,
            voided_at: None,
            uncollectible_at: None,
            paid_out_of_band: false,
            subscription: None,
            payment_intent: None,
            charge: None,
            payments: None,
            metadata: json!({}),
            line_metadata: json!({}),
        }
    }

    pub fn json(&self, setting: &Setting) -> Value {
        let mut value = filled(
            &INVOICE,
            setting,
            json!({
                "id": self.id,
                "object": "invoice",
                "amount_due": self.amount_due,
                "amount_paid": self.amount_paid,
                "amount_remaining": self.amount_due - self.amount_paid,
                "attempt_count": self.attempt_count,
                "attempted": self.attempt_count > 0 || self.paid_at.is_some(),
                "auto_advance": self.auto_advance,
                "billing_reason": if self.subscription.is_some() { "subscription_cycle" } else { "manual" },
                "collection_method": if self.is_sent { "send_invoice" } else { "charge_automatically" },
                "created": self.created,
                "currency": self.currency,
                "customer": setting.link(Some(&self.customer), "customer"),
                "due_date": self.due_date,
                "livemode": setting.livemode,
                "metadata": self.metadata,
                "next_payment_attempt": self.next_payment_attempt,
                "number": self.finalized_at.map(|_| &self.number),
                "status": self.status,
                "status_transitions": {
                    "finalized_at": self.finalized_at,
                    "marked_uncollectible_at": self.uncollectible_at,
                    "paid_at": self.paid_at,
                    "voided_at": self.voided_at,
                },
                "total": self.total,
            }),
        );
        if !setting.is_bare {
            lay_over(&mut value, self.particulars(setting));
        }
        if setting.api_version.links_by_objects() {
            value["parent"] = self.parent(setting);
            if let Some(payments) = &self.payments {
                let listed: Vec<Value> = payments.iter().map(|payment| payment.json(setting)).collect();
                value["payments"] = list(&listed);
            }
        } else {
            self.before_links_moved(&mut value, setting);
        }
        value
    }

    /// What repeats the rest of it, or tells of its pages and its line.
    fn particulars(&self, setting: &Setting) -> Value {
        let mut particulars = json!({
            "customer_email": setting.payer.email,
            "customer_name": setting.payer.name,
            "effective_at": self.finalized_at,
            "lines": self.lines(setting),
            "period_end": self.created,
            "period_start": self.created,
            "subtotal": self.total,
            "subtotal_excluding_tax": self.total,
            "total_excluding_tax": self.total,
        });
        if self.finalized_at.is_some() {
            let page = format!("acct_1SampleListings/test_{}", self.line_id);
            lay_over(
                &mut particulars,
                json!({
                    "ending_balance": 0,
                    "hosted_invoice_url": format!("https://invoice.stripe.com/i/{page}?s=ap"),
                    "invoice_pdf": format!("https://pay.stripe.com/invoice/{page}/pdf?s=ap"),
                }),
            );
        }
        particulars
    }

    fn parent(&self, setting: &Setting) -> Value {
        let Some(subscription) = &self.subscription else { return Value::Null };
        let subscription = setting.link(Some(subscription), "subscription");
        json!({
            "quote_details": null,
            "subscription_details": { "metadata": {}, "subscription": subscription },
            "type": "subscription_details",
        })
    }

    /// Until 2025-03-31 an invoice named its payment, its charge and its subscription itself.
    fn before_links_moved(&self, value: &mut Value, setting: &Setting) {
        without(value, &["amount_overpaid", "customer_account", "parent", "total_taxes"]);
        let subscription = setting.link(self.subscription.as_deref(), "subscription");
        lay_over(
            value,
            json!({
                "charge": setting.link(self.charge.as_deref(), "charge"),
                "paid": self.status == "paid",
                "paid_out_of_band": self.paid_out_of_band,
                "payment_intent": setting.link(self.payment_intent.as_deref(), "payment_intent"),
                "subscription": subscription,
            }),
        );
        if !setting.is_bare {
            lay_over(
                value,
                json!({
                    "discount": null,
                    "quote": null,
                    "subscription_details": { "metadata": null },
                    "tax": null,
                    "total_tax_amounts": [],
                    "transfer_data": null,
                }),
            );
        }
    }

    fn lines(&self, setting: &Setting) -> Value {
        let mut lines = list(&[json!({
            "id": self.line_id,
            "object": "line_item",
            "amount": self.total,
            "currency": self.currency,
            "description": "Listing, premium placement, 30 days",
            "discount_amounts": [],
            "discountable": true,
            "discounts": [],
            "invoice": self.id,
            "livemode": setting.livemode,
            "metadata": self.line_metadata,
            "period": { "end": self.created, "start": self.created },
            "pretax_credit_amounts": [],
            "quantity": 1,
            "taxes": [],
        })]);
        lines["url"] = json!(format!("/v1/invoices/{}/lines", self.id));
        lines
    }
}
