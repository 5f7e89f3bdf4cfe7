//! The head of a verified event, read in one pass without a tree: id, type, created, account, mode and API
//! version. It knows no event type; the worker judges the rest.

use std::borrow::Cow;
use std::fmt;

use chrono::DateTime;
use envelope::{Header, Source, is_identifier};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

const SNAPSHOT: &str = "event";
const THIN: &str = "v2.core.event";
const TYPE_LIMIT_BYTES: usize = 120;
const API_VERSION_LIMIT_BYTES: usize = 120;
/// The end of the year 9999: beyond it times cannot be shown, nor stored everywhere.
const CREATED_LIMIT_SECS: i64 = 253_402_300_799;

/// The head of a snapshot event, or of a thin one.
#[derive(Debug, PartialEq, Eq)]
pub struct Head<'b> {
    pub id: Cow<'b, str>,
    pub kind: Cow<'b, str>,
    /// Whole seconds since 1970.
    pub created: i64,
    /// The connected account, or `""` for our own.
    pub account: Cow<'b, str>,
    pub livemode: bool,
    pub api_version: Option<Cow<'b, str>>,
}

/// Signed, yet no event of Stripe's. The reason never quotes the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Stripe event: {0}")]
pub struct NotAnEvent(pub &'static str);

#[derive(Deserialize)]
struct Wire<'b> {
    #[serde(borrow)]
    object: Cow<'b, str>,
    #[serde(borrow)]
    id: Cow<'b, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'b, str>,
    created: Created,
    livemode: bool,
    #[serde(borrow, default)]
    account: Option<Cow<'b, str>>,
    /// Where thin events name their account, and snapshot events do that have no `account`; it may name an
    /// organization instead.
    #[serde(borrow, default)]
    context: Option<Cow<'b, str>>,
    #[serde(borrow, default)]
    api_version: Option<Cow<'b, str>>,
}

impl<'b> Head<'b> {
    /// The header of the envelope around the body: what came in by this endpoint now, as part of this trace.
    pub fn header(self, source: Source, endpoint: &str, parent: Option<&str>) -> Header {
        Header {
            id: self.id.into_owned(),
            kind: self.kind.into_owned(),
            created: self.created,
            account: self.account.into_owned(),
            livemode: self.livemode,
            api_version: self.api_version.map(Cow::into_owned),
            received_at: shared::clock::now(),
            trace_parent: shared::trace::child_of(parent),
            source,
            endpoint: endpoint.to_owned(),
            unwanted: None,
            replay: None,
        }
    }

    pub fn read(body: &'b [u8]) -> Result<Self, NotAnEvent> {
        let wire: Wire<'b> = serde_json::from_slice(body)
            .map_err(|_| NotAnEvent("not a JSON object with the fields of an event"))?;
        let (created, account) = match (&*wire.object, wire.created) {
            (SNAPSHOT, Created::Seconds(seconds)) | (THIN, Created::Written(seconds)) => {
                (seconds, wire.account.or(wire.context.filter(|context| context.starts_with("acct_"))))
            }
            (SNAPSHOT | THIN, _) => {
                return Err(NotAnEvent("created has the format of the other kind of event"));
            }
            _ => return Err(NotAnEvent("object is not event or v2.core.event")),
        };
        let account = account.unwrap_or_default();
        if !is_identifier(&wire.id) {
            return Err(NotAnEvent("id is not an identifier"));
        }
        if !is_type(&wire.kind) {
            return Err(NotAnEvent("type is not the name of an event"));
        }
        if !(0..=CREATED_LIMIT_SECS).contains(&created) {
            return Err(NotAnEvent("created is not a time from 1970 to 9999"));
        }
        if !account.is_empty() && !is_identifier(&account) {
            return Err(NotAnEvent("account is not an identifier"));
        }
        if wire.api_version.as_deref().is_some_and(|version| !is_api_version(version)) {
            return Err(NotAnEvent("api_version is not a version"));
        }
        let Wire { id, kind, livemode, api_version, .. } = wire;
        Ok(Self { id, kind, created, account, livemode, api_version })
    }
}

/// Thin types carry brackets: `v2.core.account[requirements].updated`.
fn is_type(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.[]".contains(&b);
    (1..=TYPE_LIMIT_BYTES).contains(&text.len()) && text.bytes().all(legal)
}

/// A date, a release name, and for previews what follows a semicolon: `2024-06-20; some_beta=v1`.
fn is_api_version(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_graphic() || b == b' ';
    (1..=API_VERSION_LIMIT_BYTES).contains(&text.len()) && text.bytes().all(legal)
}

/// Seconds in a snapshot event, RFC 3339 in a thin one; both as seconds here.
#[derive(Clone, Copy)]
enum Created {
    Seconds(i64),
    Written(i64),
}

impl<'de> Deserialize<'de> for Created {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Created;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds since 1970, or an RFC 3339 time")
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Created, E> {
                Ok(Created::Seconds(seconds))
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Created, E> {
                i64::try_from(seconds).map(Created::Seconds).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Created, E> {
                let time = DateTime::parse_from_rfc3339(text).map_err(E::custom)?;
                Ok(Created::Written(time.timestamp()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT_BODY: &str = r#"{"id":"evt_1","object":"event","api_version":"2025-04-30.basil",
        "created":1700000000,"data":{"object":{"id":"pi_1","deep":[{"a":[1,2]}]}},"livemode":true,
        "pending_webhooks":1,"request":{"id":null},"type":"payment_intent.succeeded"}"#;
    const THIN_BODY: &str = r#"{"id":"evt_2","object":"v2.core.event","created":"2026-01-02T03:04:05.678Z",
        "livemode":false,"context":"acct_9","type":"v2.core.account[requirements].updated"}"#;

    #[test]
    fn a_snapshot_event_is_read_without_copying_its_text() {
        let head = Head::read(SNAPSHOT_BODY.as_bytes()).unwrap();
        assert_eq!(
            (&*head.id, &*head.kind, head.created),
            ("evt_1", "payment_intent.succeeded", 1_700_000_000)
        );
        assert_eq!((&*head.account, head.livemode), ("", true));
        assert_eq!(head.api_version.as_deref(), Some("2025-04-30.basil"));
        assert!(matches!(head.id, Cow::Borrowed(_)) && matches!(head.kind, Cow::Borrowed(_)));
    }

    #[test]
    fn a_thin_event_is_read_with_its_account_from_its_context() {
        let head = Head::read(THIN_BODY.as_bytes()).unwrap();
        assert_eq!((head.created, &*head.account, head.livemode), (1_767_323_045, "acct_9", false));
        assert_eq!(head.api_version, None);
        let of_organization = THIN_BODY.replace("acct_9", "org_1/acct_9");
        assert_eq!(&*Head::read(of_organization.as_bytes()).unwrap().account, "");
    }

    #[test]
    fn a_snapshot_event_has_its_account_from_account_before_context() {
        let body = SNAPSHOT_BODY
            .replace("\"livemode\"", "\"account\":\"acct_7\",\"context\":\"acct_8\",\"livemode\"");
        assert_eq!(&*Head::read(body.as_bytes()).unwrap().account, "acct_7");
        let body =
            SNAPSHOT_BODY.replace("\"livemode\"", "\"account\":null,\"context\":\"acct_8\",\"livemode\"");
        assert_eq!(&*Head::read(body.as_bytes()).unwrap().account, "acct_8");
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let variations = [
            ("\"event\"", "\"charge\""),
            ("\"object\":\"event\",", ""),
            ("\"id\":\"evt_1\",", ""),
            ("evt_1", ""),
            ("evt_1", "evt\\u0000"),
            ("evt_1", "evt 1"),
            ("\"evt_1\"", "7"),
            ("payment_intent.succeeded", ""),
            ("payment_intent.succeeded", "Payment"),
            ("payment_intent.succeeded", "a b"),
            ("1700000000", "-1"),
            ("1700000000", "253402300800"),
            ("1700000000", "99999999999999999999"),
            ("1700000000", "1.5"),
            ("1700000000", "\"2026-01-02T03:04:05Z\""),
            ("1700000000", "null"),
            ("true", "\"true\""),
            ("\"livemode\":true,", ""),
            ("\"livemode\"", "\"account\":\"a/b\",\"livemode\""),
            ("\"livemode\"", "\"livemode\":true,\"livemode\""),
            ("2025-04-30.basil", "\\n"),
            ("2025-04-30.basil", ""),
            ("\"pending_webhooks\":1", "\"pending_webhooks\":"),
        ];
        for (from, to) in variations {
            let body = SNAPSHOT_BODY.replace(from, to);
            assert_ne!(body, SNAPSHOT_BODY, "{from} is in the body");
            assert!(Head::read(body.as_bytes()).is_err(), "{from} -> {to}");
        }
        let long = SNAPSHOT_BODY.replace("payment_intent.succeeded", &"a".repeat(121));
        assert!(Head::read(long.as_bytes()).is_err());
        let thin_with_seconds = THIN_BODY.replace("\"2026-01-02T03:04:05.678Z\"", "1700000000");
        assert!(Head::read(thin_with_seconds.as_bytes()).is_err());
        for body in ["", "[]", "null", "{}", "\"event\"", "{\"id\":", "\u{feff}{}"] {
            assert!(Head::read(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Head::read(format!("{SNAPSHOT_BODY} {{}}").as_bytes()).is_err());
        assert!(Head::read(b"{\"id\":\"\xff\"}").is_err());
    }

    #[test]
    fn depth_does_not_exhaust_the_stack() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let body = SNAPSHOT_BODY.replace("{\"id\":null}", &deep);
        assert!(Head::read(body.as_bytes()).is_ok());
    }

    #[test]
    fn a_reason_never_quotes_the_body() {
        let body = SNAPSHOT_BODY.replace("true", "\"jane@example.com\"");
        assert!(!Head::read(body.as_bytes()).unwrap_err().to_string().contains("jane"));
    }
}
