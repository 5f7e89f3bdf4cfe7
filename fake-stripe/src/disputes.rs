//! Disputes: opened by a bank, answered with evidence once, and decided by the bank.

use serde_json::{Value, json};
use stripe_sim::shaped;

use crate::balance::{self, Entry};
use crate::books::{Books, Happening, id_of};
use crate::error::{Answer, Refusal};
use crate::evidence;
use crate::lists::{self, PAGING};
use crate::params::Params;

const RESPOND_WITHIN_SECS: i64 = 9 * 86_400;
/// Since this version one may say whether Stripe answers by itself.
const SMART_DISPUTES_SINCE: &str = "2026-10-28";

/// The bank of a charge's card opens it: about all that was captured, or less.
pub(crate) fn open(
    books: &mut Books,
    charge_id: &str,
    reason: &str,
    network_reason_code: &str,
    status: &str,
    amount: Option<i64>,
) -> String {
    let charge = books.get(charge_id).cloned().unwrap_or_default();
    let id = books.new_id("du");
    let is_inquiry = status.starts_with("warning_");
    let customer = id_of(&charge["customer"]).and_then(|id| books.get(id)).cloned().unwrap_or_default();
    let captured = charge["amount_captured"].as_i64().unwrap_or(0);
    books.put(shaped(
        "dispute",
        json!({
            "id": id, "amount": amount.unwrap_or(captured), "charge": charge_id, "created": books.now,
            "currency": charge["currency"],
            "evidence": { "customer_email_address": customer["email"], "customer_name": customer["name"] },
            "evidence_details": { "due_by": books.now + RESPOND_WITHIN_SECS, "submission_method": null },
            "intended_submission_method": null, "is_charge_refundable": is_inquiry, "livemode": books.livemode,
            "payment_intent": charge["payment_intent"],
            "payment_method_details": { "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": if is_inquiry { "inquiry" } else { "chargeback" }, "network_reason_code": network_reason_code,
            } },
            "reason": reason, "status": status,
        }),
    ));
    books.edit(charge_id, json!({ "disputed": true, "dispute": id }));
    if !is_inquiry {
        withdraw(books, &id);
    }
    books.record("charge.dispute.created", &id);
    if !is_inquiry {
        books.record("charge.dispute.funds_withdrawn", &id);
    }
    id
}

/// The bank suspects; nobody has disputed yet.
pub(crate) fn warn(books: &mut Books, charge_id: &str) {
    let (id, charge) = (books.new_id("issfr"), books.get(charge_id).cloned().unwrap_or_default());
    books.put(json!({
        "id": id, "object": "radar.early_fraud_warning", "actionable": true, "charge": charge_id, "created": books.now,
        "fraud_type": "made_with_stolen_card", "livemode": books.livemode, "payment_intent": charge["payment_intent"],
    }));
    books.record("radar.early_fraud_warning.created", &id);
}

fn withdraw(books: &mut Books, id: &str) {
    let fee = books.settings.dispute_fee;
    enter(books, id, -1, fee, "dispute", "Chargeback withdrawal");
}

fn enter(
    books: &mut Books,
    id: &str,
    sign: i64,
    fee: i64,
    category: &'static str,
    description: &'static str,
) {
    let Some(dispute) = books.get(id).cloned() else { return };
    let entry = Entry {
        kind: "adjustment",
        reporting_category: category,
        amount: sign * dispute["amount"].as_i64().unwrap_or(0),
        fee,
        currency: dispute["currency"].as_str().unwrap_or_default(),
        source: id,
        description,
        available_after_secs: 0,
    };
    let transaction = balance::enter(books, &entry);
    let mut movements = dispute["balance_transactions"].as_array().cloned().unwrap_or_default();
    movements.extend(books.get(&transaction).cloned());
    let first = movements.first().map(|movement| movement["id"].clone());
    books.edit(id, json!({ "balance_transactions": movements, "balance_transaction": first }));
}

pub(crate) fn retrieve(books: &Books, id: &str) -> Answer {
    books.find("dispute", id, "dispute").cloned()
}

/// Evidence is staged, or submitted, which is the default.
pub(crate) fn update(books: &mut Books, id: &str, params: Params<'_>, version: &str) -> Answer {
    let known = ["evidence", "metadata", "submit", "intended_submission_method"];
    let params = params.allow(if version >= SMART_DISPUTES_SINCE { &known } else { &known[..3] })?;
    let submits = params.flag("submit")?.unwrap_or(true);
    let method = params.one_of(
        "intended_submission_method",
        &["manual", "prefer_manual", "prefer_smart_disputes", "smart_disputes"],
    )?;
    let dispute = retrieve(books, id)?;
    let metadata = params.metadata(&dispute["metadata"])?;
    let evidence = evidence::merged(books, &dispute["evidence"], params.at("evidence"))?;
    if matches!(dispute["status"].as_str(), Some("won" | "lost" | "warning_closed" | "prevented")) {
        return Err(Refusal::new("This dispute is already closed"));
    }
    let brings = params.is_given("evidence");
    let count = dispute["evidence_details"]["submission_count"].as_i64().unwrap_or(0);
    // One for an inquiry, and one for the dispute that it became.
    let is_answered = count > 0 && !matches!(dispute["status"].as_str(), Some("needs_response"));
    if brings && is_answered {
        return Err(Refusal::new(
            "This dispute's evidence has already been submitted. You can only submit evidence once.",
        ));
    }
    let due_by = dispute["evidence_details"]["due_by"].as_i64().unwrap_or(0);
    if brings && due_by <= books.now {
        return Err(Refusal::new("The deadline for submitting evidence for this dispute has passed."));
    }
    let mut details = dispute["evidence_details"].clone();
    let mut fields = json!({ "metadata": metadata });
    if brings {
        details["has_evidence"] = json!(true);
        fields["evidence"] = evidence.clone();
    }
    if let Some(method) = method {
        fields["intended_submission_method"] = json!(method);
    }
    let is_submitted =
        submits && !is_answered && (brings || (details["has_evidence"] == true && params.is_given("submit")));
    if is_submitted {
        details["submission_count"] = json!(count + 1);
        details["submission_method"] = json!("manual");
        let is_inquiry = dispute["status"].as_str().is_some_and(|status| status.starts_with("warning_"));
        fields["status"] = json!(if is_inquiry { "warning_under_review" } else { "under_review" });
        let verdict = match evidence["uncategorized_text"].as_str() {
            Some("winning_evidence") => Some("won"),
            Some("losing_evidence") => Some("lost"),
            Some("escalate_inquiry_evidence") if is_inquiry => Some("needs_response"),
            _ => None,
        };
        if let Some(verdict) = verdict {
            books.later(
                books.settings.disputes_end_after_secs,
                Happening::DisputeEnds(id.to_owned(), verdict),
            );
        }
    }
    fields["evidence_details"] = details;
    books.change(id, "charge.dispute.updated", fields);
    retrieve(books, id)
}

/// The merchant gives in: lost, for good.
pub(crate) fn close(books: &mut Books, id: &str, params: Params<'_>) -> Answer {
    params.allow(&[])?;
    let dispute = retrieve(books, id)?;
    if matches!(dispute["status"].as_str(), Some("won" | "lost" | "warning_closed" | "prevented")) {
        return Err(Refusal::new("This dispute is already closed"));
    }
    end(books, id, "lost")?;
    retrieve(books, id)
}

/// The bank decides. A decision that was made is not made again, except that what was lost may still be won.
pub(crate) fn end(books: &mut Books, id: &str, status: &'static str) -> Answer {
    let dispute = retrieve(books, id)?;
    let before = dispute["status"].as_str().unwrap_or_default();
    let is_inquiry = before.starts_with("warning_");
    let is_over = matches!(before, "won" | "warning_closed" | "prevented") || before == status;
    if is_over || (before == "lost" && status != "won") {
        return Ok(dispute);
    }
    if is_inquiry && status == "needs_response" {
        // It is escalated to a dispute: now the money leaves.
        withdraw(books, id);
        // Whether the count begins anew, nobody says: it stays, for those who count on that.
        let mut details = dispute["evidence_details"].clone();
        details["due_by"] = json!(books.now + RESPOND_WITHIN_SECS);
        let mut method = dispute["payment_method_details"].clone();
        method["card"]["case_type"] = json!("chargeback");
        let fields = json!({ "status": "needs_response", "is_charge_refundable": false, "evidence_details": details, "payment_method_details": method });
        books.change(id, "charge.dispute.updated", fields);
        books.record("charge.dispute.funds_withdrawn", id);
        return retrieve(books, id);
    }
    let status = if is_inquiry { "warning_closed" } else { status };
    if status == "won" {
        enter(books, id, 1, 0, "dispute_reversal", "Chargeback reversal");
        books.edit(id, json!({ "status": "won", "is_charge_refundable": true }));
        books.record("charge.dispute.funds_reinstated", id);
        books.record("charge.dispute.closed", id);
    } else {
        books.change(id, "charge.dispute.closed", json!({ "status": status }));
    }
    retrieve(books, id)
}

pub(crate) fn list_warnings(books: &Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[PAGING, &["charge", "payment_intent"]].concat())?;
    let mut warnings = books.all("radar.early_fraud_warning");
    warnings.retain(|warning| {
        ["charge", "payment_intent"]
            .iter()
            .all(|name| params.text(name).is_none_or(|wanted| id_of(&warning[*name]) == Some(wanted)))
    });
    lists::of_objects(warnings, params, "early fraud warning", "/v1/radar/early_fraud_warnings")
}

pub(crate) fn list(books: &Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[PAGING, &["charge", "payment_intent"]].concat())?;
    let mut disputes = books.all("dispute");
    let is_of = |dispute: &Value, name: &str| {
        params.text(name).is_none_or(|wanted| id_of(&dispute[name]) == Some(wanted))
    };
    disputes.retain(|dispute| is_of(dispute, "charge") && is_of(dispute, "payment_intent"));
    lists::of_objects(disputes, params, "dispute", "/v1/disputes")
}
