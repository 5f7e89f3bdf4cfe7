//! From an envelope to an event: parsed once, hashed in canonical form, and read into observations.

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use envelope::hex::hex;
use envelope::suspect::{self, Suspicion};
use envelope::{Envelope, Source};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::fields::{Fields, moment};
use super::freshness::Freshness;
use super::json::Json;
use super::kinds::{Kind, rule};
use super::moments::Moment;
use super::observation::{Observation, Report};
use super::redaction::redact;
use super::risk::{self, Risk};
use super::{Key, Permanent};

/// Why an event is ignored whose type means nothing to this version.
pub const NO_RULE: &str = "no rule for this type";

/// What thin events say that they are.
const THIN: &str = "v2.core.event";

crate::readable! {
    /// The identity of a stored event. One event id may legitimately come with two contents: two endpoints may
    /// pin two API versions.
    #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct EventKey {
        pub id: String,
        pub account: String,
        pub livemode: bool,
        /// Stripe's stamp, which the content has, too.
        pub created_at: DateTime<Utc>,
        pub content_hash: String,
    }
}

/// A body that was parsed, before any rule looks at it.
#[derive(Debug)]
pub struct Content<'a> {
    pub key: EventKey,
    /// Without what is never kept.
    value: Result<Json<'a>, serde_json::Error>,
    /// Where something was taken out of it, the body as it is kept.
    kept: Option<Bytes>,
}

/// What an event means to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Stored, without effect.
    Ignored(&'static str),
    Observations(Vec<Observation>),
}

/// The circumstances of a report that every observation of one event shares.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    pub kind: &'a str,
    /// Stripe's stamp.
    pub at: DateTime<Utc>,
    pub key: &'a EventKey,
    /// When its object was made, where it tells of what may have happened long before it.
    pub since: Option<DateTime<Utc>>,
}

impl Circumstances<'_> {
    /// A Stripe object of the event's own account and mode.
    pub fn subject(&self, id: &str) -> Key {
        Key { id: id.to_owned(), account: self.key.account.clone(), livemode: self.key.livemode }
    }

    /// How fresh a report of this state is. What we do not keep of an object does not tell two reports apart.
    pub fn freshness(&self, class: u8, type_rank: u8, status_rank: u8, state: &impl Serialize) -> Freshness {
        let state = serde_json::to_vec(state).expect("a state is plain text, numbers and moments");
        let hash = Sha256::digest(&state);
        let (content, _) = hash.split_first_chunk().expect("a SHA-256 has 32 bytes");
        Freshness::of(class, self.at.timestamp(), type_rank, status_rank, u64::from_be_bytes(*content))
    }

    pub fn report<S, L>(&self, key: Key, freshness: Freshness, state: Option<S>, links: L) -> Report<S, L> {
        Report { key, freshness, at: self.at, moment: self.moment(), state, links }
    }

    /// When what it tells came to be.
    pub fn moment(&self) -> Moment {
        self.since.map_or(Moment::told(self.at), Moment::estimated)
    }
}

impl<'a> Content<'a> {
    pub fn of(envelope: &'a Envelope) -> Self {
        let (header, length) = (&envelope.header, envelope.body.len());
        let mut value = Json::read(&envelope.body);
        let redaction = value.as_mut().ok().and_then(|value| redact(value, &envelope.body));
        let object_hash = match &value {
            Ok(value) => Sha256::digest(value.at("data").at("object").canonical(length)),
            Err(_) => Sha256::digest(&envelope.body),
        };
        let mut hasher = Sha256::new();
        for part in [
            header.kind.as_bytes(),
            &header.created.to_be_bytes(),
            header.api_version.as_deref().unwrap_or_default().as_bytes(),
            object_hash.as_slice(),
        ] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        if let Ok(value) = &value {
            // The rest of a snapshot's data, and what a thin event has instead of data.
            for part in [value.at("data").at("previous_attributes"), value.at("related_object")] {
                hasher.update(part.canonical(0));
            }
        }
        if let Some(redaction) = &redaction {
            hasher.update(&redaction.hash);
        }
        let key = EventKey {
            id: header.id.clone(),
            account: header.account.clone(),
            livemode: header.livemode,
            created_at: moment(header.created).unwrap_or_default(),
            content_hash: hex(&hasher.finalize()[..16]),
        };
        Self { key, value, kept: redaction.and_then(|redaction| redaction.kept) }
    }

    /// The body as it is stored.
    pub fn kept(&self, envelope: &Envelope) -> Bytes {
        self.kept.as_ref().unwrap_or(&envelope.body).clone()
    }

    /// What is at risk while this event is not applied; of a suspect, what its body says.
    pub fn risk(&self, envelope: &Envelope) -> Risk {
        if let Some((_, body)) = suspect::found(envelope) {
            return Json::read(&body).as_ref().map(risk::of).unwrap_or_default();
        }
        self.value.as_ref().map(risk::of).unwrap_or_default()
    }

    /// Whether the body says of itself what the head does, by the gateway's rules. A body that is no JSON says
    /// nothing, and is refused for that.
    pub fn fits(&self, envelope: &Envelope) -> bool {
        let Ok(body) = &self.value else { return true };
        let head = &envelope.header;
        if Suspicion::of_kind(&head.kind).is_some() {
            return true; // nothing in it is believed
        }
        let is_thin = body.at("object").as_str() == Some(THIN);
        let created = match body.at("created") {
            Json::Text(text) if is_thin => DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp()),
            stamp => stamp.as_i64().filter(|_| !is_thin),
        };
        let context = body.at("context").as_str().filter(|context| context.starts_with("acct_"));
        let is_account = match body.at("account").as_str() {
            Some(account) => account == head.account,
            // What is listed for an account need not repeat it; what Stripe delivers for one does. Older gateways
            // took no account from a snapshot's context.
            None => {
                head.delivered_by() != Source::Stripe
                    || context == Some(&head.account)
                    || (head.account.is_empty() && !(is_thin && context.is_some()))
            }
        };
        body.at("id").as_str() == Some(&head.id)
            && body.at("type").as_str() == Some(&head.kind)
            && created == Some(head.created)
            && body.at("livemode").as_bool() == Some(head.livemode)
            && body.at("api_version").as_str() == head.api_version.as_deref()
            && is_account
    }

    /// The objects that it says something of, each once.
    pub fn subjects(&self, envelope: &Envelope) -> BTreeSet<(Kind, Key)> {
        match self.meaning(envelope) {
            Ok(Meaning::Observations(observations)) => {
                observations.iter().map(Observation::subject).map(|(kind, key)| (kind, key.clone())).collect()
            }
            Ok(Meaning::Ignored(_)) | Err(_) => BTreeSet::new(),
        }
    }

    /// Total: every envelope is read, ignored with a reason, or refused for good with one.
    pub fn meaning(&self, envelope: &Envelope) -> Result<Meaning, Permanent> {
        let header = &envelope.header;
        let version = header.api_version.as_deref().unwrap_or("none");
        let refuse = |field: &str, fault| Permanent {
            rule: "envelope",
            field: field.to_owned(),
            fault,
            version: version.to_owned(),
        };
        if let Some(suspicion) = Suspicion::of_kind(&header.kind) {
            return Err(Permanent::suspect(suspicion));
        }
        if header.source == Source::Unknown {
            return Err(Permanent::suspect(Suspicion::Unreadable));
        }
        if let Some(unwanted) = header.unwanted {
            return Ok(Meaning::Ignored(unwanted.reason()));
        }
        let value =
            self.value.as_ref().map_err(|_| refuse("body", "is not JSON, or is nested too deeply"))?;
        if value.at("object").as_str() == Some(THIN) {
            return Ok(Meaning::Ignored("thin event"));
        }
        let Some(at) = moment(header.created) else { return Err(refuse("created", "is not a time")) };
        let object = value.at("data").at("object");
        // What is read now happened at any time since it was made.
        let since = (header.source == Source::Object)
            .then(|| object.at("created").as_i64().and_then(moment).unwrap_or(at));
        let event = Circumstances { kind: &header.kind, at, key: &self.key, since };
        match observations(event, object, version)? {
            Some(observations) => Ok(Meaning::Observations(observations)),
            None if header.kind == "invoice.upcoming" => {
                Ok(Meaning::Ignored("an upcoming invoice has no id"))
            }
            None => Ok(Meaning::Ignored(NO_RULE)),
        }
    }
}

/// Whether events of this type mean anything to this version.
pub fn has_rule(kind: &str) -> bool {
    rule(kind).is_some()
}

fn observations(
    event: Circumstances<'_>,
    object: &Json<'_>,
    version: &str,
) -> Result<Option<Vec<Observation>>, Permanent> {
    rule(event.kind).map(|(name, read)| read(event, &Fields::of(name, object, version))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::envelope;

    fn hash(body: &str) -> String {
        Content::of(&envelope("charge.updated", body)).key.content_hash
    }

    #[test]
    fn the_hash_looks_at_the_meaning_not_at_the_spelling() {
        let one = hash(r#"{"pending_webhooks":1,"data":{"object":{"id":"x","amount":5}}}"#);
        let two = hash(r#"{ "data":{"object":{"amount":5, "id":"x"}},"pending_webhooks":0}"#);
        let other = hash(r#"{"pending_webhooks":1,"data":{"object":{"id":"x","amount":6}}}"#);
        let changed = hash(r#"{"data":{"object":{"id":"x","amount":5},"previous_attributes":{"amount":4}}}"#);
        assert_eq!(one, two);
        assert!(one != other && one != changed);
    }

    #[test]
    fn a_body_that_does_not_parse_is_refused_for_good_and_still_has_a_name() {
        let deep = format!("{{\"data\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for body in ["", "{", "\u{feff}{}", deep.as_str()] {
            let envelope = envelope("payment_intent.created", body);
            let content = Content::of(&envelope);
            assert_eq!(content.meaning(&envelope).unwrap_err().field, "body");
            assert_eq!(content.key.content_hash.len(), 32);
        }
    }

    #[test]
    fn a_head_must_say_what_its_body_does() {
        let body = r#"{"object":"event","id":"evt_1","type":"charge.updated","created":1700000000,"livemode":false,
            "api_version":"2025-04-30.basil","data":{"object":{}}}"#;
        let fits = |body: &str, change: &dyn Fn(&mut envelope::Header)| {
            let mut envelope = envelope("charge.updated", body);
            change(&mut envelope.header);
            Content::of(&envelope).fits(&envelope)
        };
        assert!(fits(body, &|_| ()));
        assert!(!fits(body, &|head| head.id.push('x')));
        assert!(!fits(body, &|head| "charge.failed".clone_into(&mut head.kind)));
        assert!(!fits(body, &|head| head.created += 1));
        assert!(!fits(body, &|head| head.livemode = true));
        assert!(!fits(body, &|head| head.api_version = None));
        assert!(!fits(body, &|head| "acct_1".clone_into(&mut head.account)));
        let listed = |head: &mut envelope::Header| {
            (head.source, head.account) = (Source::Backfill, "acct_1".to_owned());
        };
        assert!(fits(body, &listed), "what is listed for an account need not repeat it");
        let replayed = |head: &mut envelope::Header| {
            (head.replay, head.account) = (Some("replay_1".to_owned()), "acct_1".to_owned());
        };
        assert!(fits(body, &replayed), "nor what a replay brings again");
        let theirs = body.replace("\"data\"", "\"account\":\"acct_2\",\"data\"");
        assert!(fits(&theirs, &|head| "acct_2".clone_into(&mut head.account)) && !fits(&theirs, &listed));
        for (is, other) in
            [("\"id\"", "\"ib\""), ("1700000000", "1700000000.5"), ("1700000000", "\"2023-11-14T22:13:20Z\"")]
        {
            assert!(!fits(&body.replace(is, other), &|_| ()), "{other}");
        }
        let thin =
            body.replace("\"event\"", "\"v2.core.event\"").replace("1700000000", "\"2023-11-14T22:13:20Z\"");
        assert!(fits(&thin, &|_| ()));
        let snapshot = body.replace("\"data\"", "\"context\":\"acct_3\",\"data\"");
        assert!(fits(&snapshot, &|head| "acct_3".clone_into(&mut head.account)) && fits(&snapshot, &|_| ()));
        assert!(!fits(&snapshot, &|head| "acct_4".clone_into(&mut head.account)));
        let in_context = thin.replace("\"data\"", "\"context\":\"acct_3\",\"data\"");
        assert!(
            fits(&in_context, &|head| "acct_3".clone_into(&mut head.account)) && !fits(&in_context, &|_| ())
        );
    }

    #[test]
    fn a_suspect_is_refused_for_what_it_is_whoever_replays_it() {
        for suspicion in Suspicion::ALL {
            let mut suspect =
                suspicion.envelope(b"{", br#"{"data":{"object":{"id":"pi_1"}}}"#, DateTime::UNIX_EPOCH);
            suspect.header.source = Source::Replay;
            let content = Content::of(&suspect);
            let failed = content.meaning(&suspect).unwrap_err().failed();
            assert_eq!((failed.class(), failed.reason.as_str()), ("suspect", suspicion.reason()));
            assert_eq!(failed.fingerprint, suspicion.kind().replacen('.', ": ", 1));
            assert_eq!(content.risk(&suspect).object_id.as_deref(), Some("pi_1"));
            assert!(content.fits(&suspect));
        }
    }

    #[test]
    fn every_type_with_a_label_of_its_own_has_a_rule() {
        for kind in envelope::event_types::LABELLED {
            assert!(has_rule(kind), "{kind}");
        }
        for kind in crate::charges::TYPES {
            assert_eq!(envelope::event_types::label(kind), *kind);
        }
    }

    #[test]
    fn a_type_without_a_rule_is_ignored() {
        let envelope =
            envelope("terminal.reader.action_failed", r#"{"object":"event","data":{"object":{}}}"#);
        let meaning = Content::of(&envelope).meaning(&envelope);
        assert_eq!(meaning, Ok(Meaning::Ignored("no rule for this type")));
    }
}
