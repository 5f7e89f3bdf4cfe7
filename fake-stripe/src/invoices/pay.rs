//! How an invoice is paid: by hand, by Stripe's own plan, or because somebody confirmed its payment intent.

use serde_json::{Value, json};

use super::{open, retrieve};
use crate::books::{Books, Happening, id_of};
use crate::error::{Answer, Refusal};
use crate::params::Params;
use crate::payment_intents::{self, Confirmation};

const DAY_SECS: i64 = 86_400;
/// When Stripe tries again by itself, after each attempt that failed.
const RETRIES_SECS: [i64; 3] = [3 * DAY_SECS, 5 * DAY_SECS, 7 * DAY_SECS];

pub(crate) fn pay(books: &mut Books, id: &str, params: Params<'_>) -> Answer {
    let params = params.allow(&[
        "payment_method",
        "off_session",
        "paid_out_of_band",
        "forgive",
        "source",
        "mandate",
    ])?;
    let off_session = params.flag("off_session")?.unwrap_or(true);
    let out_of_band = params.flag("paid_out_of_band")?.unwrap_or(false);
    params.flag("forgive")?;
    let invoice = retrieve(books, id)?;
    match invoice["status"].as_str().unwrap_or_default() {
        "open" | "uncollectible" => {}
        "draft" => open(books, id),
        "paid" => return Err(Refusal::new("Invoice is already paid")),
        status => {
            return Err(Refusal::new(format!(
                "Invoice could not be paid because it has a status of {status}."
            )));
        }
    }
    if out_of_band {
        settled(books, id, 0, true);
        return retrieve(books, id);
    }
    if retrieve(books, id)?["status"] == "paid" {
        return retrieve(books, id); // of nothing
    }
    let given = params.text("payment_method").or(params.text("source")).map(str::to_owned);
    attempt(books, id, given, off_session, false)?;
    retrieve(books, id)
}

/// By the plan of Stripe: a draft is finalized, an open invoice is tried, and again while the plan lasts.
pub(crate) fn advance(books: &mut Books, id: &str) {
    let Some(invoice) = books.get(id).cloned() else { return };
    if invoice["auto_advance"] != true {
        return;
    }
    match invoice["status"].as_str() {
        Some("draft")
            if invoice["automatically_finalizes_at"].as_i64().is_some_and(|due| due <= books.now) =>
        {
            open(books, id);
        }
        Some("open") if invoice["next_payment_attempt"].as_i64().is_some_and(|due| due <= books.now) => {
            // What went wrong is told by events; nobody waits for an answer.
            let _told = attempt(books, id, None, true, true);
        }
        _ => {}
    }
}

fn attempt(
    books: &mut Books,
    id: &str,
    given: Option<String>,
    off_session: bool,
    by_plan: bool,
) -> Result<(), Refusal> {
    let invoice = retrieve(books, id)?;
    let Some(intent) = invoice["_payment_intent"].as_str().map(str::to_owned) else { return Ok(()) };
    let before = invoice["attempt_count"].as_i64().unwrap_or(0);
    // A try by hand moves neither the count nor the plan, unless it is the first.
    let moves_plan = by_plan || before == 0;
    let count = if moves_plan { before + 1 } else { before };
    let confirmation = Confirmation {
        payment_method: given.or_else(|| method(books, &invoice)),
        off_session,
        ..Confirmation::default()
    };
    if confirmation.payment_method.is_none() {
        let words = "There is no `default_payment_method` set on this Customer or Invoice. Please set a `default_payment_method` \
                     or try again with the `payment_method` parameter.";
        return Err(Refusal::new(words).code("resource_missing"));
    }
    let result = payment_intents::confirm(books, &intent, &confirmation);
    let charge = books.get(&intent).map(|intent| intent["latest_charge"].clone()).unwrap_or_default();
    books.edit(id, json!({ "attempt_count": count, "attempted": true, "_charge": charge }));
    let status = books.get(&intent).map(|intent| intent["status"].clone()).unwrap_or_default();
    if status == "succeeded" {
        let amount = invoice["amount_due"].as_i64().unwrap_or(0);
        settled(books, id, amount, false);
        return Ok(());
    }
    let next = by_plan || invoice["next_payment_attempt"].as_i64().is_some();
    let wait = usize::try_from(count - 1).ok().and_then(|place| RETRIES_SECS.get(place)).copied();
    let wait = wait.filter(|_| next && invoice["auto_advance"] == true);
    if moves_plan {
        books.edit(id, json!({ "next_payment_attempt": wait.map(|wait| books.now + wait) }));
        if let Some(wait) = wait {
            books.later(wait, Happening::InvoiceAdvances(id.to_owned()));
        }
    }
    books.record("invoice.payment_failed", id);
    subscription_follows(books, &invoice, false);
    let asks = status == "requires_action"
        || result
            .as_ref()
            .is_err_and(|refusal| refusal.fields().get("code") == Some(&json!("authentication_required")));
    if asks {
        books.record("invoice.payment_action_required", id);
        let words = "This payment requires additional user action before it can be completed successfully. Payment can be \
                     completed using the PaymentIntent associated with this invoice.";
        let refusal = Refusal::card(words).code("invoice_payment_intent_requires_action");
        return Err(refusal.with("payment_intent", books.get(&intent).cloned()));
    }
    result
}

/// The invoice's own, the customer's default for invoices, or their old default source.
fn method(books: &Books, invoice: &Value) -> Option<String> {
    let customer = id_of(&invoice["customer"]).and_then(|id| books.get(id)).cloned().unwrap_or_default();
    let subscription =
        id_of(&invoice["parent"]["subscription_details"]["subscription"]).and_then(|id| books.get(id));
    let candidates = [
        invoice["default_payment_method"].clone(),
        subscription.map(|subscription| subscription["default_payment_method"].clone()).unwrap_or_default(),
        customer["invoice_settings"]["default_payment_method"].clone(),
        customer["default_source"].clone(),
    ];
    candidates.iter().find_map(|candidate| candidate.as_str().map(str::to_owned))
}

/// Its payment intent moved, perhaps without the invoice having asked.
pub(crate) fn follow(books: &mut Books, intent: &str) {
    let Some(moved) = books.get(intent).cloned() else { return };
    let Some(id) = moved["_invoice"].as_str() else { return };
    let is_open = books
        .get(id)
        .is_some_and(|invoice| matches!(invoice["status"].as_str(), Some("open" | "uncollectible")));
    if is_open && moved["status"] == "succeeded" {
        books.edit(id, json!({ "_charge": moved["latest_charge"], "attempted": true }));
        settled(books, id, moved["amount_received"].as_i64().unwrap_or(0), false);
    }
}

pub(super) fn settled(books: &mut Books, id: &str, amount_paid: i64, out_of_band: bool) {
    let Some(invoice) = books.get(id).cloned() else { return };
    if invoice["status"] == "paid" {
        return;
    }
    let mut transitions = invoice["status_transitions"].clone();
    transitions["paid_at"] = json!(books.now);
    let due = if out_of_band { invoice["amount_due"].as_i64().unwrap_or(0) } else { amount_paid };
    let payment = books.all("invoice_payment").into_iter().find(|payment| payment["invoice"] == id).cloned();
    if let Some(payment) =
        payment.as_ref().and_then(|payment| payment["id"].as_str()).filter(|_| !out_of_band)
    {
        let paid = json!({ "amount_paid": amount_paid, "status": "paid", "status_transitions": { "canceled_at": null, "paid_at": books.now } });
        books.change(payment, "invoice_payment.paid", paid);
    }
    books.edit(
        id,
        json!({ "amount_paid": due, "amount_remaining": 0, "attempted": true, "auto_advance": false,
            "next_payment_attempt": null, "status": "paid", "status_transitions": transitions, "_paid_out_of_band": out_of_band }),
    );
    books.record("invoice.paid", id);
    books.record("invoice.payment_succeeded", id);
    subscription_follows(books, &invoice, true);
}

/// A subscription lives as its latest invoice is paid.
fn subscription_follows(books: &mut Books, invoice: &Value, is_paid: bool) {
    let Some(id) = id_of(&invoice["parent"]["subscription_details"]["subscription"]).map(str::to_owned)
    else {
        return;
    };
    let status = books.get(&id).map(|subscription| subscription["status"].clone()).unwrap_or_default();
    let next = match (status.as_str(), is_paid) {
        (Some("incomplete" | "past_due" | "unpaid"), true) => "active",
        (Some("active"), false) => "past_due",
        _ => return,
    };
    books.change(&id, "customer.subscription.updated", json!({ "status": next }));
}
