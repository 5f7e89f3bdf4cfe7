//! Charges: one attempt to pay, for a payment intent or, as in the old API, by itself.

use serde_json::{Value, json};
use stripe_sim::shaped;

use crate::balance::{self, Entry};
use crate::books::{Books, Happening};
use crate::error::{Answer, Refusal};
use crate::lists::{self, PAGING};
use crate::params::Params;
use crate::test_cards::{Decline, Does};
use crate::versions::BASIL;
use crate::{disputes, money, payment_methods, refund_movements};

/// What is to be charged.
pub(crate) struct Attempt {
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) payment_method: String,
    pub(crate) customer: Value,
    pub(crate) description: Value,
    pub(crate) metadata: Value,
    pub(crate) payment_intent: Value,
    pub(crate) invoice: Value,
    pub(crate) captured: bool,
    /// Settlement follows within this call.
    pub(crate) settles_at_once: bool,
}

/// Made, and told: `charge.succeeded` with what the card does besides, or `charge.failed`.
pub(crate) fn attempt(books: &mut Books, attempt: &Attempt) -> (String, Option<Decline>) {
    let does = payment_methods::does(books, &attempt.payment_method);
    let decline = match does {
        Does::Decline(decline) | Does::AuthenticateAndDecline(decline) => Some(decline),
        _ => None,
    };
    let id = format!("ch_3{}", books.random_text(23));
    let captured = attempt.captured && decline.is_none();
    books.put(charge(books, &id, attempt, decline));
    if decline.is_some() {
        books.record("charge.failed", &id);
        return (id, decline);
    }
    if captured && attempt.settles_at_once {
        settle_silently(books, &id);
    } else if captured {
        books.later(books.settings.settles_after_secs, Happening::ChargeSettles(id.clone()));
    }
    books.record("charge.succeeded", &id);
    match does {
        Does::Dispute { reason, network_reason_code } => {
            disputes::open(books, &id, reason, network_reason_code, "needs_response", None);
        }
        Does::Inquiry { reason, network_reason_code } => {
            disputes::open(books, &id, reason, network_reason_code, "warning_needs_response", None);
        }
        Does::Warn => disputes::warn(books, &id),
        _ => {}
    }
    (id, None)
}

fn charge(books: &Books, id: &str, attempt: &Attempt, decline: Option<Decline>) -> Value {
    let card = books.get(&attempt.payment_method).map(|method| method["card"].clone()).unwrap_or_default();
    let captured = attempt.captured && decline.is_none();
    let mut value = shaped(
        "charge",
        json!({
            "id": id, "amount": attempt.amount, "amount_captured": if captured { attempt.amount } else { 0 },
            "captured": captured, "created": books.now, "currency": attempt.currency, "customer": attempt.customer,
            "description": attempt.description, "failure_code": decline.map(|decline| decline.code),
            "failure_message": decline.map(|decline| decline.message), "livemode": books.livemode,
            "metadata": attempt.metadata, "paid": decline.is_none(), "payment_intent": attempt.payment_intent,
            "payment_method": attempt.payment_method,
            "payment_method_details": { "card": {
                "amount_authorized": attempt.amount, "brand": card["brand"], "exp_month": card["exp_month"],
                "exp_year": card["exp_year"], "fingerprint": card["fingerprint"], "last4": card["last4"], "network": card["brand"],
            } },
            "outcome": { "risk_score": 12 },
            "status": if decline.is_none() { "succeeded" } else { "failed" },
            "_does": format!("{:?}", payment_methods::does(books, &attempt.payment_method)), "_invoice": attempt.invoice,
        }),
    );
    if let Some(decline) = decline {
        value["outcome"] = decline.outcome();
    }
    value
}

/// The balance transaction of a captured charge, if it has none yet; told by `charge.updated`.
pub(crate) fn settle(books: &mut Books, id: &str) {
    let Some(transaction) = settlement(books, id) else { return };
    books.change(id, "charge.updated", json!({ "balance_transaction": transaction }));
}

fn settle_silently(books: &mut Books, id: &str) {
    if let Some(transaction) = settlement(books, id) {
        books.edit(id, json!({ "balance_transaction": transaction }));
    }
}

fn settlement(books: &mut Books, id: &str) -> Option<String> {
    let charge = books.get(id)?.clone();
    if charge["captured"] != true || !charge["balance_transaction"].is_null() {
        return None;
    }
    let release = charge["_release"].as_str();
    // Where a refund moves back what was released, all that was authorized is moved first.
    let amount = charge[if release.is_some() { "amount" } else { "amount_captured" }].as_i64().unwrap_or(0);
    let fee = fee(books, amount);
    let settings = &books.settings;
    let at_once = charge["_does"] == format!("{:?}", Does::PayAtOnce);
    let entry = Entry {
        kind: "charge",
        reporting_category: "charge",
        amount,
        fee,
        currency: charge["currency"].as_str().unwrap_or_default(),
        source: id,
        description: "Payment",
        available_after_secs: if at_once { 0 } else { settings.available_after_secs },
    };
    let transaction = balance::enter(books, &entry);
    if let Some(release) = release {
        let kept = fee - self::fee(books, charge["amount_captured"].as_i64().unwrap_or(0));
        refund_movements::withdraw(books, release, -kept);
    }
    Some(transaction)
}

fn fee(books: &Books, amount: i64) -> i64 {
    (amount * books.settings.fee_per_10_000 + 5_000) / 10_000 + books.settings.fee_fixed
}

/// As in the old API: without a payment intent.
pub(crate) fn create(books: &mut Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[
        "amount",
        "currency",
        "source",
        "customer",
        "description",
        "metadata",
        "capture",
        "receipt_email",
        "statement_descriptor_suffix",
    ])?;
    params.required("amount")?;
    let amount = params.amount("amount")?.unwrap_or(0);
    let currency = params.currency()?;
    money::chargeable(amount, &currency)?;
    let captured = params.flag("capture")?.unwrap_or(true);
    let metadata = params.metadata(&json!({}))?;
    let source = match (params.text("source"), params.text("customer")) {
        (Some(source), _) => source.to_owned(),
        (None, Some(customer)) => {
            let customer =
                books.find("customer", customer, "customer").map_err(|refusal| refusal.status(400))?;
            let Some(source) = customer["default_source"].as_str() else {
                let words = "Cannot charge a customer that has no active card";
                return Err(Refusal::card(words).code("missing").param("card"));
            };
            source.to_owned()
        }
        (None, None) => {
            return Err(
                Refusal::invalid("source", "Must provide source or customer.").code("parameter_missing")
            );
        }
    };
    let payment_method = payment_methods::resolve(books, &source)?;
    let (id, decline) = attempt(
        books,
        &Attempt {
            amount,
            currency,
            payment_method,
            customer: json!(params.text("customer")),
            description: json!(params.text("description")),
            metadata,
            payment_intent: Value::Null,
            invoice: Value::Null,
            captured,
            settles_at_once: true,
        },
    );
    match decline {
        Some(decline) => Err(declined(decline, &id)),
        None => retrieve(books, &id),
    }
}

/// 402, with what the bank said.
pub(crate) fn declined(decline: Decline, charge: &str) -> Refusal {
    Refusal::card(decline.message)
        .code(decline.code)
        .with("decline_code", decline.bank_code)
        .with("advice_code", decline.advice_code)
        .with("network_decline_code", decline.network_decline_code)
        .with("param", decline.param)
        .with("charge", charge)
}

pub(crate) fn retrieve(books: &Books, id: &str) -> Answer {
    books.find("charge", id, "id").cloned()
}

pub(crate) fn update(books: &mut Books, id: &str, params: Params<'_>) -> Answer {
    let params = params.allow(&["metadata", "description", "fraud_details", "receipt_email"])?;
    let charge = books.find("charge", id, "id")?;
    let mut fields = json!({ "metadata": params.metadata(&charge["metadata"])? });
    if params.is_given("description") {
        fields["description"] = json!(params.text("description"));
    }
    books.change(id, "charge.updated", fields);
    retrieve(books, id)
}

pub(crate) fn capture(books: &mut Books, id: &str, params: Params<'_>, version: &str) -> Answer {
    let params = params.allow(&["amount", "receipt_email", "statement_descriptor_suffix"])?;
    let charge = books.find("charge", id, "charge")?;
    if charge["captured"] == true {
        let words = format!("Charge {id} has already been captured.");
        return Err(Refusal::new(words).code("charge_already_captured"));
    }
    let authorized = charge["amount"].as_i64().unwrap_or(0);
    let amount = params.amount("amount")?.unwrap_or(authorized);
    if amount > authorized {
        return Err(too_much_captured());
    }
    take(books, id, amount, true, version);
    retrieve(books, id)
}

pub(crate) fn too_much_captured() -> Refusal {
    let words = "The payment could not be captured because the requested capture amount is greater than the amount you can capture for this charge.";
    Refusal::new(words).code("amount_too_large").param("amount_to_capture")
}

/// Of what was authorized so much is taken; the rest is released, and before basil a refund is made of it.
pub(crate) fn take(books: &mut Books, id: &str, amount: i64, settles_at_once: bool, version: &str) {
    let authorized = books.get(id).and_then(|charge| charge["amount"].as_i64()).unwrap_or(amount);
    books.edit(id, json!({ "amount_captured": amount, "captured": true }));
    let is_refunded = version < BASIL && amount < authorized;
    if is_refunded {
        let release = refund_movements::release(books, id, authorized - amount);
        books.edit(id, json!({ "_release": release, "amount_refunded": authorized - amount }));
    }
    if settles_at_once {
        settle_silently(books, id);
    } else {
        books.later(books.settings.settles_after_secs, Happening::ChargeSettles(id.to_owned()));
    }
    books.record("charge.captured", id);
    if is_refunded {
        books.record("charge.refunded", id);
    }
}

pub(crate) fn list(books: &Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[PAGING, &["customer", "payment_intent", "transfer_group"]].concat())?;
    let mut charges = books.all("charge");
    charges.retain(|charge| {
        ["customer", "payment_intent"].iter().all(|name| {
            params.text(name).is_none_or(|wanted| crate::books::id_of(&charge[*name]) == Some(wanted))
        })
    });
    lists::of_objects(charges, params, "charge", "/v1/charges")
}
