//! What real objects carry besides and no rule reads: bodies as long, and as odd, as Stripe's.

use serde_json::{Value, json};

/// Adds to an object what it lacks.
pub(super) fn furnish(object: &mut Value) {
    let furniture = match object["object"].as_str().unwrap_or_default() {
        "payment_intent" => payment(),
        "charge" => charge(),
        "refund" => refund(),
        "dispute" => dispute(),
        "invoice" => invoice(),
        "customer" => customer(),
        "subscription" => subscription(),
        _ => return,
    };
    let (Value::Object(fields), Value::Object(furniture)) = (object, furniture) else { return };
    for (name, value) in furniture {
        fields.entry(name).or_insert(value);
    }
}

fn payment() -> Value {
    json!({
        "amount_details": { "tip": {} }, "application_fee_amount": null,
        "automatic_payment_methods": { "allow_redirects": "always", "enabled": true },
        "cancellation_reason": null, "on_behalf_of": null,
        "payment_method_configuration_details": { "id": "pmc_1Nw2bJ2eZvKYlo2C", "parent": null },
        "payment_method_options": {
            "card": {
                "installments": null, "mandate_options": null, "network": null,
                "request_three_d_secure": "automatic",
            },
            "link": { "persistent_token": null },
        },
        "review": null, "shipping": shipping(), "source": null, "statement_descriptor_suffix": null,
        "transfer_group": null,
    })
}

fn charge() -> Value {
    json!({
        "application": null, "application_fee": null, "application_fee_amount": null,
        "calculated_statement_descriptor": "TIDE LISTING", "destination": null,
        "failure_balance_transaction": null, "fraud_details": {}, "on_behalf_of": null, "order": null,
        "payment_method": "pm_1Nw2bJ2eZvKYlo2CpKtTidXg", "radar_options": {},
        "receipt_email": "buyer@example.com", "receipt_number": null,
        "receipt_url": "https://pay.stripe.com/receipts/payment/CAcaFwoVYWNjdF8xTncyYkoyZVp2S1lsbzJDKIDx",
        "review": null, "shipping": shipping(), "source": null, "source_transfer": null,
        "statement_descriptor": null, "statement_descriptor_suffix": null, "transfer_data": null,
        "transfer_group": null,
    })
}

fn refund() -> Value {
    json!({
        "description": null, "failure_balance_transaction": null, "instructions_email": null,
        "next_action": null,
    })
}

fn dispute() -> Value {
    json!({
        "balance_transaction": null, "enhanced_eligibility_types": [],
        "payment_method_details": {
            "card": { "brand": "visa", "case_type": "chargeback", "network_reason_code": "10.4" },
            "type": "card",
        },
    })
}

fn invoice() -> Value {
    json!({
        "account_tax_ids": null, "amount_overpaid": 0, "amount_shipping": 0, "application": null,
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null, "status": null },
        "automatically_finalizes_at": null, "custom_fields": null,
        "customer_address": { "city": "Springfield", "country": "US", "line1": "742 Evergreen Terrace" },
        "customer_phone": "+15555550123", "customer_shipping": null, "customer_tax_exempt": "none",
        "customer_tax_ids": [], "default_payment_method": null, "default_source": null,
        "default_tax_rates": [], "description": "Promotion of four listings", "discounts": [],
        "effective_at": null, "ending_balance": null, "footer": null, "from_invoice": null,
        "hosted_invoice_url": null, "invoice_pdf": null, "issuer": { "type": "self" },
        "last_finalization_error": null, "latest_revision": null,
        "lines": { "object": "list", "data": [line()], "has_more": false, "total_count": 1 },
        "on_behalf_of": null,
        "payment_settings": {
            "default_mandate": null, "payment_method_options": null, "payment_method_types": null,
        },
        "post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0,
        "receipt_number": null, "rendering": { "amount_tax_display": null, "pdf": { "page_size": "letter" } },
        "shipping_cost": null, "starting_balance": 0, "statement_descriptor": null,
        "subtotal_excluding_tax": null, "test_clock": null, "total_discount_amounts": [], "total_taxes": [],
        "webhooks_delivered_at": null,
    })
}

fn line() -> Value {
    json!({
        "id": "il_1Nw2bJ2eZvKYlo2C", "object": "line_item", "amount": 900, "currency": "usd",
        "description": "Promotion of a listing for thirty days", "discount_amounts": [],
        "discountable": true, "discounts": [], "metadata": {},
        "parent": {
            "invoice_item_details": { "invoice_item": "ii_1Nw2bJ", "proration": false, "subscription": null },
            "type": "invoice_item_details",
        },
        "period": { "end": 1_780_000_000, "start": 1_780_000_000 }, "pretax_credit_amounts": [],
        "pricing": {
            "price_details": { "price": "price_1Qx", "product": "prod_Rq7" }, "type": "price_details",
            "unit_amount_decimal": "900",
        },
        "quantity": 1, "taxes": [],
    })
}

fn customer() -> Value {
    json!({
        "default_source": null, "discount": null,
        "invoice_settings": {
            "custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null,
        },
        "next_invoice_sequence": 1, "test_clock": null,
    })
}

fn subscription() -> Value {
    json!({
        "application": null, "automatic_tax": { "enabled": false, "liability": null },
        "billing_thresholds": null, "cancel_at": null, "days_until_due": null, "default_tax_rates": [],
        "description": null, "discounts": [], "latest_invoice": null, "on_behalf_of": null,
        "pause_collection": null, "pending_setup_intent": null, "schedule": null, "test_clock": null,
        "trial_end": null, "trial_start": null,
    })
}

fn shipping() -> Value {
    json!({
        "address": {
            "city": "Springfield", "country": "US", "line1": "742 Evergreen Terrace", "line2": null,
            "postal_code": "62704", "state": "IL",
        },
        "carrier": null, "name": "Jane Example", "phone": "+15555550123", "tracking_number": null,
    })
}
