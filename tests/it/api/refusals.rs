//! What is not answered as it was meant, and how: each problem has a stable code, a detail and the request's id.

use domain::permissions::Role;
use hyper::Method;
use serde_json::json;
use shared::clock;

use super::office::{each_office, each_office_with};
use super::reads::furnish;

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_a_problem_with_its_code() {
    each_office("refusals", async |office| {
        furnish(office).await;
        let api = office.root();
        let json_of = [("content-type", "application/json")];
        let long = format!("{{\"note\": \"{}\"}}", "x".repeat(70_000));
        let (get, post) = (Method::GET, Method::POST);
        let note = "/api/v1/disputes/dp_a/notes";
        for (method, path, headers, body, status, code) in [
            (&get, "/api/v1/payments?limit=0", &[][..], "", 400, "invalid_parameter"),
            (&get, "/api/v1/payments?limit=501", &[], "", 400, "invalid_parameter"),
            (&get, "/api/v1/payments?limit=1&limit=2", &[], "", 400, "invalid_parameter"),
            (&get, "/api/v1/payments?colour=blue", &[], "", 400, "invalid_parameter"),
            (&get, "/api/v1/payments?status=blue", &[], "", 400, "invalid_parameter"),
            (&get, "/api/v1/payments?since=soon", &[], "", 400, "invalid_parameter"),
            (&get, "/api/v1/payments?since=1h&until=2h", &[], "", 400, "invalid_parameter"),
            (&get, "/api/v1/payments?customer=%00", &[], "", 400, "invalid_parameter"),
            (&get, "/api/v1/payments?starting_after=x", &[], "", 400, "invalid_parameter"),
            (&get, "/api/v1/payments/pi_none", &[], "", 404, "not_found"),
            (&get, "/api/v1/payments/pi_broken", &[], "", 404, "not_found"),
            (&get, "/api/v1/nothing", &[], "", 404, "not_found"),
            (&Method::DELETE, "/api/v1/payments", &[], "", 405, "method_not_allowed"),
            (&post, note, &json_of, "{", 400, "invalid_body"),
            (&post, note, &json_of, "[]", 400, "invalid_body"),
            (&post, note, &json_of, "{}", 400, "invalid_parameter"),
            (&post, note, &json_of, r#"{"note": 1}"#, 400, "invalid_parameter"),
            (&post, note, &json_of, r#"{"note": "x", "colour": 1}"#, 400, "invalid_parameter"),
            (&post, note, &json_of, r#"{"note": " "}"#, 400, "invalid_parameter"),
            (&post, note, &json_of, &long, 413, "body_too_large"),
            (&post, note, &[("content-type", "text/plain")], "x", 415, "unsupported_media_type"),
            (&post, note, &[], r#"{"note": "x"}"#, 415, "unsupported_media_type"),
            (&post, "/api/v1/disputes/dp_none/notes", &json_of, r#"{"note": "x"}"#, 404, "not_found"),
            (&post, "/api/v1/disputes/dp_a/reopen", &json_of, r#"{"reason": "x"}"#, 409, "conflict"),
        ] {
            let reply = api.send(method.clone(), path, headers, body).await;
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (status, code),
                "{method} {path} {}",
                reply.text
            );
            assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{path}");
            let problem = reply.json();
            assert_eq!(problem["request_id"].as_str(), reply.header("request-id"), "{path}");
            assert_eq!(problem["status"], status);
            assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{path}");
            for header in
                ["x-content-type-options", "content-security-policy", "cache-control", "referrer-policy"]
            {
                assert!(reply.header(header).is_some(), "{path} lacks {header}");
            }
        }
        let allowed = api.send(Method::PUT, "/api/v1/operations", &[], "").await;
        assert_eq!(allowed.header("allow"), Some("GET, POST"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_token_that_works_lets_anybody_in() {
    each_office("tokens", async |office| {
        let path = "/api/v1/payments";
        let stranger = office.api.get(path).await;
        assert_eq!((stranger.status, stranger.code().as_str()), (401, "unauthenticated"));
        assert_eq!(stranger.header("www-authenticate"), Some("Bearer realm=\"tidegate\""));
        let forged = office.api.by(&format!("tdg_{}", "0".repeat(64)));
        assert_eq!(forged.get(path).await.status, 401);
        assert_eq!(office.api.by("x").get(path).await.status, 401);
        for open in ["/api/health", "/api/openapi.json"] {
            assert_eq!(office.api.get(open).await.status, 200, "{open}");
        }
        let sam = office.somebody("sam", Role::Support);
        assert_eq!(sam.get(path).await.status, 200);
        let tokens = office.json(&["tokens", "list", "--for", "sam"]);
        let id = tokens["items"][0]["id"].as_str().unwrap().to_owned();
        let revoked =
            office.root().post(&format!("/api/v1/tokens/{id}/revoke"), &json!({"reason": "lost"})).await;
        assert_eq!(revoked.status, 200, "{}", revoked.text);
        assert_eq!(sam.get(path).await.status, 401, "a revoked token ends at once");
        let pat = office.somebody("pat", Role::Support);
        assert_eq!(pat.get(path).await.status, 200);
        office.said(&["staff", "disable", "pat", "--reason", "left"]);
        assert_eq!(pat.get(path).await.status, 401, "so do those of somebody who is disabled");
        let counted = office.metrics().await;
        assert!(
            counted.contains(r#"tidegate_console_authentication_failures_total{reason="refused"} 3"#),
            "{counted}"
        );
        assert!(
            counted.contains(r#"tidegate_console_authentication_failures_total{reason="missing"} 2"#),
            "{counted}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_make_so_many_requests_a_minute_and_others_are_not_held_up() {
    each_office_with("rates", &[("CONSOLE_TOKEN_REQUESTS_PER_MINUTE", "5")], async |office| {
        let (sam, root) = (office.somebody("sam", Role::Support), office.root());
        let mut refused = None;
        // The window may turn once meanwhile.
        for _ in 0..12 {
            let reply = sam.get("/api/v1/payments").await;
            if reply.status != 200 {
                refused = Some(reply);
                break;
            }
        }
        let refused = refused.expect("twelve requests are more than two windows allow");
        assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait));
        assert_eq!(root.get("/api/v1/payments").await.status, 200);
    })
    .await;
}

/// A token that goes from one console to another asks no more than at one.
#[tokio::test(flavor = "multi_thread")]
async fn two_consoles_share_what_a_token_may_ask() {
    const LIMIT: usize = 40;
    let settings = [("CONSOLE_TOKEN_REQUESTS_PER_MINUTE", "40")];
    each_office_with("shared_rates", &settings, async |office| {
        let mut second = office.second(&settings).await;
        let token = office.person("sam", "support");
        let consoles = [office.api.by(&token), second.api.by(&token)];
        let minute = || clock::now().timestamp() / 60;
        let (begun, mut done, mut refused) = (minute(), 0, [0, 0]);
        for turn in 0..3 * LIMIT {
            match consoles[turn % 2].get("/api/v1/payments").await.status {
                200 => done += 1,
                status => {
                    assert_eq!(status, 429);
                    refused[turn % 2] += 1;
                }
            }
        }
        let minutes = usize::try_from(minute() - begun + 1).unwrap();
        println!("{done} of {} were answered within {minutes} minute(s)", 3 * LIMIT);
        assert!(done >= LIMIT && done <= LIMIT * minutes, "{done} in {minutes} minute(s)");
        assert!(minutes > 1 || refused.iter().all(|count| *count > 0), "{refused:?}");
        second.process.stop().unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_act_is_in_the_audit() {
    each_office("refused_acts", async |office| {
        let sam = office.somebody("sam", Role::Auditor);
        let refused =
            sam.post("/api/v1/bans/user_1?livemode=true", &json!({"act": "ban", "reason": "x"})).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "forbidden"));
        assert_eq!(refused.json()["permission"], "billing:manage");
        let lines = office.root().get("/api/v1/audit?object=sam").await.json();
        let line = &lines["items"][0];
        assert_eq!((&line["what"], &line["before"]), (&json!("refused"), &json!("decide_on_ban")), "{lines}");
        assert!(line["actor"].as_str().unwrap().starts_with("sam (token tok_"), "{line}");
    })
    .await;
}
