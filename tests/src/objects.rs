//! Stripe's objects as its API shows them: every field that a real event carries, with invented people.

use serde_json::{Value, json};

use crate::random::Random;

/// One payment as the story knows it.
pub struct Payment {
    pub id: String,
    pub invoice: Option<String>,
    customer: String,
    charge: String,
    method: String,
    user: String,
    amount: u64,
    created: i64,
}

impl Payment {
    pub fn new(random: &mut Random, created: i64) -> Self {
        Self {
            id: random.id("pi"),
            invoice: None,
            customer: random.id("cus"),
            charge: random.id("ch"),
            method: random.id("pm"),
            user: format!("user_{}", random.within(1..5_000)),
            amount: random.within(500..250_000),
            created,
        }
    }

    /// The object in one of Stripe's statuses.
    pub fn object(&self, status: &str, livemode: bool) -> Value {
        let received = if status == "succeeded" { self.amount } else { 0 };
        let capturable = if status == "requires_capture" { self.amount } else { 0 };
        let charged = matches!(status, "succeeded" | "processing" | "requires_capture");
        let waits_for_card = status == "requires_payment_method";
        let secret = format!("{}_secret_{}", self.id, &self.charge[3..]);
        json!({
            "id": self.id, "object": "payment_intent", "amount": self.amount, "amount_capturable": capturable,
            "amount_details": { "tip": {} }, "amount_received": received, "application": null,
            "application_fee_amount": null,
            "automatic_payment_methods": { "allow_redirects": "always", "enabled": true },
            "canceled_at": (status == "canceled").then_some(self.created + 60),
            "cancellation_reason": (status == "canceled").then_some("requested_by_customer"),
            "capture_method": if capturable > 0 { "manual" } else { "automatic_async" },
            "client_secret": secret, "confirmation_method": "automatic", "created": self.created,
            "currency": "usd", "customer": self.customer, "description": "Listing fee, thirty days",
            "last_payment_error": waits_for_card.then(|| self.decline(livemode)),
            "latest_charge": charged.then_some(&self.charge), "livemode": livemode,
            "metadata": self.metadata(),
            "next_action": (status == "requires_action").then(|| json!({
                "type": "use_stripe_sdk",
                "use_stripe_sdk": { "type": "three_d_secure_redirect", "source": self.method },
            })),
            "on_behalf_of": null, "payment_method": (!waits_for_card).then_some(&self.method),
            "payment_method_configuration_details": { "id": "pmc_1Nw2bJ2eZvKYlo2C", "parent": null },
            "payment_method_options": {
                "card": {
                    "installments": null, "mandate_options": null, "network": null,
                    "request_three_d_secure": "automatic",
                },
                "link": { "persistent_token": null },
            },
            "payment_method_types": ["card", "link"], "processing": null,
            "receipt_email": "buyer@example.com", "review": null, "setup_future_usage": null,
            "shipping": {
                "address": {
                    "city": "Springfield", "country": "US", "line1": "742 Evergreen Terrace", "line2": null,
                    "postal_code": "62704", "state": "IL",
                },
                "carrier": null, "name": "Jane Example", "phone": "+15555550123", "tracking_number": null,
            },
            "source": null, "statement_descriptor": "TIDE LISTING", "statement_descriptor_suffix": null,
            "status": status, "transfer_data": null, "transfer_group": null,
        })
    }

    fn metadata(&self) -> Value {
        let mut metadata = json!({
            "user_id": self.user, "listing_id": "listing_48213", "category_id": "vehicles",
            "payment_type": "listing_fee", "order": "Sommer & Söhne, „Zürich“",
        });
        if let Some(invoice) = &self.invoice {
            metadata["payment_type"] = json!("invoice");
            metadata["invoice_id"] = json!(invoice);
        }
        metadata
    }

    fn decline(&self, livemode: bool) -> Value {
        json!({
            "advice_code": "try_again_later", "charge": self.charge, "code": "card_declined",
            "decline_code": "insufficient_funds", "doc_url": "https://stripe.com/docs/error-codes/card-declined",
            "message": "Your card has insufficient funds.", "type": "card_error",
            "payment_method": {
                "id": self.method, "object": "payment_method", "allow_redisplay": "unspecified",
                "card": { "brand": "visa", "country": "US", "exp_month": 4, "exp_year": 2031, "last4": "9995" },
                "created": self.created, "customer": self.customer, "livemode": livemode, "type": "card",
            },
        })
    }
}

/// One invoice as the story knows it.
pub struct Invoice {
    pub id: String,
    pub payment: Option<String>,
    customer: String,
    line: String,
    amount: u64,
    created: i64,
}

impl Invoice {
    pub fn new(random: &mut Random, created: i64) -> Self {
        Self {
            id: random.id("in"),
            payment: None,
            customer: random.id("cus"),
            line: random.id("il"),
            amount: random.within(1_000..90_000),
            created,
        }
    }

    /// The object in one of Stripe's statuses, in the shape of the given API version.
    pub fn object(&self, status: &str, attempts: u64, api_version: &str, livemode: bool) -> Value {
        let paid = if status == "paid" { self.amount } else { 0 };
        let finalized = (status != "draft").then_some(self.created + 1);
        let mut object = json!({
            "id": self.id, "object": "invoice", "account_country": "US", "account_name": "Tide Market",
            "account_tax_ids": null, "amount_due": self.amount, "amount_overpaid": 0, "amount_paid": paid,
            "amount_remaining": self.amount - paid, "amount_shipping": 0, "attempt_count": attempts,
            "attempted": attempts > 0, "auto_advance": status == "open",
            "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null, "status": null },
            "billing_reason": "manual", "collection_method": "charge_automatically", "created": self.created,
            "currency": "usd", "custom_fields": null, "customer": self.customer,
            "customer_address": { "city": "Springfield", "country": "US", "line1": "742 Evergreen Terrace" },
            "customer_email": "buyer@example.com", "customer_name": "Jane Example",
            "customer_phone": "+15555550123", "customer_tax_exempt": "none", "default_payment_method": null,
            "description": "Promotion of four listings", "discounts": [], "due_date": null,
            "effective_at": finalized, "ending_balance": finalized.map(|_| 0), "footer": null,
            "hosted_invoice_url": finalized.map(|_| format!("https://invoice.stripe.com/i/acct_1/{}", self.id)),
            "lines": { "object": "list", "has_more": false, "total_count": 1, "data": [self.line(livemode)] },
            "livemode": livemode, "metadata": { "campaign": "autumn" }, "next_payment_attempt": null,
            "number": finalized.map(|_| "A1B2C3D4-0001"), "on_behalf_of": null,
            "payment_settings": { "default_mandate": null, "payment_method_types": null },
            "period_end": self.created, "period_start": self.created, "post_payment_credit_notes_amount": 0,
            "rendering": { "amount_tax_display": null, "pdf": { "page_size": "letter" }, "template": null },
            "starting_balance": 0, "statement_descriptor": null, "status": status,
            "status_transitions": {
                "finalized_at": finalized, "marked_uncollectible_at": null,
                "paid_at": (status == "paid").then_some(self.created + 2), "voided_at": null,
            },
            "subtotal": self.amount, "subtotal_excluding_tax": self.amount, "test_clock": null,
            "total": self.amount, "total_discount_amounts": [], "total_taxes": [],
            "webhooks_delivered_at": self.created,
        });
        self.link(&mut object, paid, api_version);
        object
    }

    /// Where an invoice names its payment moved in 2025.
    fn link(&self, object: &mut Value, paid: u64, api_version: &str) {
        let fields = object.as_object_mut().expect("an invoice is a JSON object");
        if api_version < "2025" {
            fields.insert("paid".to_owned(), json!(paid > 0));
            fields.insert("payment_intent".to_owned(), json!(self.payment));
            return;
        }
        let payments: Vec<Value> = self.payment.iter().map(|payment| {
            json!({
                "id": format!("inpay_{}", &self.id[3..]), "object": "invoice_payment", "amount_paid": paid,
                "amount_requested": self.amount, "currency": "usd", "invoice": self.id, "is_default": true,
                "payment": { "payment_intent": payment, "type": "payment_intent" },
                "status": if paid > 0 { "paid" } else { "open" },
            })
        }).collect();
        fields.insert(
            "payments".to_owned(),
            json!({ "object": "list", "data": payments, "has_more": false, "total_count": payments.len() }),
        );
    }

    fn line(&self, livemode: bool) -> Value {
        json!({
            "id": self.line, "object": "line_item", "amount": self.amount, "currency": "usd",
            "description": "Promotion of a listing for thirty days", "discount_amounts": [],
            "discountable": true, "discounts": [], "invoice": self.id, "livemode": livemode, "metadata": {},
            "parent": {
                "invoice_item_details": { "invoice_item": self.line, "proration": false, "subscription": null },
                "type": "invoice_item_details",
            },
            "period": { "end": self.created, "start": self.created }, "pretax_credit_amounts": [],
            "pricing": {
                "price_details": { "price": "price_1Qx", "product": "prod_Rq7" }, "type": "price_details",
                "unit_amount_decimal": self.amount.to_string(),
            },
            "quantity": 1, "taxes": [],
        })
    }
}
