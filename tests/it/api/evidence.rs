//! The answer to a dispute over HTTP: written, attached, staged, and refused where the rules say so.

use domain::permissions::Role;
use hyper::Method;
use serde_json::{Value, json};
use shared::clock;

use super::office::each_office;
use crate::ledgers::envelope;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....IEND\xaeB`\x82";

fn form(field: &str, name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--b0\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\n{field}\r\n--b0\r\nContent-Disposition: form-data; \
         name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    [head.as_bytes(), content, b"\r\n--b0--\r\n"].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_written_and_asked_for_over_http() {
    each_office("evidence", async |office| {
        let now = clock::now().timestamp();
        let dispute = |status: &str| {
            json!({"id": "du_1", "object": "dispute", "status": status, "amount": 900, "currency": "usd",
                "created": now - 90, "charge": "ch_1", "reason": "fraudulent", "balance_transactions": [],
                "evidence_details": {"due_by": now + 600_000, "submission_count": 0}})
        };
        office.hears(&[envelope("evt_du_1", "charge.dispute.created", 0, &dispute("needs_response"))]).await;
        let (sam, eve) = (office.somebody("sam", Role::Support), office.somebody("eve", Role::Auditor));
        let path = "/api/v1/disputes/du_1/evidence";
        let shown = eve.get(path).await;
        assert_eq!((shown.status, &shown.json()["standing"]), (200, &json!("draft")), "{}", shown.text);
        let text = json!({"field": "access_activity_log", "text": "é".repeat(20_000), "goods": "physical"});
        assert_eq!(eve.post(path, &text).await.status, 403);
        let written = sam.post(path, &text).await;
        assert_eq!((written.status, &written.json()["goods"]), (200, &json!("physical")), "{}", written.text);
        for (body, status) in [
            (json!({"field": "customer_name", "text": "Ada"}), 400),
            (json!({"field": "access_activity_log"}), 400),
            (json!({"field": "access_activity_log", "text": "é".repeat(20_001)}), 400),
            (json!({}), 400),
        ] {
            assert_eq!(sam.post(path, &body).await.status, status, "{body}");
        }

        let files = format!("{path}/files");
        let send = async |body: Vec<u8>, key: &str| {
            let media = "multipart/form-data; boundary=b0";
            sam.send(Method::POST, &files, &[("content-type", media), ("idempotency-key", key)], body).await
        };
        let attached = send(form("receipt", "bill.png", PNG), "a").await;
        assert_eq!(
            (attached.status, &attached.json()["files"][0]["pages"]),
            (201, &json!(1)),
            "{}",
            attached.text
        );
        let again = send(form("receipt", "bill.png", PNG), "a").await;
        assert_eq!(again.json()["files"], attached.json()["files"], "a repetition attaches nothing");
        for (body, key, status) in [
            (form("receipt", "other.png", PNG), "a", 409),
            (form("receipt", "other.png", PNG), "b", 409),
            (form("receipt", "a.pdf", b"<html>"), "c", 400),
            (form("uncategorized_text", "a.png", PNG), "d", 400),
            (b"--b0\r\nno form".to_vec(), "e", 400),
            (form("receipt", "a.png", &vec![0; 4_600_000]), "f", 413),
        ] {
            let refused = send(body, key).await;
            assert_eq!(refused.status, status, "{key}: {}", refused.text);
        }
        let as_json = sam.post(&files, &json!({"field": "receipt"})).await;
        assert_eq!(as_json.code(), "unsupported_media_type", "{}", as_json.text);

        let ask = |kind: &str| json!({"kind": kind, "dispute": "du_1", "confirm": true});
        let early = sam.post("/api/v1/operations", &ask("evidence_submit")).await;
        assert_eq!(early.status, 422, "{}", early.text);
        let staged = sam.post("/api/v1/operations", &ask("evidence_stage")).await.json();
        let id = staged["operation"]["id"].as_str().unwrap();
        let page = eve.get(&format!("/api/v1/operations/{id}")).await.json();
        let stored = &page["parameters"];
        assert_eq!(stored["files"]["receipt"]["name"], "bill.png", "{page}");
        let personal: Vec<&str> =
            stored["from_stripe"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(
            personal.contains(&"customer_purchase_ip") && personal.contains(&"shipping_address"),
            "{personal:?}"
        );
        let busy = sam.post(&format!("{path}/leave-out"), &json!({"field": "receipt"})).await;
        assert_eq!(busy.status, 409, "what is to be sent is not changed: {}", busy.text);
    })
    .await;
}
