//! Disputes: staged and submitted once, decided, closed; and what they do to the balance.

use serde_json::{Value, json};

use super::Asker;
use crate::form::File;
use crate::state::Admission;

fn id(value: &Value) -> String {
    value.as_str().expect("an id").to_owned()
}

fn disputed(stripe: &mut Asker, card: &str) -> String {
    let charge = id(&stripe.paid(6_000, card)["latest_charge"]);
    let list = stripe.done(&format!("GET /disputes?charge={charge}"), "");
    id(&list["data"][0]["id"])
}

#[test]
fn a_dispute_takes_the_money_and_its_fee() {
    let mut stripe = Asker::new();
    let dispute = disputed(&mut stripe, "pm_card_createDispute");
    assert_eq!(
        stripe.events(),
        [
            "payment_intent.created",
            "charge.succeeded",
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "payment_intent.succeeded"
        ]
    );
    let dispute = stripe.done(&format!("GET /disputes/{dispute}"), "");
    assert_eq!(
        (&dispute["status"], &dispute["is_charge_refundable"]),
        (&json!("needs_response"), &json!(false))
    );
    let movement = &dispute["balance_transactions"][0];
    assert_eq!(
        (&movement["amount"], &movement["fee"], &movement["net"]),
        (&json!(-6_000), &json!(1_500), &json!(-7_500))
    );
    stripe.passes(3);
    assert_eq!(stripe.balance(), (6_000 - 204 - 7_500, 6_000 - 204 - 7_500));
}

#[test]
fn evidence_is_staged_and_submitted_once() {
    let mut stripe = Asker::new();
    let path = format!("POST /disputes/{}", disputed(&mut stripe, "pm_card_createDispute"));
    let staged = stripe.done(&path, "evidence[product_description]=A listing&submit=false");
    assert_eq!(
        (&staged["status"], &staged["evidence_details"]["submission_count"]),
        (&json!("needs_response"), &json!(0))
    );
    assert_eq!(staged["evidence_details"]["has_evidence"], true);
    let submitted = stripe.done(&path, "evidence[uncategorized_text]=winning_evidence");
    assert_eq!(
        (&submitted["status"], &submitted["evidence_details"]["submission_count"]),
        (&json!("under_review"), &json!(1))
    );
    assert_eq!(submitted["evidence"]["product_description"], "A listing");
    assert_eq!(stripe.refused(&path, "evidence[uncategorized_text]=more").0, 400, "one submission only");
    stripe.done(&path, "metadata[a]=b");
    stripe.passes(3);
    let won = stripe.done(&path.replace("POST", "GET"), "");
    assert_eq!((&won["status"], &won["is_charge_refundable"]), (&json!("won"), &json!(true)));
    assert_eq!(won["balance_transactions"].as_array().unwrap().len(), 2);
    let (status, error) = stripe.refused(&path, "metadata[a]=c");
    assert_eq!(
        (status, error.get("code"), &error["message"]),
        (400, None, &json!("This dispute is already closed"))
    );
    stripe.done("POST /refunds", &format!("charge={}", id(&won["charge"])));
}

#[test]
fn closing_loses_for_good() {
    let mut stripe = Asker::new();
    let path =
        format!("POST /disputes/{}/close", disputed(&mut stripe, "pm_card_createDisputeProductNotReceived"));
    let lost = stripe.done(&path, "");
    assert_eq!((&lost["status"], &lost["reason"]), (&json!("lost"), &json!("product_not_received")));
    let (status, error) = stripe.refused(&path, "");
    assert_eq!(
        (status, error.get("code"), &error["message"]),
        (400, None, &json!("This dispute is already closed"))
    );
}

#[test]
fn an_inquiry_takes_money_only_when_it_is_escalated() {
    let mut stripe = Asker::new();
    let dispute = disputed(&mut stripe, "pm_card_createDisputeInquiry");
    stripe.passes(3);
    assert_eq!(stripe.balance().0, 6_000 - 204);
    let path = format!("POST /disputes/{dispute}");
    let reviewed = stripe.done(&path, "evidence[uncategorized_text]=escalate_inquiry_evidence");
    assert_eq!(reviewed["status"], "warning_under_review");
    stripe.passes(3);
    let escalated = stripe.done(&path.replace("POST", "GET"), "");
    assert_eq!(
        (&escalated["status"], &escalated["is_charge_refundable"]),
        (&json!("needs_response"), &json!(false))
    );
    assert_eq!(stripe.balance().0, 6_000 - 204 - 7_500);
    let answered = stripe.done(&path, "evidence[uncategorized_text]=once_more");
    assert_eq!(answered["status"], "under_review", "a dispute wants an answer of its own");
}

#[test]
fn evidence_takes_known_fields_within_limits_and_files_of_its_purpose() {
    let mut stripe = Asker::new();
    let path = format!("POST /disputes/{}", disputed(&mut stripe, "pm_card_createDispute"));
    assert_eq!(stripe.refused(&path, "evidence[story]=x").1["param"], "evidence[story]");
    assert_eq!(stripe.refused(&path, &format!("evidence[uncategorized_text]={}", "x".repeat(20_001))).0, 400);
    assert_eq!(stripe.refused(&path, "evidence[receipt]=file_none").1["code"], "resource_missing");
    let mut call = stripe.call("POST /files", None, "purpose=dispute_evidence");
    call.file = Some(File { name: "receipt.pdf".to_owned(), bytes: b"%PDF-1.4".to_vec() });
    let Admission::Admitted { livemode, .. } = stripe.state.admit(&call) else { panic!("it is admitted") };
    assert_eq!(stripe.state.execute(&call, livemode, None).status, 404, "files have a host of their own");
    call.is_to_files_host = true;
    let file: Value = serde_json::from_str(&stripe.state.execute(&call, livemode, None).body).unwrap();
    assert_eq!((&file["type"], &file["size"]), (&json!("pdf"), &json!(8)));
    let staged = stripe.done(&path, &format!("evidence[receipt]={}&submit=false", id(&file["id"])));
    assert_eq!(staged["evidence"]["receipt"], file["id"]);
    stripe.passes(10 * 86_400);
    assert_eq!(stripe.refused(&path, "evidence[uncategorized_text]=late").0, 400, "past due");
}

#[test]
fn a_dispute_comes_on_demand_too() {
    let mut stripe = Asker::new();
    let charge = id(&stripe.paid(6_000, "pm_card_visa")["latest_charge"]);
    let dispute =
        stripe.admin("/disputes", &json!({ "charge": charge, "reason": "duplicate", "amount": 1_000 }));
    assert_eq!((&dispute["amount"], &dispute["reason"]), (&json!(1_000), &json!("duplicate")));
    let lost = stripe.admin(&format!("/disputes/{}", id(&dispute["id"])), &json!({ "status": "lost" }));
    assert_eq!(lost["status"], "lost");
    let won = stripe.admin(&format!("/disputes/{}", id(&dispute["id"])), &json!({ "status": "won" }));
    assert_eq!(won["status"], "won", "what was lost may still be won");
}
