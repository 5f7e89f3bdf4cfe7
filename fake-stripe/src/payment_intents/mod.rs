//! Payment intents: what is to be paid, and how far the attempts have come.

mod confirm;

use serde_json::{Value, json};
use stripe_sim::shaped;

pub(crate) use self::confirm::{Confirmation, authenticate, confirm};
use crate::books::{Books, Happening, id_of};
use crate::error::{Answer, Refusal};
use crate::lists::{self, PAGING};
use crate::params::Params;
use crate::versions::BASIL;
use crate::{charges, customers, money, payment_methods, refund_movements};

const FIELDS: &[&str] = &[
    "amount",
    "automatic_payment_methods",
    "capture_method",
    "confirm",
    "confirmation_method",
    "currency",
    "customer",
    "description",
    "error_on_requires_action",
    "metadata",
    "off_session",
    "payment_method",
    "payment_method_options",
    "payment_method_types",
    "receipt_email",
    "return_url",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
];
/// Since this version Stripe chooses the types itself.
const WITHOUT_TYPES_SINCE: &str = "2026-09-30";
/// Since this version the Dashboard's methods are those of an intent that names no types.
const DASHBOARDS_SINCE: &str = "2023-08-16";

pub(crate) fn create(books: &mut Books, params: Params<'_>, version: &str) -> Answer {
    let params = params.allow(FIELDS)?;
    params.required("amount")?;
    let currency = params.currency()?;
    let amount = minimum(params)?;
    money::chargeable(amount, &currency)?;
    if params.is_given("payment_method_types") && version >= WITHOUT_TYPES_SINCE {
        let words = "payment_method_types is no longer supported on PaymentIntents. Use the Dashboard, or exclude types.";
        return Err(
            Refusal::invalid("payment_method_types", words).code("payment_method_types_no_longer_supported")
        );
    }
    let confirms = params.flag("confirm")?.unwrap_or(false);
    let confirmation = Confirmation::read(params)?;
    let is_dashboards = version >= DASHBOARDS_SINCE && !params.is_given("payment_method_types");
    if is_dashboards && confirmation.error_on_requires_action {
        return Err(not_with_the_dashboards());
    }
    for name in ["off_session", "error_on_requires_action", "return_url"] {
        if params.is_given(name) && !confirms {
            let words = format!("You cannot provide `{name}` unless `confirm` is set to true.");
            return Err(Refusal::invalid(name, words));
        }
    }
    let capture_method = params
        .one_of("capture_method", &["automatic", "automatic_async", "manual"])?
        .unwrap_or("automatic_async");
    if params.is_given("statement_descriptor") {
        let words = "The `statement_descriptor` parameter is not supported for the payment methods of this PaymentIntent. \
                     Use `statement_descriptor_suffix` for cards.";
        return Err(Refusal::invalid("statement_descriptor", words));
    }
    let metadata = params.metadata(&json!({}))?;
    if let Some(customer) = params.text("customer") {
        customers::usable(books, customer)?;
    }
    let asked = Asked {
        amount,
        currency,
        customer: json!(params.text("customer")),
        description: json!(params.text("description")),
        metadata,
        capture_method,
        invoice: Value::Null,
    };
    let id = make(books, &asked);
    let mut further = json!({
        "receipt_email": params.text("receipt_email"), "setup_future_usage": params.text("setup_future_usage"),
        "statement_descriptor_suffix": params.text("statement_descriptor_suffix"),
    });
    if let Some(method) = params.text("payment_method") {
        let method = payment_methods::resolve(books, method)?;
        further["payment_method"] = json!(method);
        further["status"] = json!("requires_confirmation");
    }
    further["_dashboards"] = json!(is_dashboards);
    books.edit(&id, further);
    books.record("payment_intent.created", &id);
    if confirms {
        confirm(books, &id, &confirmation)?;
    }
    retrieve(books, &id)
}

/// What the Dashboard manages may need its customer to act: nobody can say beforehand that it must not.
fn not_with_the_dashboards() -> Refusal {
    let name = "error_on_requires_action";
    let words = format!(
        "The `{name}` parameter can't be used with PaymentIntents which use payment methods managed through the Dashboard."
    );
    Refusal::invalid(name, &words)
}

/// What a new payment intent is for.
pub(crate) struct Asked {
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) customer: Value,
    pub(crate) description: Value,
    pub(crate) metadata: Value,
    pub(crate) capture_method: &'static str,
    pub(crate) invoice: Value,
}

pub(crate) fn make(books: &mut Books, asked: &Asked) -> String {
    let id = format!("pi_3{}", books.random_text(23));
    let secret = format!("{id}_secret_{}", books.random_text(25));
    books.put(shaped(
        "payment_intent",
        json!({
            "id": id, "amount": asked.amount, "capture_method": asked.capture_method, "client_secret": secret,
            "created": books.now, "currency": asked.currency, "customer": asked.customer, "description": asked.description,
            "livemode": books.livemode, "metadata": asked.metadata, "payment_method_types": ["card"],
            "status": "requires_payment_method", "_invoice": asked.invoice,
        }),
    ));
    id
}

fn minimum(params: Params<'_>) -> Result<i64, Refusal> {
    match params.integer("amount")? {
        Some(amount) if amount < 1 => {
            let words = "The amount must be greater than or equal to the minimum charge amount allowed for your account \
                         and the currency set.";
            Err(Refusal::invalid("amount", words).code("parameter_invalid_integer"))
        }
        amount => Ok(amount.unwrap_or(0)),
    }
}

pub(crate) fn retrieve(books: &Books, id: &str) -> Answer {
    books.find("payment_intent", id, "intent").cloned()
}

pub(crate) fn update(books: &mut Books, id: &str, params: Params<'_>) -> Answer {
    let params = params.allow(FIELDS)?;
    let intent = retrieve(books, id)?;
    let status = intent["status"].as_str().unwrap_or_default();
    if params.is_given("amount")
        && !matches!(status, "requires_payment_method" | "requires_confirmation" | "requires_action")
    {
        let words = format!(
            "This PaymentIntent's amount could not be updated because it has a status of {status}. You may only update the \
             amount of a PaymentIntent with one of the following statuses: requires_payment_method, requires_confirmation, requires_action."
        );
        return Err(unexpected(&intent, &words));
    }
    let mut fields = json!({ "metadata": params.metadata(&intent["metadata"])? });
    if let Some(amount) = params.amount("amount")? {
        money::chargeable(amount, intent["currency"].as_str().unwrap_or_default())?;
        fields["amount"] = json!(amount);
    }
    for name in ["description", "receipt_email"] {
        if params.is_given(name) {
            fields[name] = json!(params.text(name));
        }
    }
    if let Some(method) = params.text("payment_method") {
        fields["payment_method"] = json!(payment_methods::resolve(books, method)?);
        fields["status"] = json!("requires_confirmation");
    }
    books.edit(id, fields);
    retrieve(books, id)
}

pub(crate) fn capture(books: &mut Books, id: &str, params: Params<'_>, version: &str) -> Answer {
    let params =
        params.allow(&["amount_to_capture", "metadata", "final_capture", "statement_descriptor_suffix"])?;
    let intent = retrieve(books, id)?;
    let status = intent["status"].as_str().unwrap_or_default();
    if status == "succeeded" {
        let words = "This PaymentIntent could not be captured because it has already been captured.";
        return Err(unexpected(&intent, words));
    }
    if status != "requires_capture" {
        let words = format!(
            "This PaymentIntent could not be captured because it has a status of {status}. Only a PaymentIntent with one of \
             the following statuses may be captured: requires_capture."
        );
        return Err(unexpected(&intent, &words));
    }
    let capturable = intent["amount_capturable"].as_i64().unwrap_or(0);
    let amount = params.amount("amount_to_capture")?.unwrap_or(capturable);
    if amount > capturable {
        return Err(charges::too_much_captured());
    }
    let metadata = params.metadata(&intent["metadata"])?;
    let charge = id_of(&intent["latest_charge"]).unwrap_or_default().to_owned();
    let received = intent["amount_received"].as_i64().unwrap_or(0) + amount;
    if params.flag("final_capture")? == Some(false) {
        // The rest stays held. The money of all parts settles with the last one.
        books.change(&charge, "charge.updated", json!({ "amount_captured": received }));
        let fields = json!({ "amount_capturable": capturable - amount, "amount_received": received, "metadata": metadata });
        books.change(id, "payment_intent.amount_capturable_updated", fields);
        return retrieve(books, id);
    }
    charges::take(books, &charge, received, intent["capture_method"] != "automatic_async", version);
    let fields = json!({ "amount_capturable": 0, "amount_received": received, "metadata": metadata, "status": "succeeded" });
    books.edit(id, fields);
    books.record("payment_intent.succeeded", id);
    moved(books, id);
    retrieve(books, id)
}

pub(crate) fn cancel(books: &mut Books, id: &str, params: Params<'_>, version: &str) -> Answer {
    let params = params.allow(&["cancellation_reason"])?;
    let reason = params
        .one_of("cancellation_reason", &["duplicate", "fraudulent", "requested_by_customer", "abandoned"])?;
    let intent = retrieve(books, id)?;
    let status = intent["status"].as_str().unwrap_or_default();
    if matches!(status, "succeeded" | "canceled" | "processing") {
        let words = format!(
            "You cannot cancel this PaymentIntent because it has a status of {status}. Only a PaymentIntent with one of the \
             following statuses may be canceled: requires_payment_method, requires_capture, requires_reauthorization, \
             requires_confirmation, requires_action."
        );
        return Err(unexpected(&intent, &words));
    }
    // What was authorized is released. Before basil the charge is refunded, though no money moves.
    let is_refunded = status == "requires_capture" && version < BASIL;
    if let Some(charge) = id_of(&intent["latest_charge"]).filter(|_| is_refunded).map(str::to_owned) {
        refund_movements::release(books, &charge, intent["amount"].as_i64().unwrap_or(0));
        let fields =
            json!({ "amount_captured": null, "amount_refunded": intent["amount"], "refunded": true });
        books.change(&charge, "charge.refunded", fields);
    }
    let fields = json!({ "amount_capturable": 0, "canceled_at": books.now, "cancellation_reason": reason, "status": "canceled", "next_action": null });
    books.edit(id, fields);
    books.record("payment_intent.canceled", id);
    moved(books, id);
    retrieve(books, id)
}

pub(crate) fn list(books: &Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[PAGING, &["customer"]].concat())?;
    let mut intents = books.all("payment_intent");
    intents.retain(|intent| {
        params.text("customer").is_none_or(|customer| id_of(&intent["customer"]) == Some(customer))
    });
    lists::of_objects(intents, params, "payment_intent", "/v1/payment_intents")
}

/// 400, with the intent inside.
fn unexpected(intent: &Value, words: &str) -> Refusal {
    Refusal::new(words).code("payment_intent_unexpected_state").with("payment_intent", intent.clone())
}

/// Whatever it is for looks at it before the request is answered.
fn moved(books: &mut Books, id: &str) {
    books.later(0, Happening::PaymentMoves(id.to_owned()));
}
