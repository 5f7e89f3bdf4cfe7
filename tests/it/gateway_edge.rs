//! Every answer of the gateway, over raw sockets: what is answered, what is stored, what stays open.

use envelope::{Source, Unwanted};
use harness::binaries::workspace;
use stripe_sim::signature;

use crate::in_process_gateway::{Edge, PATH, SECRET, event, loopback, signed, signed_by};
use crate::raw_http::{Raw, Reply, ask, head, post};

const OTHER_SECRET: &str = "whsec_9876543210abcdefGHIJ";
const RECEIVED: &str = r#"{"received":true}"#;

fn signed_post(path: &str, body: &[u8]) -> Vec<u8> {
    post(path, &[&signed(body)], body)
}

#[tokio::test]
async fn a_signed_event_is_stored_as_it_came_and_answered_200() {
    let edge = Edge::start().await;
    let body = event("evt_1", 3_000);
    let trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let before = shared::clock::now();
    let reply = ask(edge.address, post(PATH, &[&signed(&body), trace], &body)).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, RECEIVED));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let envelope = edge.envelope().await;
    assert_eq!(&envelope.body[..], &body[..]);
    let header = envelope.header;
    assert_eq!((header.id.as_str(), header.kind.as_str()), ("evt_1", "payment_intent.succeeded"));
    assert_eq!((header.created, header.account.as_str(), header.livemode), (1_700_000_000, "", true));
    assert_eq!(header.api_version.as_deref(), Some("2025-04-30.basil"));
    assert_eq!((header.source, header.endpoint.as_str()), (Source::Stripe, "default"));
    assert_eq!(header.unwanted, None);
    assert!(header.received_at >= before && header.received_at <= shared::clock::now());
    assert!(header.trace_parent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    assert!(!header.trace_parent.contains("00f067aa0ba902b7"), "the span is the delivery's own");
    edge.end().await.unwrap();
}

#[tokio::test]
async fn a_repetition_and_a_body_in_chunks_are_accepted_alike() {
    let edge = Edge::start().await;
    let body = event("evt_1", 40_000);
    let mut kept = Raw::open(edge.address).await;
    for _ in 0..3 {
        let reply = kept.exchange(signed_post(PATH, &body)).await;
        assert_eq!((reply.status, reply.closes()), (200, false));
    }
    let mut chunked = head("POST", PATH, &[&signed(&body), "transfer-encoding: chunked"]);
    for part in body.chunks(7_000) {
        chunked.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        chunked.extend_from_slice(part);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let reply = kept.exchange(chunked).await;
    assert_eq!((reply.status, reply.closes()), (200, true));
    assert!(kept.reads_end().await);
    for _ in 0..4 {
        assert_eq!(&edge.envelope().await.body[..], &body[..]);
    }
    edge.end().await.unwrap();
}

#[tokio::test]
async fn a_thin_event_is_stored_as_what_it_is() {
    let edge = Edge::start().await;
    let body = br#"{"id":"evt_test_1","object":"v2.core.event","type":"v2.core.account[requirements].updated","created":"2026-01-02T03:04:05.678Z","livemode":false,"context":"acct_7"}"#;
    assert_eq!(ask(edge.address, signed_post(PATH, body)).await.status, 200);
    let header = edge.envelope().await.header;
    assert_eq!((header.created, header.account.as_str()), (1_767_323_045, "acct_7"));
    assert_eq!(header.kind, "v2.core.account[requirements].updated");
    edge.end().await.unwrap();
}

#[tokio::test]
async fn each_endpoint_knows_its_own_secrets_mode_and_account() {
    let edge = Edge::start_with(&[
        ("STRIPE_WEBHOOK_MODE", "live"),
        ("STRIPE_WEBHOOK_SECRET__CONNECT", OTHER_SECRET),
        ("STRIPE_WEBHOOK_ACCOUNT__CONNECT", "acct_1"),
    ])
    .await;
    let live = String::from_utf8(event("evt_1", 0)).unwrap();
    let test = live.replace("true", "false");
    let of_account = live.replace("\"livemode\"", "\"account\":\"acct_1\",\"livemode\"");
    let table = [
        ("/webhooks/stripe", SECRET, &live, 200, "default", None),
        ("/api/webhooks/stripe", SECRET, &live, 200, "default", None),
        ("/webhooks/stripe", SECRET, &test, 200, "default", Some(Unwanted::WrongMode)),
        ("/webhooks/stripe", OTHER_SECRET, &live, 400, "", None),
        ("/webhooks/stripe/connect", OTHER_SECRET, &of_account, 200, "connect", None),
        ("/api/webhooks/stripe/connect?x=1", OTHER_SECRET, &of_account, 200, "connect", None),
        ("/webhooks/stripe/connect", OTHER_SECRET, &live, 200, "connect", Some(Unwanted::WrongAccount)),
        ("/webhooks/stripe/connect", SECRET, &live, 400, "", None),
    ];
    for (path, secret, body, status, endpoint, unwanted) in table {
        let body = body.as_bytes();
        let reply = ask(edge.address, post(path, &[&signed_by(secret, body)], body)).await;
        assert_eq!(reply.status, status, "{path} {endpoint} {unwanted:?}");
        if status == 200 {
            let header = edge.envelope().await.header;
            assert_eq!((header.endpoint.as_str(), header.unwanted), (endpoint, unwanted));
        }
    }
    assert_eq!(edge.waiting().await, 0);
    let of_mode = "tidegate_webhooks_total{endpoint=\"default\",outcome=\"wrong_mode\"}";
    assert!((edge.metric(of_mode).await - 1.0).abs() < f64::EPSILON);
    let matched = "tidegate_signature_matches_total{endpoint=\"connect\",secret=\"1\"}";
    assert!((edge.metric(matched).await - 3.0).abs() < f64::EPSILON);
    edge.end().await.unwrap();
}

#[tokio::test]
async fn what_is_signed_but_no_event_is_answered_400() {
    let edge = Edge::start().await;
    for body in [&b""[..], b"{}", b"[1]", b"\xff\xfe", b"{\"id\":\"evt_1\",\"object\":\"charge\"}"] {
        let reply = ask(edge.address, signed_post(PATH, body)).await;
        assert_eq!((reply.status, reply.closes()), (400, true));
        assert_eq!(reply.body, r#"{"error":"not a Stripe event"}"#);
    }
    assert_eq!(edge.waiting().await, 0);
    edge.end().await.unwrap();
}

#[tokio::test]
async fn every_refused_signature_gets_one_and_the_same_answer() {
    let edge = Edge::start().await;
    let body = event("evt_1", 0);
    let good = signed(&body);
    let [old, wrong] = [1, shared::clock::now().timestamp()].map(|time| {
        let secret = if time == 1 { SECRET } else { OTHER_SECRET };
        format!("stripe-signature: t={time},v1={}", signature(secret, &time.to_string(), &body))
    });
    let refused: [&[&str]; 6] =
        [&[], &[&good, &good], &["stripe-signature:"], &["stripe-signature: v0=1"], &[&old], &[&wrong]];
    let mut answers: Vec<(Reply, &[&str])> = Vec::new();
    for lines in refused {
        answers.push((ask(edge.address, post(PATH, lines, &body)).await, lines));
    }
    for (reply, lines) in answers {
        assert_eq!((reply.status, reply.closes()), (400, true), "{lines:?}");
        assert_eq!(reply.body, r#"{"error":"signature refused"}"#);
    }
    assert_eq!(edge.waiting().await, 0);
    for reason in ["missing", "repeated", "not_key_value", "bad_time", "too_old", "wrong_mac"] {
        let series = format!("tidegate_signature_refusals_total{{endpoint=\"default\",reason=\"{reason}\"}}");
        assert!((edge.metric(&series).await - 1.0).abs() < f64::EPSILON, "{reason}");
    }
    edge.end().await.unwrap();
}

#[tokio::test]
async fn paths_and_methods_are_told_apart() {
    let edge = Edge::start().await;
    for path in ["/", "/webhooks", "/webhooks/stripe//", "/webhooks/stripe/other", "/metrics", "/readyz"] {
        let reply = ask(edge.address, signed_post(path, b"{}")).await;
        assert_eq!((reply.status, reply.closes()), (404, true), "{path}");
    }
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        let mut raw = Raw::open(edge.address).await;
        raw.send(head(method, PATH, &[])).await;
        let reply = if method == "HEAD" { None } else { raw.reply().await };
        if let Some(reply) = reply {
            assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")), "{method}");
        }
    }
    let health = ask(edge.address, head("GET", "/api/health", &[])).await;
    assert_eq!((health.status, health.closes()), (200, false));
    assert_eq!(health.body, format!(r#"{{"status":"ok","version":"{}"}}"#, env!("CARGO_PKG_VERSION")));
    let posted = ask(edge.address, post("/api/health", &[], b"")).await;
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET, HEAD")));
    edge.end().await.unwrap();
}

#[tokio::test]
async fn an_encoded_body_is_answered_415() {
    let edge = Edge::start().await;
    let body = event("evt_1", 0);
    for (encoding, status) in [("gzip", 415), ("identity, br", 415), ("", 415), ("Identity", 200)] {
        let line = format!("content-encoding: {encoding}");
        let reply = ask(edge.address, post(PATH, &[&signed(&body), &line], &body)).await;
        assert_eq!(reply.status, status, "{encoding}");
    }
    edge.end().await.unwrap();
}

#[tokio::test]
async fn without_its_queue_the_gateway_answers_503_and_says_when_to_come_again() {
    let nowhere = format!("amqp://{}", loopback());
    let edge = Edge::start_with(&[("QUEUE_URL", &nowhere)]).await;
    let body = event("evt_1", 0);
    let reply = ask(edge.address, signed_post(PATH, &body)).await;
    assert_eq!((reply.status, reply.closes()), (503, true));
    assert!(reply.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    let unsigned = ask(edge.address, post(PATH, &[], &body)).await;
    assert_eq!(unsigned.status, 400, "who may not know our state is not told it");
    assert_eq!(ask(edge.address, head("GET", "/api/health", &[])).await.status, 200);
    let (ready, why) = edge.ready().await;
    assert_eq!(ready, 503, "{why}");
    let series = "tidegate_webhooks_unavailable_total{reason=\"unavailable\"}";
    assert!((edge.metric(series).await - 1.0).abs() < f64::EPSILON);
    edge.end().await.unwrap();
}

#[test]
fn the_gateways_own_binary_contains_no_sql() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "-p", "gateway", "-e", "normal", "--prefix", "none"])
        .current_dir(workspace())
        .output()
        .expect("the cargo that built the tests can be run");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let crates = String::from_utf8(tree.stdout).expect("names of crates are text");
    assert!(crates.contains("hyper v1"), "{crates}");
    assert!(!crates.contains("sqlx") && !crates.contains("sqlite"), "{crates}");
}
