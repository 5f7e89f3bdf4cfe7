//! The table `events`, as `process` writes it: every event once, whatever its outcome, with its body.
//! `stored_events.rs` has what staff and chores read.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::readable;
use envelope::{Envelope, Unwanted};

use crate::engine::rows::Rows;
use crate::segment::{self, pack, places};
use crate::{LedgerError, Transaction};
use domain::HANDLER_VERSION;
use domain::event::EventKey;
use domain::outcome::{Outcome, OutcomeKind};
use domain::redaction::KeptBody;
use domain::risk::Risk;

/// One event as it is about to be stored.
#[derive(Debug)]
pub struct Record<'a> {
    pub key: EventKey,
    pub envelope: &'a Envelope,
    /// As it is kept.
    pub body: KeptBody,
    pub outcome: Outcome,
    pub attempts: i64,
    /// What hangs on it while it is not applied.
    pub risk: Risk,
}

readable! {
    /// What the ledger already knows of an event that comes again.
    #[derive(Debug)]
    pub struct Known {
        pub key: EventKey,
        pub outcome: OutcomeKind,
        pub attempts: i64,
        pub retry_at: Option<DateTime<Utc>>,
        pub trace_parent: String,
        pub further_deliveries: String,
    }
}

/// Further deliveries of a known event: how many are new, and their spans, each after a blank.
#[derive(Debug)]
pub struct Repetitions {
    pub key: EventKey,
    pub times: i64,
    pub spans: String,
}

/// The outcome of an event that was waiting, or that failed or was replayed now.
#[derive(Debug)]
pub struct Concluded {
    pub key: EventKey,
    pub outcome: Outcome,
    pub attempts: i64,
    pub risk: Risk,
}

impl Transaction {
    /// Stores what is new with its body, and gives back its keys. What is there already is locked and left as it is.
    #[shared::built_once]
    pub async fn record(
        &mut self,
        records: &[Record<'_>],
        now: DateTime<Utc>,
    ) -> Result<BTreeSet<EventKey>, LedgerError> {
        let random = || getrandom::u32().expect("the operating system gives random bytes");
        let lengths = records.iter().map(|record| record.body.0.len());
        let places = places(lengths, || segment::number(now, random()));
        let with_places: Vec<_> = records.iter().zip(&places).collect();
        let rows = keyed(Rows::of(&with_places), |(r, _)| &r.key)
            .text("type", |(r, _)| &r.envelope.header.kind)
            .maybe_text("api_version", |(r, _)| r.envelope.header.api_version.as_deref())
            .time("received_at", |(r, _)| Some(r.envelope.header.received_at))
            .time("recorded_at", |_| Some(now))
            .text("source", |(r, _)| r.envelope.header.source.as_str())
            .text("endpoint", |(r, _)| &r.envelope.header.endpoint)
            .maybe_text("unwanted", |(r, _)| r.envelope.header.unwanted.map(Unwanted::as_str))
            .text("trace_parent", |(r, _)| &r.envelope.header.trace_parent)
            .text("outcome", |(r, _)| r.outcome.as_str())
            .maybe_text("reason", |(r, _)| r.outcome.reason())
            .int("attempts", |(r, _)| r.attempts)
            .time("retry_at", |(r, _)| r.outcome.retry_at())
            .int("handler_version", |_| HANDLER_VERSION)
            .maybe_text("fingerprint", |(r, _)| Some(r.outcome.failed()?.fingerprint.as_str()))
            .time("failed_at", |(r, _)| r.outcome.failed().map(|_| now))
            .maybe_text("failure", |(r, _)| Some(r.outcome.failed()?.reason.as_str()))
            .maybe_text("object_id", |(r, _)| r.risk.object_id.as_deref())
            .maybe_text("customer", |(r, _)| r.risk.customer.as_deref())
            .maybe_int("amount", |(r, _)| Some(r.risk.money.as_ref()?.0))
            .maybe_text("currency", |(r, _)| Some(r.risk.money.as_ref()?.1.as_str()))
            .int("segment", |(_, at)| at.segment)
            .int("place", |(_, at)| at.place);
        let new: Vec<EventKey> = rows
            .fetch(
            self,
            "INSERT INTO events (id_hash, rest_hash, created_at, id, account, livemode, content_hash, type, api_version, \
             received_at, recorded_at, source, endpoint, unwanted, trace_parent, outcome, reason, attempts, retry_at, handler_version, \
             fingerprint, first_failed_at, last_failed_at, failures, object_id, customer, amount, currency, \
             segment, place) \
             SELECT id_hash, rest_hash, created_at, id, account, livemode, content_hash, type, api_version, received_at, \
             recorded_at, source, endpoint, unwanted, trace_parent, outcome, reason, attempts, retry_at, handler_version, \
             fingerprint, failed_at, failed_at, failure, object_id, customer, amount, currency, segment, place FROM input \
             WHERE TRUE ON CONFLICT (id_hash, rest_hash, created_at) DO UPDATE SET id = excluded.id WHERE FALSE \
             RETURNING id, account, livemode, created_at, content_hash",
        )
        .await?;
        let new: BTreeSet<EventKey> = new.into_iter().collect();
        // Nobody waits for the rows that are locked so far: objects are locked later.
        let bodies: Vec<_> = with_places
            .iter()
            .map(|(record, place)| (**place, new.contains(&record.key).then_some(&record.body.0[..])))
            .collect();
        self.keep_segments(&pack(&bodies, self.body_keys()), now).await?;
        let is_dead = |record: &&Record<'_>| matches!(record.outcome, Outcome::Dead { .. });
        let added = records.iter().filter(is_dead).filter(|record| new.contains(&record.key));
        self.keep_names(added.map(|record| (&record.key, &record.outcome, &record.risk))).await?;
        Ok(new)
    }

    /// Locks events until the transaction ends: what is read of them next holds until then. Must be sorted by key.
    #[shared::built_once]
    pub async fn lock_events(&mut self, keys: &[EventKey]) -> Result<(), LedgerError> {
        if self.is_alone() {
            return Ok(());
        }
        // A SELECT that locks cannot end in the condition that names the months; an UPDATE of nothing can.
        Rows::of(keys)
            .identities(EventKey::identity)
            .run(
                self,
                "UPDATE events AS e SET outcome = e.outcome FROM input WHERE e.id_hash = input.id_hash \
                 AND e.rest_hash = input.rest_hash AND e.created_at = input.created_at",
            )
            .await?;
        Ok(())
    }

    /// What is known of events that come again.
    #[shared::built_once]
    pub async fn known(&mut self, keys: &[EventKey]) -> Result<Vec<Known>, LedgerError> {
        Rows::of(keys)
            .identities(EventKey::identity)
            .fetch(
                self,
                "SELECT id, account, livemode, created_at, content_hash, outcome, attempts, retry_at, trace_parent, \
                 further_deliveries FROM events e JOIN input USING (id_hash, rest_hash, created_at) WHERE TRUE",
            )
            .await
    }

    /// Counts further deliveries of events that are known.
    #[shared::built_once]
    pub async fn count_repetitions(&mut self, repeated: &[Repetitions]) -> Result<(), LedgerError> {
        Rows::of(repeated)
            .identities(|repeated| repeated.key.identity())
            .int("times", |repeated| repeated.times)
            .text("spans", |repeated| &repeated.spans)
            .run(
                self,
                "UPDATE events AS e SET repetitions = repetitions + input.times, \
                 further_deliveries = further_deliveries || input.spans \
                 FROM input WHERE e.id_hash = input.id_hash AND e.rest_hash = input.rest_hash \
                 AND e.created_at = input.created_at",
            )
            .await?;
        Ok(())
    }

    /// Puts a waiting event's time off, so that whoever does so handles it alone; `false` when it is not due.
    #[shared::built_once]
    pub async fn claim(
        &mut self,
        key: &EventKey,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let claimed = Rows::of(std::slice::from_ref(key))
            .identities(EventKey::identity)
            .time("claimed_at", |_| Some(now))
            .time("claimed_until", |_| Some(until))
            .run(
                self,
                "UPDATE events AS e SET retry_at = input.claimed_until FROM input WHERE e.id_hash = input.id_hash \
                 AND e.rest_hash = input.rest_hash AND e.created_at = input.created_at \
                 AND e.outcome = 'waiting' \
                 AND e.retry_at <= input.claimed_at",
            )
            .await?;
        Ok(claimed == 1)
    }

    /// Gives events their new outcome.
    #[shared::built_once]
    pub async fn conclude(&mut self, concluded: &[Concluded], now: DateTime<Utc>) -> Result<(), LedgerError> {
        Rows::of(concluded)
            .identities(|concluded| concluded.key.identity())
            .text("outcome", |c| c.outcome.as_str())
            .maybe_text("reason", |c| c.outcome.reason())
            .int("attempts", |c| c.attempts)
            .time("retry_at", |c| c.outcome.retry_at())
            .int("handler_version", |_| HANDLER_VERSION)
            .maybe_text("fingerprint", |c| Some(c.outcome.failed()?.fingerprint.as_str()))
            .time("failed_at", |c| c.outcome.failed().map(|_| now))
            .maybe_text("failure", |c| Some(c.outcome.failed()?.reason.as_str()))
            .text("line_break", |_| "\n")
            .maybe_text("object_id", |c| c.risk.object_id.as_deref())
            .maybe_text("customer", |c| c.risk.customer.as_deref())
            .maybe_int("amount", |c| Some(c.risk.money.as_ref()?.0))
            .maybe_text("currency", |c| Some(c.risk.money.as_ref()?.1.as_str()))
            .run(
                self,
                "UPDATE events AS e SET outcome = input.outcome, reason = input.reason, attempts = input.attempts, \
                 retry_at = input.retry_at, handler_version = input.handler_version, \
                 fingerprint = input.fingerprint, \
                 first_failed_at = COALESCE(e.first_failed_at, input.failed_at), \
                 last_failed_at = COALESCE(input.failed_at, e.last_failed_at), \
                 failures = CASE WHEN input.failure IS NULL THEN e.failures \
                 ELSE COALESCE(e.failures || input.line_break, '') || input.failure END, \
                 object_id = input.object_id, customer = input.customer, amount = input.amount, \
                 currency = input.currency \
                 FROM input WHERE e.id_hash = input.id_hash AND e.rest_hash = input.rest_hash \
                 AND e.created_at = input.created_at",
            )
            .await?;
        self.keep_names(concluded.iter().map(|it| (&it.key, &it.outcome, &it.risk))).await
    }
}

/// The columns of an event's key, and of its identity.
pub(crate) fn keyed<'a, T>(rows: Rows<'a, T>, key: impl Fn(&'a T) -> &'a EventKey + Copy) -> Rows<'a, T> {
    named(rows, key).new_identities(move |item| key(item).identity())
}

/// The texts and the mode of an event's key: what tells it from others where no event may be stored yet.
pub(crate) fn named<'a, T>(rows: Rows<'a, T>, key: impl Fn(&'a T) -> &'a EventKey + Copy) -> Rows<'a, T> {
    rows.text("id", move |item| &key(item).id)
        .text("account", move |item| &key(item).account)
        .flag("livemode", move |item| key(item).livemode)
        .text("content_hash", move |item| &key(item).content_hash)
}
