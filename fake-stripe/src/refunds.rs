//! Refunds: who may have one, what it does to its charge and to the balance, and how it fails later.

use serde_json::{Value, json};
use stripe_sim::shaped;

use crate::balance;
use crate::books::{Books, Happening, id_of};
use crate::error::{Answer, Refusal};
use crate::lists::{self, PAGING};
use crate::params::Params;
use crate::refund_movements::{give_back, released, withdraw};
use crate::test_cards::Does;
use crate::{charges, money};

const REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer"];

pub(crate) fn create(books: &mut Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[
        "amount",
        "charge",
        "payment_intent",
        "reason",
        "metadata",
        "instructions_email",
        "currency",
        "customer",
        "origin",
        "refund_application_fee",
        "reverse_transfer",
    ])?;
    let reason = params.one_of("reason", REASONS)?;
    let asked = params.amount("amount")?;
    let metadata = params.metadata(&json!({}))?;
    let charge = refundable(books, params)?;
    let (id, currency) = (text(&charge, "id"), text(&charge, "currency"));
    let captured = charge["amount_captured"].as_i64().unwrap_or(0);
    let left = captured + released(books, &charge) - charge["amount_refunded"].as_i64().unwrap_or(0);
    if left <= 0 {
        let words = format!("Charge {id} has already been refunded.");
        return Err(Refusal::new(words).code("charge_already_refunded"));
    }
    let amount = asked.unwrap_or(left);
    if amount > left {
        let (amount, left) = (money::written(amount, &currency), money::written(left, &currency));
        let words = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
        return Err(Refusal::new(words).param("amount"));
    }
    // The money that the charge brings is entered before what leaves.
    charges::settle(books, &id);
    let is_short = books.settings.refunds_need_balance && balance::total(books, &currency) < amount;
    let is_late = charge["_does"] == format!("{:?}", Does::RefundLate);
    let refund = books.new_id("re");
    let card = json!({ "reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund" });
    books.put(shaped(
        "refund",
        json!({
            "id": refund, "amount": amount, "charge": id, "created": books.now, "currency": currency,
            "customer": charge["customer"], "destination_details": { "card": card, "type": "card" }, "metadata": metadata,
            "payment_intent": charge["payment_intent"], "payment_method": charge["payment_method"], "reason": reason,
            "status": if is_short || is_late { "pending" } else { "succeeded" },
        }),
    ));
    if is_short {
        books.edit(&refund, json!({ "pending_reason": "insufficient_funds" }));
    } else {
        withdraw(books, &refund, 0);
    }
    add_to_charge(books, &charge, amount);
    books.record("refund.created", &refund);
    books.record("charge.refunded", &id);
    let after = books.settings.refunds_move_after_secs;
    if is_late && !is_short {
        books.later(after, Happening::RefundSucceeds(refund.clone()));
    } else if charge["_does"] == format!("{:?}", Does::RefundFail) {
        books.later(after, Happening::RefundFails(refund.clone(), "expired_or_canceled_card"));
    }
    retrieve(books, &refund)
}

/// The charge that is meant, if it may be refunded at all.
fn refundable(books: &Books, params: Params<'_>) -> Result<Value, Refusal> {
    let charge = match (params.text("charge"), params.text("payment_intent")) {
        (Some(id), _) => books.find("charge", id, "id")?,
        (None, Some(id)) => {
            let intent = books.find("payment_intent", id, "payment_intent")?;
            let latest = id_of(&intent["latest_charge"]).and_then(|latest| books.get(latest));
            latest.or_else(|| charge_of(books, id)).ok_or_else(|| without_charge(id))?
        }
        (None, None) => {
            let words =
                "One of the following params should be provided for this request: payment_intent or charge.";
            return Err(Refusal::new(words).not_kept());
        }
    };
    let (id, intent) = (text(charge, "id"), id_of(&charge["payment_intent"]));
    if charge["status"] != "succeeded" {
        return Err(match intent {
            Some(intent) => without_charge(intent),
            None => {
                Refusal::new(format!("The charge {id} has failed and cannot be refunded.")).param("charge")
            }
        });
    }
    if charge["captured"] == false {
        return Err(match intent {
            Some(intent) => Refusal::new(format!(
                "You must cancel the PaymentIntent {intent} instead of refunding its charge {id}, because the charge is not captured."
            )),
            None => Refusal::new(
                "You cannot partially refund an uncaptured charge. Instead, capture the charge for an amount less than the original amount",
            )
            .param("amount"),
        });
    }
    let is_held =
        |dispute: &&Value| id_of(&dispute["charge"]) == Some(&id) && dispute["is_charge_refundable"] == false;
    if charge["disputed"] == true && books.all("dispute").iter().any(is_held) {
        let words = format!("Charge {id} has been charged back; cannot issue a refund.");
        return Err(Refusal::new(words).code("charge_disputed"));
    }
    Ok(charge.clone())
}

fn charge_of<'b>(books: &'b Books, intent: &str) -> Option<&'b Value> {
    let is_its =
        |charge: &&Value| charge["status"] == "succeeded" && id_of(&charge["payment_intent"]) == Some(intent);
    books.all("charge").into_iter().find(is_its)
}

fn without_charge(intent: &str) -> Refusal {
    Refusal::new(format!("This PaymentIntent ({intent}) does not have a successful charge to refund."))
}

fn text(object: &Value, name: &str) -> String {
    object[name].as_str().unwrap_or_default().to_owned()
}

fn add_to_charge(books: &mut Books, charge: &Value, amount: i64) {
    let id = text(charge, "id");
    let before = books.get(&id).and_then(|charge| charge["amount_refunded"].as_i64()).unwrap_or(0);
    let refunded = before + amount;
    let captured = charge["amount_captured"].as_i64().unwrap_or(0);
    let is_all = refunded == captured + released(books, charge);
    books.edit(&id, json!({ "amount_refunded": refunded, "refunded": is_all }));
}

/// What waited has come.
pub(crate) fn succeed(books: &mut Books, id: &str) {
    let Some(refund) = books.get(id) else { return };
    if !matches!(refund["status"].as_str(), Some("pending" | "requires_action")) {
        return;
    }
    if refund["balance_transaction"].is_null() {
        withdraw(books, id, 0);
    }
    let mut fields = json!({ "status": "succeeded" });
    if books.get(id).is_some_and(|refund| refund.get("pending_reason").is_some()) {
        fields["pending_reason"] = Value::Null;
    }
    books.change(id, "refund.updated", fields);
}

/// The bank gave it back, up to thirty days later: the money is in the balance again, and the charge counts as less
/// refunded.
pub(crate) fn fail(books: &mut Books, id: &str, reason: &str) -> Answer {
    let refund = retrieve(books, id)?;
    if matches!(refund["status"].as_str(), Some("failed" | "canceled")) {
        return Ok(refund);
    }
    let mut fields = json!({ "status": "failed", "failure_reason": reason });
    if let Some(transaction) = give_back(books, &refund, "REFUND FAILURE") {
        fields["failure_balance_transaction"] = json!(transaction);
    }
    give_back_to_charge(books, &refund);
    books.change(id, "refund.failed", fields);
    retrieve(books, id)
}

fn give_back_to_charge(books: &mut Books, refund: &Value) {
    let Some(charge) = id_of(&refund["charge"]).and_then(|id| books.get(id)).cloned() else { return };
    add_to_charge(books, &charge, -refund["amount"].as_i64().unwrap_or(0));
}

/// The bank of a method other than a card asks the customer for something.
pub(crate) fn ask_customer(books: &mut Books, id: &str) -> Answer {
    retrieve(books, id)?;
    books.change(id, "refund.updated", json!({ "status": "requires_action" }));
    retrieve(books, id)
}

pub(crate) fn retrieve(books: &Books, id: &str) -> Answer {
    books.find("refund", id, "refund").cloned()
}

pub(crate) fn update(books: &mut Books, id: &str, params: Params<'_>) -> Answer {
    let metadata = params.allow(&["metadata"])?.metadata(&retrieve(books, id)?["metadata"])?;
    books.change(id, "refund.updated", json!({ "metadata": metadata }));
    retrieve(books, id)
}

pub(crate) fn cancel(books: &mut Books, id: &str, params: Params<'_>) -> Answer {
    params.allow(&[])?;
    let refund = retrieve(books, id)?;
    if refund["status"] != "requires_action" {
        return Err(Refusal::new("Canceling this refund is unsupported."));
    }
    let mut fields = json!({ "status": "canceled" });
    if let Some(transaction) = give_back(books, &refund, "REFUND CANCELED") {
        fields["failure_balance_transaction"] = json!(transaction);
    }
    give_back_to_charge(books, &refund);
    books.change(id, "refund.updated", fields);
    retrieve(books, id)
}

pub(crate) fn list(books: &Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[PAGING, &["charge", "payment_intent"]].concat())?;
    let mut refunds = books.all("refund");
    refunds.retain(|refund| {
        ["charge", "payment_intent"]
            .iter()
            .all(|name| params.text(name).is_none_or(|wanted| id_of(&refund[*name]) == Some(wanted)))
    });
    lists::of_objects(refunds, params, "refund", "/v1/refunds")
}
