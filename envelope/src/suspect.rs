//! A message from the queue that does not match what was published. It is kept as found, under an id of its
//! own, and never applied. Pure.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::{Envelope, Header, Source};

const NAME: &str = "suspect_";
/// Before head and body, as they were found, with the length of the head between the two.
const BEFORE: &str = "tidegate: a suspect, its head has ";
const BETWEEN: &str = " bytes\n";

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    Unreadable,
    Unsigned,
    Digest,
    Head,
}

impl Suspicion {
    pub const ALL: [Self; 4] = [Self::Unreadable, Self::Unsigned, Self::Digest, Self::Head];

    /// The type under which the ledger keeps it. No type of Stripe's begins so.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Unreadable => "suspect.unreadable",
            Self::Unsigned => "suspect.unsigned",
            Self::Digest => "suspect.digest",
            Self::Head => "suspect.head",
        }
    }

    /// Of an event of this type, where it is such a message.
    pub fn of_kind(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suspicion| suspicion.kind() == kind)
    }

    /// For the people who have to judge it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unreadable => {
                "this message is unverified: its header cannot be read, so it was damaged in the queue, or something else published it"
            }
            Self::Unsigned => {
                "this message is unverified: it has no digest under the envelope key, so its publisher has no key, or something else published it"
            }
            Self::Digest => {
                "this message is not what was published: its digest does not match, so it was altered in the queue, or its publisher has another envelope key"
            }
            Self::Head => "this message contradicts itself: its header and its body name different events",
        }
    }

    /// The message as the ledger keeps it, named by its bytes: it takes no event's place.
    pub fn envelope(self, head: &[u8], body: &[u8], now: DateTime<Utc>) -> Envelope {
        let mut found = format!("{BEFORE}{}{BETWEEN}", head.len()).into_bytes();
        found.extend_from_slice(head);
        found.extend_from_slice(body);
        let id = NAME.to_owned() + &hex(&Sha256::digest(&found)[..12]);
        let header = Header {
            id,
            kind: self.kind().to_owned(),
            created: 0,
            account: String::new(),
            livemode: false,
            api_version: None,
            received_at: now,
            trace_parent: crate::UNTRACED.to_owned(),
            source: Source::Unknown,
            endpoint: String::new(),
            unwanted: None,
            replay: None,
        };
        Envelope { header, body: Bytes::from(found) }
    }
}

/// Head and body as they were found; `None` of what is no suspect.
pub fn found(envelope: &Envelope) -> Option<(Bytes, Bytes)> {
    Suspicion::of_kind(&envelope.header.kind)?;
    let rest = envelope.body.strip_prefix(BEFORE.as_bytes())?;
    let end = rest.iter().take(20).position(|byte| !byte.is_ascii_digit())?;
    let length: usize = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let begin = BEFORE.len() + end + BETWEEN.len();
    let middle = begin.checked_add(length).filter(|middle| *middle <= envelope.body.len())?;
    Some((envelope.body.slice(begin..middle), envelope.body.slice(middle..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspect_keeps_its_bytes_and_takes_no_events_place() {
        let now = DateTime::UNIX_EPOCH;
        for (head, body) in [("", ""), ("", "junk"), (r#"{"id":"evt_1"}"#, "12 bytes\nor so"), ("\n", "")] {
            let suspect = Suspicion::Digest.envelope(head.as_bytes(), body.as_bytes(), now);
            assert!(suspect.header.id.starts_with(NAME) && suspect.header.source == Source::Unknown);
            let found = found(&suspect).unwrap();
            assert_eq!((&found.0[..], &found.1[..]), (head.as_bytes(), body.as_bytes()));
        }
        let one = Suspicion::Digest.envelope(b"ab", b"c", now);
        assert_ne!(one.header.id, Suspicion::Digest.envelope(b"a", b"bc", now).header.id);
    }

    #[test]
    fn whatever_claims_to_be_one_is_read_without_a_panic() {
        let mut odd = Suspicion::Head.envelope(b"", b"", DateTime::UNIX_EPOCH);
        for body in
            ["", "x", BEFORE, &format!("{BEFORE}99{BETWEEN}"), &format!("{BEFORE}{}9{BETWEEN}", u64::MAX)]
        {
            odd.body = Bytes::copy_from_slice(body.as_bytes());
            assert!(found(&odd).is_none(), "{body}");
        }
        odd.body = Bytes::from(format!("{BEFORE}0"));
        assert!(found(&odd).is_none());
        odd.header.kind = "charge.updated".to_owned();
        assert!(found(&odd).is_none());
    }
}
