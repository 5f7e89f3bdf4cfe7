//! Invoices: made out, finalized, paid, voided. What is changed about one by hand, and what Stripe does by itself.

mod items;
mod pay;

use serde_json::{Value, json};
use stripe_sim::shaped;

pub(crate) use self::items::create as create_item;
pub(crate) use self::pay::{advance, follow, pay};
use crate::books::{Books, Happening, id_of};
use crate::error::{Answer, Refusal};
use crate::lists::{self, PAGING};
use crate::params::Params;
use crate::payment_intents::{self, Asked};
use crate::versions::BASIL;
use crate::{customers, payment_methods};

const FIELDS: &[&str] = &[
    "auto_advance",
    "collection_method",
    "currency",
    "customer",
    "days_until_due",
    "default_payment_method",
    "description",
    "due_date",
    "footer",
    "metadata",
    "payment_settings",
    "pending_invoice_items_behavior",
    "subscription",
];
/// A draft becomes an invoice of itself after an hour.
const DRAFT_SECS: i64 = 3_600;
const DAY_SECS: i64 = 86_400;

pub(crate) fn create(books: &mut Books, params: Params<'_>) -> Answer {
    let params = params.allow(FIELDS)?;
    let customer = params.required("customer")?;
    customers::usable(books, customer)?;
    let method = params
        .one_of("collection_method", &["charge_automatically", "send_invoice"])?
        .unwrap_or("charge_automatically");
    let days = params.integer("days_until_due")?;
    if method == "send_invoice" && days.is_none() && params.integer("due_date")?.is_none() {
        let words =
            "If collection_method is 'send_invoice', you must provide either days_until_due or due_date.";
        return Err(Refusal::invalid("days_until_due", words));
    }
    let draft = Draft {
        customer: customer.to_owned(),
        currency: if params.is_given("currency") {
            params.currency()?
        } else {
            books.settings.default_currency.to_owned()
        },
        is_sent: method == "send_invoice",
        due_date: params.integer("due_date")?.or(days.map(|days| books.now + days * DAY_SECS)),
        auto_advance: params.flag("auto_advance")?.unwrap_or(false),
        description: json!(params.text("description")),
        metadata: params.metadata(&json!({}))?,
        subscription: Value::Null,
        billing_reason: "manual",
    };
    let id = make(books, &draft);
    if let Some(method) = params.text("default_payment_method") {
        let method = payment_methods::resolve(books, method)?;
        books.edit(&id, json!({ "default_payment_method": method }));
    }
    if params.text("pending_invoice_items_behavior") != Some("exclude") {
        items::take_pending(books, &id);
    }
    books.record("invoice.created", &id);
    retrieve(books, &id)
}

pub(crate) struct Draft {
    pub(crate) customer: String,
    pub(crate) currency: String,
    pub(crate) is_sent: bool,
    pub(crate) due_date: Option<i64>,
    pub(crate) auto_advance: bool,
    pub(crate) description: Value,
    pub(crate) metadata: Value,
    pub(crate) subscription: Value,
    pub(crate) billing_reason: &'static str,
}

pub(crate) fn make(books: &mut Books, draft: &Draft) -> String {
    let id = format!("in_1{}", books.random_text(23));
    let customer = books.get(&draft.customer).cloned().unwrap_or_default();
    let parent = if draft.subscription.is_null() {
        Value::Null
    } else {
        json!({ "quote_details": null, "subscription_details": { "metadata": {}, "subscription": draft.subscription }, "type": "subscription_details" })
    };
    books.put(shaped(
        "invoice",
        json!({
            "id": id, "auto_advance": draft.auto_advance, "billing_reason": draft.billing_reason,
            "collection_method": if draft.is_sent { "send_invoice" } else { "charge_automatically" }, "created": books.now,
            "currency": draft.currency, "customer": draft.customer, "customer_email": customer["email"],
            "customer_name": customer["name"], "description": draft.description, "due_date": draft.due_date,
            "lines": { "object": "list", "data": [], "has_more": false, "total_count": 0, "url": format!("/v1/invoices/{id}/lines") },
            "livemode": books.livemode, "metadata": draft.metadata, "parent": parent, "period_end": books.now,
            "period_start": books.now, "subtotal": 0, "total": 0,
        }),
    ));
    if draft.auto_advance {
        books.edit(&id, json!({ "automatically_finalizes_at": books.now + DRAFT_SECS, "next_payment_attempt": books.now + DRAFT_SECS }));
        books.later(DRAFT_SECS, Happening::InvoiceAdvances(id.clone()));
    }
    id
}

pub(crate) fn add_line(books: &mut Books, id: &str, amount: i64, description: &Value, metadata: &Value) {
    let Some(invoice) = books.get(id).cloned() else { return };
    let mut lines = invoice["lines"].clone();
    let line = json!({
        "id": format!("il_1{}", books.random_text(23)), "object": "line_item", "amount": amount, "currency": invoice["currency"],
        "description": description, "discount_amounts": [], "discountable": true, "discounts": [], "invoice": id,
        "livemode": books.livemode, "metadata": metadata, "period": { "end": books.now, "start": books.now },
        "pretax_credit_amounts": [], "quantity": 1, "taxes": [],
    });
    let data = lines["data"].as_array_mut().expect("every invoice lists its lines");
    data.push(line);
    let sum: i64 = data.iter().filter_map(|line| line["amount"].as_i64()).sum();
    lines["total_count"] = json!(lines["data"].as_array().map_or(0, Vec::len));
    books.edit(id, json!({ "amount_due": sum, "amount_remaining": sum, "lines": lines, "subtotal": sum, "subtotal_excluding_tax": sum, "total": sum, "total_excluding_tax": sum }));
}

pub(crate) fn retrieve(books: &Books, id: &str) -> Answer {
    books.find("invoice", id, "invoice").cloned()
}

pub(crate) fn update(books: &mut Books, id: &str, params: Params<'_>) -> Answer {
    let params = params.allow(FIELDS)?;
    let invoice = retrieve(books, id)?;
    for name in ["collection_method", "days_until_due", "due_date", "description", "footer"] {
        if params.is_given(name) && invoice["status"] != "draft" {
            let words = format!("Finalized invoices can't be updated in this way: {name}.");
            return Err(Refusal::new(words).code("invoice_not_editable").param(name));
        }
    }
    let mut fields = json!({ "metadata": params.metadata(&invoice["metadata"])? });
    if params.is_given("description") {
        fields["description"] = json!(params.text("description"));
    }
    if let Some(method) = params.text("default_payment_method") {
        fields["default_payment_method"] = json!(payment_methods::resolve(books, method)?);
    }
    if let Some(advance) = params.flag("auto_advance")? {
        fields["auto_advance"] = json!(advance);
        let is_planned = advance
            && invoice["collection_method"] == "charge_automatically"
            && matches!(invoice["status"].as_str(), Some("draft" | "open"));
        let next = is_planned.then_some(books.now + DRAFT_SECS);
        fields["next_payment_attempt"] = json!(next);
        fields["automatically_finalizes_at"] = json!(next.filter(|_| invoice["status"] == "draft"));
        if is_planned && invoice["auto_advance"] != true {
            books.later(DRAFT_SECS, Happening::InvoiceAdvances(id.to_owned()));
        }
    }
    books.change(id, "invoice.updated", fields);
    retrieve(books, id)
}

pub(crate) fn finalize(books: &mut Books, id: &str, params: Params<'_>) -> Answer {
    let advance = params.allow(&["auto_advance"])?.flag("auto_advance")?;
    let invoice = retrieve(books, id)?;
    if invoice["status"] != "draft" {
        return Err(Refusal::new(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
        ));
    }
    if let Some(advance) = advance {
        books.edit(id, json!({ "auto_advance": advance }));
    }
    open(books, id);
    retrieve(books, id)
}

/// It gets its number, and a payment intent unless one has paid it already. One of nothing is paid at once.
pub(crate) fn open(books: &mut Books, id: &str) {
    let Some(invoice) = books.get(id).cloned() else { return };
    let amount = invoice["amount_due"].as_i64().unwrap_or(0);
    let customer = id_of(&invoice["customer"]).unwrap_or_default().to_owned();
    let sequence =
        books.get(&customer).and_then(|customer| customer["next_invoice_sequence"].as_i64()).unwrap_or(1);
    let prefix = books
        .get(&customer)
        .and_then(|customer| customer["invoice_prefix"].as_str())
        .unwrap_or("FAKE")
        .to_owned();
    books.edit(&customer, json!({ "next_invoice_sequence": sequence + 1 }));
    let mut transitions = invoice["status_transitions"].clone();
    transitions["finalized_at"] = json!(books.now);
    let plans = invoice["auto_advance"] == true && invoice["collection_method"] == "charge_automatically";
    let page = format!("{}/test_{}", crate::merchant::ACCOUNT, id.trim_start_matches("in_"));
    books.change(
        id,
        "invoice.finalized",
        json!({
            "automatically_finalizes_at": null, "effective_at": books.now, "ending_balance": 0,
            "hosted_invoice_url": format!("https://invoice.stripe.com/i/{page}?s=ap"),
            "invoice_pdf": format!("https://pay.stripe.com/invoice/{page}/pdf?s=ap"),
            "next_payment_attempt": plans.then_some(books.now + DRAFT_SECS), "number": format!("{prefix}-{sequence:04}"),
            "status": "open", "status_transitions": transitions,
        }),
    );
    if amount == 0 {
        pay::settled(books, id, 0, false);
        return;
    }
    let currency = invoice["currency"].as_str().unwrap_or_default().to_owned();
    let intent = if let Some(paid_by) = invoice["_payment_intent"].as_str() {
        paid_by.to_owned()
    } else {
        let asked = Asked {
            amount,
            currency: currency.clone(),
            customer: json!(customer),
            description: invoice["description"].clone(),
            metadata: json!({}),
            capture_method: "automatic",
            invoice: json!(id),
        };
        let intent = payment_intents::make(books, &asked);
        books.edit(id, json!({ "_payment_intent": intent }));
        books.record("payment_intent.created", &intent);
        intent
    };
    let payment = format!("inpay_1{}", books.random_text(23));
    books.put(json!({
        "id": payment, "object": "invoice_payment", "amount_paid": null, "amount_requested": amount, "created": books.now,
        "currency": currency, "invoice": id, "is_default": true, "livemode": books.livemode,
        "payment": { "payment_intent": intent, "type": "payment_intent" }, "status": "open",
        "status_transitions": { "canceled_at": null, "paid_at": null },
    }));
    if plans {
        books.later(DRAFT_SECS, Happening::InvoiceAdvances(id.to_owned()));
    }
}

pub(crate) fn void(books: &mut Books, id: &str) -> Answer {
    close(books, id, "void", "voided_at", "invoice.voided")
}

pub(crate) fn mark_uncollectible(books: &mut Books, id: &str) -> Answer {
    close(books, id, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible")
}

fn close(books: &mut Books, id: &str, status: &str, stamp: &str, event: &str) -> Answer {
    let invoice = retrieve(books, id)?;
    let may = invoice["status"] == "open" || (status == "void" && invoice["status"] == "uncollectible");
    if !may {
        return Err(Refusal::new("You can only pass in open invoices. This invoice isn't open."));
    }
    let mut transitions = invoice["status_transitions"].clone();
    transitions[stamp] = json!(books.now);
    if status == "void" {
        if let Some(intent) = invoice["_payment_intent"].as_str() {
            // One that cannot be canceled has paid, and then the invoice were not open.
            let _canceled = payment_intents::cancel(books, intent, Params(&json!({})), BASIL);
        }
        let is_of = |payment: &&Value| payment["invoice"] == id;
        let payments: Vec<String> = books
            .all("invoice_payment")
            .into_iter()
            .filter(is_of)
            .filter_map(|one| one["id"].as_str().map(str::to_owned))
            .collect();
        for payment in payments {
            books.edit(&payment, json!({ "status": "canceled", "status_transitions": { "canceled_at": books.now, "paid_at": null } }));
        }
    }
    books.change(id, event, json!({ "auto_advance": false, "next_payment_attempt": null, "status": status, "status_transitions": transitions }));
    retrieve(books, id)
}

/// It is mailed; nobody reads this mail.
pub(crate) fn send(books: &mut Books, id: &str) -> Answer {
    if retrieve(books, id)?["status"] == "draft" {
        open(books, id);
    }
    books.record("invoice.sent", id);
    retrieve(books, id)
}

/// Only a draft.
pub(crate) fn delete(books: &mut Books, id: &str) -> Answer {
    if retrieve(books, id)?["status"] != "draft" {
        return Err(Refusal::new("You can only delete draft invoices."));
    }
    books.record("invoice.deleted", id);
    books.remove(id);
    Ok(json!({ "id": id, "object": "invoice", "deleted": true }))
}

pub(crate) fn list(books: &Books, params: Params<'_>) -> Answer {
    let params = params.allow(
        &[PAGING, &["customer", "status", "subscription", "collection_method", "due_date"]].concat(),
    )?;
    let mut invoices = books.all("invoice");
    invoices.retain(|invoice| {
        let subscription = &invoice["parent"]["subscription_details"]["subscription"];
        ["customer", "status", "collection_method"]
            .iter()
            .all(|name| params.text(name).is_none_or(|wanted| id_of(&invoice[*name]) == Some(wanted)))
            && params.text("subscription").is_none_or(|wanted| id_of(subscription) == Some(wanted))
    });
    lists::of_objects(invoices, params, "invoice", "/v1/invoices")
}

pub(crate) fn list_payments(books: &Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[PAGING, &["invoice", "payment", "status"]].concat())?;
    let intent = params.at("payment").text("payment_intent");
    let mut payments = books.all("invoice_payment");
    payments.retain(|payment| {
        params.text("invoice").is_none_or(|wanted| id_of(&payment["invoice"]) == Some(wanted))
            && params.text("status").is_none_or(|status| payment["status"] == status)
            && intent.is_none_or(|wanted| id_of(&payment["payment"]["payment_intent"]) == Some(wanted))
    });
    lists::of_objects(payments, params, "invoice_payment", "/v1/invoice_payments")
}
