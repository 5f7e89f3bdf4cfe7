//! What strangers can send to the gateway: the header with the signature, and an event's head.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use domain::event::Content;
use envelope::hex::hex;
use envelope::{Envelope, Source};
use gateway::event::Head;
use gateway::secrets::{self, Secret};
use gateway::signature::Signature;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::{joined, now};
use crate::recorded;

const SECRETS: [&str; 2] = ["whsec_0123456789abcdefGHIJ", "whsec_9876543210abcdefGHIJ"];
const TOLERANCE_SECS: u64 = 300;
/// Stands for the right MAC of the first or the second secret: nobody guesses one.
const RIGHT: [&str; 2] = ["MAC0", "MAC1"];

/// What the parser takes, Stripe's own rule takes; what Stripe sends, it takes.
pub(super) fn signature(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == super::BETWEEN);
    let (header, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let header = with_macs(header, body);
    let verdict = Signature::parse(&header)
        .and_then(|signature| signature.verify(body, ours(), now(), Duration::from_secs(TOLERANCE_SECS)));
    let is_stripes = stripe_takes(&header, body);
    assert!(verdict.is_err() || is_stripes, "taken, though Stripe's rule refuses it");
    let is_plain = header.is_ascii() && is_as_stripe_sends(&String::from_utf8_lossy(&header));
    assert!(verdict.is_ok() || !is_plain || !is_stripes, "refused, though Stripe sends this: {verdict:?}");
}

fn ours() -> &'static [Secret] {
    static OURS: OnceLock<Vec<Secret>> = OnceLock::new();
    OURS.get_or_init(|| secrets::parse(&SECRETS.join(",")).expect("two secrets"))
}

fn with_macs(header: &[u8], body: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(header) else { return header.to_vec() };
    let time = text.split(',').find_map(|element| element.strip_prefix("t=")).unwrap_or_default();
    let mut text = text.to_owned();
    for (name, secret) in RIGHT.iter().zip(SECRETS) {
        if text.contains(name) {
            text = text.replace(name, &hex(&mac(secret, time, body)));
        }
    }
    text.into_bytes()
}

fn mac(secret: &str, time: &str, body: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.chain_update(time).chain_update(".").chain_update(body).finalize().into_bytes().to_vec()
}

/// As Stripe's page says it: split at commas and at the first `=`, the time is `t`, one `v1` must be the MAC, and the time
/// must be near. Of several times one is enough: Stripe's libraries differ.
fn stripe_takes(header: &[u8], body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(header);
    let of = |name: &str| -> Vec<String> {
        let pairs = text.split(',').filter_map(|element| element.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).collect()
    };
    of("t").iter().any(|time| {
        let is_near =
            time.parse::<i64>().is_ok_and(|time| now().timestamp().abs_diff(time) <= TOLERANCE_SECS);
        is_near && of("v1").iter().any(|v1| SECRETS.iter().any(|secret| hex(&mac(secret, time, body)) == *v1))
    })
}

/// `t` first, then schemes and their MACs, a few of them.
fn is_as_stripe_sends(header: &str) -> bool {
    let mut elements = header.split(',');
    let is_time = elements
        .next()
        .and_then(|first| first.strip_prefix("t="))
        .is_some_and(|time| time.parse::<i64>().is_ok_and(|seconds| seconds.to_string() == time));
    let is_mac = |element: &str| {
        ["v1=", "v0="].iter().find_map(|scheme| element.strip_prefix(scheme)).is_some_and(|mac| {
            mac.len() == 64 && mac.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        })
    };
    is_time && header.split(',').count() <= 8 && elements.all(is_mac)
}

pub(super) fn headers() -> Vec<Vec<u8>> {
    let time = now().timestamp();
    let zeros = "0".repeat(64);
    [
        format!("t={time},v1=MAC0"),
        format!("t={time},v1=MAC1,v1={zeros},v0={zeros}"),
        format!("t={},v1=MAC0", time - 301),
        format!("t={},v1=MAC0", time + 300),
        format!("v1=MAC0,t={time}"),
        format!("t={time},t={time},v1=MAC0"),
        format!(" t={time}, v1=MAC0"),
        format!("t=+{time},v1=MAC0,x"),
    ]
    .map(|header| joined(&[header.as_str(), r#"{"id":"evt_1"}"#]))
    .to_vec()
}

/// What the gateway reads, any other reader of JSON reads the same; and the worker finds in the body what the head says.
pub(super) fn head(data: &[u8]) {
    let Ok(head) = Head::read(data) else { return };
    let created = head.created;
    let (id, kind, livemode) = (head.id.to_string(), head.kind.to_string(), head.livemode);
    let (account, version) = (head.account.to_string(), head.api_version.as_deref().map(str::to_owned));
    let header = head.header(Source::Stripe, "default", None);
    let envelope = Envelope { header, body: Bytes::copy_from_slice(data) };
    let content = Content::of(&envelope);
    assert!(content.fits(&envelope), "the worker takes what the gateway took for a suspect");
    content.risk(&envelope);
    let meaning = content.meaning(&envelope);
    let Ok(body) = serde_json::from_slice::<Value>(data) else {
        // The gateway reads no text and no depth that it passes over; the worker buries such a body, and says why.
        assert!(meaning.is_err() || envelope.header.unwanted.is_some(), "what is no JSON means something");
        return;
    };
    assert_eq!(body["id"].as_str(), Some(&*id));
    assert_eq!(body["type"].as_str(), Some(&*kind));
    assert_eq!(body["livemode"].as_bool(), Some(livemode));
    assert_eq!(body["api_version"].as_str(), version.as_deref());
    let seconds = match &body["created"] {
        Value::String(text) => DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp()),
        number => number.as_i64(),
    };
    assert_eq!(seconds, Some(created));
    let of_context = body["context"].as_str().filter(|named| named.starts_with("acct_"));
    assert_eq!(body["account"].as_str().or(of_context).unwrap_or_default(), account);
}

pub(super) fn heads() -> Vec<Vec<u8>> {
    let thin = r#"{"id":"evt_2","object":"v2.core.event","created":"2026-01-02T03:04:05.678Z","livemode":false,
        "context":"acct_9","type":"v2.core.account[requirements].updated","related_object":{"id":"acct_9"}}"#;
    let mut heads = vec![thin.as_bytes().to_vec()];
    for shape in recorded::shapes().expect("the recorded shapes") {
        let mut body = shape.events[0].clone();
        body["data"]["object"] = Value::Null;
        body["account"] = "acct_1".into();
        body["context"] = "acct_1".into();
        heads.push(body.to_string().into_bytes());
    }
    heads.truncate(40);
    heads
}
