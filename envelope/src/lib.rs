//! One verified delivery exactly as received, and its form on the wire: a small JSON header beside the
//! untouched bytes of the body. Both queues carry these two, so neither copies nor re-encodes a body.

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub mod event_types;
pub mod hex;
pub mod suspect;

use self::suspect::Suspicion;

/// The `traceparent` of what came without one.
pub const UNTRACED: &str = "00-00000000000000000000000000000000-0000000000000000-00";

#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    pub header: Header,
    /// What Stripe signed, byte for byte.
    pub body: Bytes,
}

/// What is known of a delivery without understanding it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Stripe's event id, `evt_…`.
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// Stripe's stamp, in whole seconds since 1970.
    pub created: i64,
    /// The connected account, or `""` for our own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
    pub livemode: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    pub received_at: DateTime<Utc>,
    /// W3C `traceparent`; its span id is this delivery's own, so it tells a redelivery from a repetition.
    pub trace_parent: String,
    /// Where the event first came from: it keeps that when it runs again.
    #[serde(default)]
    pub source: Source,
    /// Which of the configured endpoints it came in by.
    #[serde(default)]
    pub endpoint: String,
    /// Verified, but not what the endpoint is for: stored, answered 200, without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwanted: Option<Unwanted>,
    /// The replay that this delivery belongs to: an event that is known runs again, once for each replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    #[default]
    Stripe,
    Backfill,
    Refetch,
    Replay,
    /// Stripe's answer to an operation of ours.
    Response,
    /// Found in Stripe's list of objects, by a backfill that reaches beyond its list of events.
    Object,
    /// Found in the queue, and not what anybody verified.
    Unknown,
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Backfill => "backfill",
            Self::Refetch => "refetch",
            Self::Replay => "replay",
            Self::Response => "response",
            Self::Object => "object",
            Self::Unknown => "unknown",
        }
    }

    /// The source of this name, as it was stored.
    pub fn named(name: &str) -> Self {
        let all = [Self::Stripe, Self::Backfill, Self::Refetch, Self::Replay, Self::Response, Self::Object];
        all.into_iter().find(|source| source.as_str() == name).unwrap_or(Self::Unknown)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unwanted {
    WrongMode,
    WrongAccount,
}

impl Unwanted {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongMode => "wrong_mode",
            Self::WrongAccount => "wrong_account",
        }
    }

    /// As it was stored.
    pub fn named(name: &str) -> Option<Self> {
        [Self::WrongMode, Self::WrongAccount].into_iter().find(|unwanted| unwanted.as_str() == name)
    }

    pub fn reason(self) -> &'static str {
        match self {
            Self::WrongMode => "wrong mode",
            Self::WrongAccount => "wrong account",
        }
    }
}

impl Header {
    /// Where this delivery of the event came from.
    pub fn delivered_by(&self) -> Source {
        if self.replay.is_some() { Source::Replay } else { self.source }
    }

    /// What else is kept as text; a ledger in Postgres takes none with a NUL.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let given = [&self.kind, &self.trace_parent, &self.endpoint];
        given.into_iter().chain(&self.api_version).chain(&self.replay).map(String::as_str)
    }
}

impl Envelope {
    /// The header as it travels: compact JSON, without line breaks.
    pub fn header_json(&self) -> String {
        serde_json::to_string(&self.header).expect("strings, numbers and times always encode")
    }

    /// Reads what a queue carried, without a look at its digest (`digest.rs` does both). Total: a message that
    /// is not ours becomes a suspect, so it ends as a dead letter that staff can see, and is never lost.
    pub fn from_wire(header: &[u8], body: Bytes, now: DateTime<Utc>) -> Self {
        match serde_json::from_slice::<Header>(header) {
            Ok(header)
                if is_identifier(&header.id)
                    && is_identifier_or_empty(&header.account)
                    && header.texts().all(|text| !text.contains('\0')) =>
            {
                Self { header, body }
            }
            _ => Suspicion::Unreadable.envelope(header, &body, now),
        }
    }
}

/// The alphabet of Stripe's ids. It keeps NUL, which Postgres refuses, and everything odd out of keys.
pub fn is_identifier(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

fn is_identifier_or_empty(text: &str) -> bool {
    text.is_empty() || is_identifier(text)
}

/// Never the body: it holds personal data.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.header.id)
            .field("kind", &self.header.kind)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_survives_the_wire() {
        let now = DateTime::UNIX_EPOCH;
        let mut envelope = Envelope::from_wire(b"", Bytes::from_static(b"{\"id\":1}"), now);
        envelope.header.id = "evt_1".to_owned();
        envelope.header.account = "acct_1".to_owned();
        envelope.header.unwanted = Some(Unwanted::WrongMode);
        let back = Envelope::from_wire(envelope.header_json().as_bytes(), envelope.body.clone(), now);
        assert!(back == envelope);
    }

    #[test]
    fn a_message_that_is_not_ours_is_kept_under_a_name_of_its_own() {
        let now = DateTime::UNIX_EPOCH;
        let one = Envelope::from_wire(b"", Bytes::from_static(b"junk"), now);
        let two = Envelope::from_wire(b"{\"id\":\"a\\u0000b\"}", Bytes::from_static(b"other"), now);
        assert_eq!(one.header.source, Source::Unknown);
        let mut odd = Envelope::from_wire(b"", Bytes::new(), now);
        odd.header.id = "evt_1".to_owned();
        odd.header.trace_parent = "\0".to_owned();
        let odd = Envelope::from_wire(odd.header_json().as_bytes(), Bytes::new(), now);
        assert_eq!(odd.header.kind, Suspicion::Unreadable.kind(), "no ledger takes its text");
        assert_ne!(one.header.id, two.header.id);
        assert!(one.body.ends_with(b"junk"));
    }

    #[test]
    fn debug_output_shows_no_body() {
        let envelope =
            Envelope::from_wire(b"", Bytes::from_static(b"jane@example.com"), DateTime::UNIX_EPOCH);
        assert!(!format!("{envelope:?}").contains("jane"));
    }
}
