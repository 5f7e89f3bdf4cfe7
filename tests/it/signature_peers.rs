//! The signature against others: Stripe's own libraries for Python and Node sign what the gateway accepts
//! and check what we sign, and every header of the table gets over HTTP the verdict that it has there.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use harness::binaries::workspace;
use serde_json::{Value, json};
use stripe_sim::{signature, signature_header};

use crate::in_process_gateway::{Edge, PATH, SECRET, event};
use crate::raw_http::{ask, post};

const TABLE: &str = include_str!("../../gateway/signatures.txt");
const TOLERANCE_SECS: i64 = 300;
/// The gateway's clock goes on while a request is on its way.
const MARGIN_SECS: i64 = 60;

struct Peer {
    name: &'static str,
    command: Vec<PathBuf>,
}

/// Both peers, where `scripts/peers` puts them. One that is missing is a failure, not a reason to pass.
fn peers() -> [Peer; 2] {
    let (installed, scripts) = (workspace().join("target/peers"), workspace().join("tests/peers"));
    assert!(installed.join("installed").is_file(), "Stripe's libraries are missing: run scripts/peers");
    let python = vec![installed.join("python/bin/python"), scripts.join("sign.py")];
    let node = vec!["node".into(), scripts.join("sign.mjs"), installed.join("node")];
    [Peer { name: "Python", command: python }, Peer { name: "Node", command: node }]
}

impl Peer {
    /// Asks all at once, one request and one answer a line.
    fn ask(&self, requests: &[Value]) -> Vec<String> {
        let mut process = Command::new(&self.command[0])
            .args(&self.command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("the peer in {} starts: {error}", self.name));
        let mut input = process.stdin.take().expect("its input is a pipe");
        let lines = requests.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n") + "\n";
        let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()));
        let output = process.wait_with_output().expect("the peer ends");
        writing.join().expect("the writer ends").expect("the peer reads");
        assert!(output.status.success(), "the peer in {} failed", self.name);
        let answers = String::from_utf8(output.stdout).expect("answers are text");
        assert_eq!(answers.lines().count(), requests.len(), "the peer in {} answers all", self.name);
        answers.lines().map(str::to_owned).collect()
    }
}

fn bodies() -> Vec<String> {
    let plain = String::from_utf8(event("evt_1", 10)).expect("the body is text");
    let thin = r#"{"id":"evt_2","object":"v2.core.event","type":"v1.billing.meter.no_meter_found","created":"2026-01-02T03:04:05.678Z","livemode":false}"#;
    vec![
        plain.clone(),
        plain.replace("xxx", "Zoë Müller – 東京 🌊 \\u00e9 \\\"quoted\\\""),
        plain.replace(',', ",\n  ").replace(':', ": "),
        format!("  {plain}\r\n"),
        String::from_utf8(event("evt_3", 400_000)).expect("the body is text"),
        thin.to_owned(),
    ]
}

#[tokio::test]
async fn stripes_own_libraries_sign_events_that_the_gateway_accepts() {
    let edge = Edge::start().await;
    for peer in peers() {
        let time = shared::clock::now().timestamp();
        let requests: Vec<Value> = bodies()
            .iter()
            .map(|body| json!({"do": "sign", "secret": SECRET, "time": time, "body": body}))
            .collect();
        for (header, body) in peer.ask(&requests).iter().zip(bodies()) {
            let line = format!("stripe-signature: {header}");
            let reply = ask(edge.address, post(PATH, &[&line], body.as_bytes())).await;
            assert_eq!(reply.status, 200, "{}: {header}", peer.name);
            assert_eq!(&edge.envelope().await.body[..], body.as_bytes());
            let mut changed = body.into_bytes();
            *changed.last_mut().expect("a body has bytes") ^= 1;
            let reply = ask(edge.address, post(PATH, &[&line], &changed)).await;
            assert_eq!(reply.status, 400, "{}: {header}", peer.name);
        }
    }
    edge.end().await.unwrap();
}

#[test]
fn stripes_own_libraries_accept_what_we_sign() {
    let time = shared::clock::now().timestamp();
    for peer in peers() {
        let check = |header: String, body: &str| json!({"do": "check", "secret": SECRET, "header": header, "body": body});
        let mut requests = Vec::new();
        for body in bodies() {
            requests.push(check(signature_header(SECRET, time, body.as_bytes()), &body));
            requests
                .push(check(signature_header("whsec_9876543210abcdefGHIJ", time, body.as_bytes()), &body));
            requests.push(check(signature_header(SECRET, time - 3_600, body.as_bytes()), &body));
        }
        for (place, answer) in peer.ask(&requests).iter().enumerate() {
            assert_eq!(answer, if place % 3 == 0 { "good" } else { "bad" }, "{}, {place}", peer.name);
        }
    }
}

#[tokio::test]
async fn every_header_of_the_table_gets_its_verdict_over_http() {
    let edge = Edge::start().await;
    let body = event("evt_1", 0);
    let mut expected = std::collections::BTreeMap::<&str, u32>::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (verdict, template) = line.split_once(' ').expect("a verdict and a header");
        *expected.entry(verdict).or_default() += 1;
        let header = format!("stripe-signature: {}", filled(template.trim_start(), &body));
        let reply = ask(edge.address, post(PATH, &[&header], &body)).await;
        if verdict == "accepted" {
            assert_eq!(reply.status, 200, "{line}");
        } else {
            assert_eq!(
                (reply.status, reply.body.as_str()),
                (400, r#"{"error":"signature refused"}"#),
                "{line}"
            );
        }
    }
    assert_eq!(edge.waiting().await, u64::from(expected["accepted"]));
    for (reason, count) in expected.into_iter().filter(|(verdict, _)| *verdict != "accepted") {
        let series = format!("tidegate_signature_refusals_total{{endpoint=\"default\",reason=\"{reason}\"}}");
        assert!((edge.metric(&series).await - f64::from(count)).abs() < f64::EPSILON, "{reason}");
    }
    edge.end().await.unwrap();
}

fn filled(template: &str, body: &[u8]) -> String {
    let now = shared::clock::now().timestamp();
    let dated = template
        .replace("$now", &now.to_string())
        .replace("$early", &(now - TOLERANCE_SECS - 1).to_string())
        .replace("$late", &(now + TOLERANCE_SECS + MARGIN_SECS).to_string());
    let time = dated.split(',').find_map(|element| element.strip_prefix("t=")).unwrap_or("1");
    let mac = signature(SECRET, time, body);
    dated
        .replace("$mac", &mac)
        .replace("$MAC", &mac.to_uppercase())
        .replace("$bad", &"0".repeat(64))
        .replace("$filler", &"x".repeat(2_048))
        .replace("$none", "")
}
