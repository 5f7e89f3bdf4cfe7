//! A dispute answered in a browser: texts and files by forms that need no script, what is missing in sight, and what may
//! not be done refused in words.

use chrono::TimeDelta;
use domain::operations::Answer;
use serde_json::json;
use shared::clock;

use super::browser::{Browser, Console, each_console, form};
use crate::ledgers::{envelope, together};

const PAGE: &str = "/dispute/du_1?livemode=true";
const PDF: &str = "%PDF-1.4\n<< /Type /Page >>\n%%EOF\n";

/// A payment by a card, and a dispute about it that can be answered.
async fn disputed(console: &Console) {
    let due_by = clock::now().timestamp() + 600_000;
    let paid = json!({"id": "pi_1", "status": "succeeded", "amount": 900, "amount_received": 900, "currency": "usd",
        "created": 1_780_000_000, "customer": "cus_1", "latest_charge": "ch_1",
        "metadata": {"listing_id": "4711", "payment_type": "bump"}});
    let charged = json!({"id": "ch_1", "status": "succeeded", "amount": 900, "amount_captured": 900, "captured": true,
        "paid": true, "currency": "usd", "created": 1_780_000_000, "payment_intent": "pi_1"});
    let dispute = json!({"id": "du_1", "object": "dispute", "status": "needs_response", "amount": 900, "currency": "usd",
        "created": 1_780_000_090, "charge": "ch_1", "payment_intent": "pi_1", "reason": "product_not_received",
        "balance_transactions": [], "evidence_details": {"due_by": due_by, "submission_count": 0}});
    for (kind, object) in [
        ("payment_intent.succeeded", &paid),
        ("charge.succeeded", &charged),
        ("charge.dispute.created", &dispute),
    ] {
        let event = envelope(&format!("evt_{}", kind.replace('.', "_")), kind, 0, object);
        together(&console.ledger, &[&event]).await;
    }
}

/// As a browser sends a form with a file.
async fn attach(browser: &Browser<'_>, field: &str, content: &str) -> (u16, String) {
    let (target, hidden) = form(&browser.page(PAGE).await, "/evidence/files");
    let given = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([("field", field)]);
    let part =
        |(name, value)| format!("--b0\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let fields = given.map(part).collect::<Vec<_>>().concat();
    let body = format!(
        "{fields}--b0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"bill.pdf\"\r\n\
         Content-Type: application/pdf\r\n\r\n{content}\r\n--b0--\r\n"
    );
    let reply = browser.send_form("multipart/form-data; boundary=b0", &target, &body).await;
    (reply.status, reply.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_is_answered_by_forms_alone() {
    each_console("evidence", async |console| {
        disputed(&console).await;
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        let page = browser.page(PAGE).await;
        for words in [
            "bump for listing 4711",
            "payment pi_1",
            "Stripe, when it is sent; not kept",
            "required, missing",
            "type=\"file\"",
            "enctype=\"multipart/form-data\"",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        let (target, hidden) = form(&page, "/evidence?");
        let mut fields: Vec<(&str, &str)> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        fields.extend([("field", "access_activity_log"), ("text", "logged in <b>twice</b>")]);
        assert_eq!(browser.post(&target, &fields).await.status, 303);

        let (status, body) = attach(&browser, "receipt", "<html>").await;
        assert!(status == 400 && body.contains("no PDF, JPEG or PNG"), "{status} {body}");
        assert_eq!(attach(&browser, "receipt", PDF).await.0, 303);
        let (status, body) = attach(&browser, "receipt", PDF).await;
        assert!(status == 409 && body.contains("put both into one PDF"), "{status} {body}");
        let page = browser.page(PAGE).await;
        for words in ["logged in &lt;b&gt;twice", "bill.pdf", "1 page)", "not uploaded yet", "ada"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert!(!page.contains("required, missing"), "{page}");

        let store = page.split("<form").find(|form| form.contains("evidence_stage")).unwrap();
        assert!(store.contains("That is no answer yet"), "{store}");
        let large = "x".repeat(4_700_000);
        assert_eq!(attach(&browser, "refund_policy", &large).await.0, 413);
        let nobody = console.browser(None);
        let reply = nobody.send_form("multipart/form-data; boundary=b0", &target, &large).await;
        assert_eq!(reply.status, 401, "whoever is not known signs in first");
    })
    .await;
}

/// Asks for something by a form of the page; where it leads.
async fn asked(browser: &Browser<'_>, (target, hidden): &(String, Vec<(String, String)>)) -> (u16, String) {
    let given = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = given.chain([("incomplete", "true")]).collect();
    let is_submission = fields.contains(&("kind", "evidence_submit"));
    let reply = browser.post(target, if is_submission { &fields } else { &fields[..fields.len() - 1] }).await;
    (reply.status, reply.header("location").map_or(reply.body.clone(), str::to_owned))
}

/// Stores the answer, as a worker does it; the operation.
async fn stored(console: &Console, browser: &Browser<'_>) -> String {
    let (status, place) = asked(browser, &form(&browser.page(PAGE).await, "evidence_stage")).await;
    let id = place.strip_prefix("/operation/").unwrap_or_else(|| panic!("{status} {place}")).to_owned();
    let (mut tx, now) = (console.ledger.begin().await.unwrap(), clock::now());
    let mut operation = tx.lock_operation(&id).await.unwrap().unwrap();
    operation.begin_attempt(now, now + TimeDelta::minutes(1)).unwrap();
    operation.succeed(Answer { stripe_id: Some("du_1".to_owned()), ..Answer::default() }, now).unwrap();
    tx.write_operation(&operation).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_submitted_only_as_its_page_showed_it() {
    each_console("evidence_seen", async |console| {
        disputed(&console).await;
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        let first = stored(&console, &browser).await;
        let seen = form(&browser.page(PAGE).await, "evidence_submit");
        assert!(seen.1.contains(&("staged".to_owned(), first)), "{seen:?}");
        let second = stored(&console, &browser).await;
        let (status, body) = asked(&browser, &seen).await;
        assert!(status == 422 && body.contains("other evidence was stored since"), "{status} {body}");
        let seen = form(&browser.page(PAGE).await, "evidence_submit");
        assert!(seen.1.contains(&("staged".to_owned(), second)), "{seen:?}");
        let (status, place) = asked(&browser, &seen).await;
        assert!(status == 303 && place.starts_with("/operation/op_"), "{status} {place}");
    })
    .await;
}
