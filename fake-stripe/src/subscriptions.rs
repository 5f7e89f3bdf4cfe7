//! Subscriptions: each period one invoice. What becomes of one whose first payment fails is the caller's choice.

use serde_json::{Value, json};
use stripe_sim::shaped;

use crate::books::{Books, Happening, id_of};
use crate::error::{Answer, Refusal};
use crate::invoices::{self, Draft};
use crate::lists::{self, PAGING};
use crate::params::Params;
use crate::payment_intents::{self, Asked, Confirmation};
use crate::versions::BASIL;
use crate::{customers, payment_methods};

const FIELDS: &[&str] = &[
    "cancel_at_period_end",
    "collection_method",
    "currency",
    "customer",
    "days_until_due",
    "default_payment_method",
    "description",
    "items",
    "metadata",
    "off_session",
    "payment_behavior",
    "payment_settings",
    "proration_behavior",
];
const BEHAVIOURS: &[&str] =
    &["allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"];
/// An incomplete one waits so long for its first payment.
const INCOMPLETE_SECS: i64 = 23 * 3_600;

pub(crate) fn create(books: &mut Books, params: Params<'_>) -> Answer {
    let params = params.allow(FIELDS)?;
    let customer = params.required("customer")?.to_owned();
    customers::usable(books, &customer)?;
    let behaviour = params.one_of("payment_behavior", BEHAVIOURS)?.unwrap_or("allow_incomplete");
    let off_session = params.flag("off_session")?.unwrap_or(false);
    let method = params
        .one_of("collection_method", &["charge_automatically", "send_invoice"])?
        .unwrap_or("charge_automatically");
    let days = params.integer("days_until_due")?;
    let metadata = params.metadata(&json!({}))?;
    let prices = prices(books, params)?;
    let currency = prices[0].0["currency"].as_str().unwrap_or_default().to_owned();
    let amount: i64 =
        prices.iter().map(|(price, quantity)| price["unit_amount"].as_i64().unwrap_or(0) * quantity).sum();
    let given = match params.text("default_payment_method") {
        Some(method) => Some(payment_methods::resolve(books, method)?),
        None => None,
    };
    let card = given.clone().or_else(|| default_of(books, &customer));
    let is_sent = method == "send_invoice";
    if card.is_none() && !is_sent && behaviour != "default_incomplete" && amount > 0 {
        let words = "This customer has no attached payment source or default payment method. Please consider adding a default \
                     payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.";
        return Err(Refusal::new(words).code("resource_missing"));
    }
    // With `error_if_incomplete` the money comes first: without it there is no subscription.
    let paid_by = match &card {
        Some(card) if behaviour == "error_if_incomplete" && !is_sent && amount > 0 => {
            Some(paid_first(books, &customer, &currency, amount, card, off_session)?)
        }
        _ => None,
    };
    let id = format!("sub_1{}", books.random_text(23));
    let subscription = subscription(books, &id, &customer, &prices, &metadata);
    books.put(subscription);
    books.edit(&id, json!({ "collection_method": method, "days_until_due": days, "default_payment_method": given, "description": params.text("description") }));
    let due_date = days.map(|days| books.now + days * 86_400);
    let draft = Draft { due_date, ..draft(&id, &customer, &currency, is_sent, "subscription_create") };
    let invoice = bill(books, &draft, &prices);
    books.edit(
        &id,
        json!({ "latest_invoice": invoice, "status": if is_sent { "active" } else { "incomplete" } }),
    );
    books.record("invoice.created", &invoice);
    if let Some(intent) = &paid_by {
        books.edit(&invoice, json!({ "_payment_intent": intent }));
        books.edit(intent, json!({ "_invoice": invoice }));
    }
    invoices::open(books, &invoice);
    books.record("customer.subscription.created", &id);
    match (paid_by, behaviour) {
        (Some(intent), _) => invoices::follow(books, &intent),
        (None, "default_incomplete") => {}
        (None, _) if is_sent => {}
        (None, _) => {
            let off_session = json!({ "off_session": if off_session { "true" } else { "false" } });
            // It stays incomplete: the intent says why.
            let _told = invoices::pay(books, &invoice, Params(&off_session));
        }
    }
    if books.get(&id).is_some_and(|subscription| subscription["status"] == "incomplete") {
        books.later(INCOMPLETE_SECS, Happening::SubscriptionLapses(id.clone()));
    }
    retrieve(books, &id)
}

fn paid_first(
    books: &mut Books,
    customer: &str,
    currency: &str,
    amount: i64,
    card: &str,
    off_session: bool,
) -> Result<String, Refusal> {
    let asked = Asked {
        amount,
        currency: currency.to_owned(),
        customer: json!(customer),
        description: json!("Subscription creation"),
        metadata: json!({}),
        capture_method: "automatic",
        invoice: Value::Null,
    };
    let intent = payment_intents::make(books, &asked);
    books.record("payment_intent.created", &intent);
    let how = Confirmation {
        payment_method: Some(card.to_owned()),
        off_session,
        error_on_requires_action: true,
        ..Confirmation::default()
    };
    match payment_intents::confirm(books, &intent, &how) {
        Ok(()) => Ok(intent),
        Err(refusal) => {
            payment_intents::cancel(books, &intent, Params(&json!({})), BASIL)?;
            Err(refusal.with("payment_intent", books.get(&intent).cloned()))
        }
    }
}

/// Each price with its quantity.
fn prices(books: &Books, params: Params<'_>) -> Result<Vec<(Value, i64)>, Refusal> {
    let mut prices = Vec::new();
    for (place, item) in params.0["items"].as_array().into_iter().flatten().enumerate() {
        let param = format!("items[{place}][price]");
        let item = Params(item);
        let id = item.required("price").map_err(|refusal| refusal.param(&param))?;
        let price = books.find("price", id, &param).map_err(|refusal| refusal.status(400))?;
        if price["type"] != "recurring" {
            let words = format!(
                "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`: {id}."
            );
            return Err(Refusal::new(words).param(&param));
        }
        prices.push((price.clone(), item.integer("quantity")?.unwrap_or(1)));
    }
    if prices.is_empty() {
        return Err(Refusal::invalid("items", "Missing required param: items.").code("parameter_missing"));
    }
    Ok(prices)
}

fn default_of(books: &Books, customer: &str) -> Option<String> {
    let customer = books.get(customer)?;
    let default = customer["invoice_settings"]["default_payment_method"]
        .as_str()
        .or(customer["default_source"].as_str());
    default.map(str::to_owned)
}

fn period_secs(price: &Value) -> i64 {
    match price["recurring"]["interval"].as_str() {
        Some("day") => 86_400,
        Some("week") => 7 * 86_400,
        Some("year") => 365 * 86_400,
        _ => stripe_sim::MONTH_SECS,
    }
}

fn subscription(
    books: &mut Books,
    id: &str,
    customer: &str,
    prices: &[(Value, i64)],
    metadata: &Value,
) -> Value {
    let now = books.now;
    let mut items = Vec::new();
    for (price, quantity) in prices {
        items.push(json!({
            "id": format!("si_{}", books.random_text(14)), "object": "subscription_item", "created": now,
            "current_period_end": now + period_secs(price), "current_period_start": now, "discounts": [], "metadata": {},
            "price": price, "quantity": quantity, "subscription": id, "tax_rates": [],
        }));
    }
    shaped(
        "subscription",
        json!({
            "id": id, "billing_cycle_anchor": now, "created": now, "currency": prices[0].0["currency"], "customer": customer,
            "items": { "object": "list", "data": items, "has_more": false, "total_count": prices.len(), "url": format!("/v1/subscription_items?subscription={id}") },
            "latest_invoice": null, "livemode": books.livemode, "metadata": metadata, "start_date": now, "status": "incomplete",
        }),
    )
}

fn draft(id: &str, customer: &str, currency: &str, is_sent: bool, billing_reason: &'static str) -> Draft {
    Draft {
        customer: customer.to_owned(),
        currency: currency.to_owned(),
        is_sent,
        due_date: None,
        auto_advance: !is_sent,
        description: Value::Null,
        metadata: json!({}),
        subscription: json!(id),
        billing_reason,
    }
}

fn bill(books: &mut Books, draft: &Draft, prices: &[(Value, i64)]) -> String {
    let invoice = invoices::make(books, draft);
    for (price, quantity) in prices {
        let words = format!("{quantity} × {}", price["nickname"].as_str().unwrap_or("subscription"));
        invoices::add_line(
            books,
            &invoice,
            price["unit_amount"].as_i64().unwrap_or(0) * quantity,
            &json!(words),
            &json!({}),
        );
    }
    invoice
}

/// The next period begins: one more invoice, charged at once.
pub(crate) fn renew(books: &mut Books, id: &str) -> Answer {
    let subscription = retrieve(books, id)?;
    if !matches!(subscription["status"].as_str(), Some("active" | "past_due" | "unpaid")) {
        return Err(Refusal::new("Only a subscription that lives is renewed."));
    }
    let mut items = subscription["items"].clone();
    let mut prices = Vec::new();
    for item in items["data"].as_array_mut().into_iter().flatten() {
        let end = item["current_period_end"].as_i64().unwrap_or(books.now);
        item["current_period_start"] = json!(end);
        item["current_period_end"] = json!(end + period_secs(&item["price"]));
        prices.push((item["price"].clone(), item["quantity"].as_i64().unwrap_or(1)));
    }
    let customer = id_of(&subscription["customer"]).unwrap_or_default().to_owned();
    let currency = subscription["currency"].as_str().unwrap_or_default().to_owned();
    let is_sent = subscription["collection_method"] == "send_invoice";
    let invoice = bill(books, &draft(id, &customer, &currency, is_sent, "subscription_cycle"), &prices);
    books.record("invoice.created", &invoice);
    books.change(id, "customer.subscription.updated", json!({ "items": items, "latest_invoice": invoice }));
    invoices::open(books, &invoice);
    if !is_sent {
        books.edit(&invoice, json!({ "next_payment_attempt": books.now }));
        invoices::advance(books, &invoice);
    }
    retrieve(books, id)
}

pub(crate) fn retrieve(books: &Books, id: &str) -> Answer {
    books.find("subscription", id, "id").cloned()
}

pub(crate) fn update(books: &mut Books, id: &str, params: Params<'_>) -> Answer {
    let params = params.allow(FIELDS)?;
    let subscription = retrieve(books, id)?;
    let mut fields = json!({ "metadata": params.metadata(&subscription["metadata"])? });
    if let Some(at_end) = params.flag("cancel_at_period_end")? {
        fields["cancel_at_period_end"] = json!(at_end);
        fields["cancel_at"] =
            if at_end { subscription["items"]["data"][0]["current_period_end"].clone() } else { Value::Null };
        fields["canceled_at"] = if at_end { json!(books.now) } else { Value::Null };
    }
    if let Some(method) = params.text("default_payment_method") {
        fields["default_payment_method"] = json!(payment_methods::resolve(books, method)?);
    }
    books.change(id, "customer.subscription.updated", fields);
    retrieve(books, id)
}

/// Now. One that has ended is no longer found.
pub(crate) fn cancel(books: &mut Books, id: &str, params: Params<'_>) -> Answer {
    params.allow(&["invoice_now", "prorate", "cancellation_details"])?;
    let subscription = retrieve(books, id)?;
    if matches!(subscription["status"].as_str(), Some("canceled" | "incomplete_expired")) {
        return Err(Refusal::no_such("subscription", id, "id"));
    }
    let details = json!({ "comment": params.at("cancellation_details").text("comment"), "feedback": params.at("cancellation_details").text("feedback"), "reason": "cancellation_requested" });
    let fields = json!({ "canceled_at": books.now, "cancellation_details": details, "ended_at": books.now, "status": "canceled" });
    books.change(id, "customer.subscription.deleted", fields);
    retrieve(books, id)
}

/// Nobody paid the first invoice in time.
pub(crate) fn lapse(books: &mut Books, id: &str) {
    let Some(subscription) = books.get(id).cloned() else { return };
    if subscription["status"] != "incomplete" {
        return;
    }
    if let Some(invoice) = id_of(&subscription["latest_invoice"]) {
        // Where it is not open there is nothing to void.
        let _voided = invoices::void(books, invoice);
    }
    books.change(
        id,
        "customer.subscription.updated",
        json!({ "ended_at": books.now, "status": "incomplete_expired" }),
    );
}

pub(crate) fn list(books: &Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[PAGING, &["customer", "status", "price", "collection_method"]].concat())?;
    let status = params.text("status");
    let mut subscriptions = books.all("subscription");
    subscriptions.retain(|subscription| {
        let is_of_status = match status {
            Some("all") => true,
            Some(status) => subscription["status"] == status,
            None => subscription["status"] != "canceled",
        };
        is_of_status
            && params
                .text("customer")
                .is_none_or(|customer| id_of(&subscription["customer"]) == Some(customer))
    });
    lists::of_objects(subscriptions, params, "subscription", "/v1/subscriptions")
}
