//! The table `events`, as staff and chores read it.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::outcome::OutcomeKind;
use domain::readable;
use envelope::{Envelope, Header, Source, Unwanted};
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::engine::query::{Query, query};
use crate::tables::bodies::{BODY, Body, HasBody, WITH_BODIES};
use crate::views::page::{POSITION, Page, Part};
use crate::views::search::{Order, Search, Whose, Window};
use crate::{Ledger, LedgerError, Transaction};
use domain::Key;
use domain::event::EventKey;
use domain::identity::id_hash;

readable! {
    /// A waiting event whose time has come, with its body.
    #[derive(Debug)]
    pub struct Due {
        pub event: StoredEvent,
        pub body: Body,
    }
}

readable! {
    /// A dead letter, in what counts for its group.
    #[derive(Clone, Debug)]
    pub struct Dead {
        pub id: String,
        pub account: String,
        pub livemode: bool,
        pub fingerprint: Option<String>,
        pub kind: String = "type",
        pub reason: String,
        pub object_id: Option<String>,
        pub amount: Option<i64>,
        pub currency: Option<String>,
        pub recorded_at: DateTime<Utc>,
        pub first_failed_at: Option<DateTime<Utc>>,
        pub last_failed_at: Option<DateTime<Utc>>,
    }
}

readable! {
    /// An event as staff see it.
    #[derive(Clone, Debug, Serialize)]
    pub struct StoredEvent {
        pub id: String,
        pub account: String,
        pub livemode: bool,
        pub content_hash: String,
        #[serde(rename = "type")]
        pub kind: String = "type",
        pub api_version: Option<String>,
        pub created_at: DateTime<Utc>,
        pub received_at: DateTime<Utc>,
        pub recorded_at: DateTime<Utc>,
        pub source: String,
        pub endpoint: String,
        /// Why it is not for its endpoint, where it is not.
        pub unwanted: Option<String>,
        pub trace_parent: String,
        pub outcome: OutcomeKind,
        pub reason: Option<String>,
        pub attempts: i64,
        pub retry_at: Option<DateTime<Utc>>,
        pub repetitions: i64,
        pub handler_version: i64,
        /// Equal for all that failed of one cause.
        pub fingerprint: Option<String>,
        pub first_failed_at: Option<DateTime<Utc>>,
        pub last_failed_at: Option<DateTime<Utc>>,
        /// Every failure's reason, a line each.
        pub failures: Option<String>,
        /// What a dead letter is about, and the money that it names.
        pub object_id: Option<String>,
        pub customer: Option<String>,
        pub amount: Option<i64>,
        pub currency: Option<String>,
        /// When its body was erased, if somebody had it erased.
        pub erased_at: Option<DateTime<Utc>>,
        /// The same id came with other data under the same API version.
        pub conflict: bool,
    }
}

pub(crate) const STORED: &str = "e.id, e.account, e.livemode, e.content_hash, e.type, e.api_version, e.created_at, e.received_at, \
    e.recorded_at, e.source, e.endpoint, e.unwanted, e.trace_parent, e.outcome, e.reason, e.attempts, e.retry_at, e.repetitions, \
    e.handler_version, e.fingerprint, e.first_failed_at, e.last_failed_at, e.failures, e.object_id, e.customer, e.amount, \
    e.currency, e.erased_at, EXISTS (SELECT 1 FROM events o WHERE o.id_hash = e.id_hash AND o.created_at = e.created_at AND o.id = e.id \
    AND o.account = e.account \
    AND o.livemode = e.livemode AND o.content_hash <> e.content_hash \
    AND COALESCE(o.api_version, '') = COALESCE(e.api_version, '')) AS conflict";

impl StoredEvent {
    pub fn key(&self) -> EventKey {
        EventKey {
            id: self.id.clone(),
            account: self.account.clone(),
            livemode: self.livemode,
            created_at: self.created_at,
            content_hash: self.content_hash.clone(),
        }
    }

    /// The envelope that it came in, given its body.
    pub fn envelope(self, body: Bytes) -> Envelope {
        let header = Header {
            id: self.id,
            kind: self.kind,
            created: self.created_at.timestamp(),
            account: self.account,
            livemode: self.livemode,
            api_version: self.api_version,
            received_at: self.received_at,
            trace_parent: self.trace_parent,
            source: Source::named(&self.source),
            endpoint: self.endpoint,
            unwanted: self.unwanted.as_deref().and_then(Unwanted::named),
            replay: None,
        };
        Envelope { header, body }
    }
}

/// Which events to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// A type, or the beginning of one followed by `*`.
    pub kind: Option<String>,
    pub outcome: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub account: Option<String>,
    pub livemode: Option<bool>,
    pub fingerprint: Option<String>,
    pub customer: Option<String>,
    /// Only those that changed the status of this object, or died over it.
    pub object: Option<String>,
    /// Only those that changed the status of something of this customer, or died over it.
    pub concerning: Option<String>,
    pub limit: i64,
}

const RECORDED: &str = "e.recorded_at";
/// Of an object: by the lines of the audit, which begin with it, and by the names that dead letters keep.
const OF_OBJECT: &str = "e.id_hash IN (SELECT event_hash FROM audit WHERE subject_id = ? AND event_hash IS NOT NULL \
    UNION ALL SELECT id_hash FROM dead_letter_names WHERE object_id = ?)";
/// Of a customer: by what names the customer, and what hangs on that.
const OF_CUSTOMER: &str = "e.id_hash IN (SELECT event_hash FROM audit WHERE event_hash IS NOT NULL AND subject_id IN \
    (SELECT id FROM payments WHERE customer = ? UNION ALL SELECT id FROM invoices WHERE customer = ? \
    UNION ALL SELECT id FROM subscriptions WHERE customer = ? \
    UNION ALL SELECT r.id FROM refunds r JOIN payments p ON r.payment = p.id AND r.account = p.account \
    AND r.livemode = p.livemode WHERE p.customer = ? \
    UNION ALL SELECT d.id FROM disputes d JOIN charges c ON d.charge = c.id AND d.account = c.account \
    AND d.livemode = c.livemode JOIN payments p ON c.payment = p.id AND c.account = p.account \
    AND c.livemode = p.livemode WHERE p.customer = ?) \
    UNION ALL SELECT id_hash FROM dead_letter_names WHERE object_id = ?)";

const SELECTED: &str = "($1 IS NULL OR e.type = $1) AND ($2 IS NULL OR e.type LIKE $2 ESCAPE '!') \
    AND ($3 IS NULL OR e.outcome = $3) AND ($4 IS NULL OR e.recorded_at >= $4) \
    AND ($5 IS NULL OR e.account = $5) AND ($6 IS NULL OR e.recorded_at < $6) \
    AND ($7 IS NULL OR e.livemode = $7) AND ($8 IS NULL OR e.fingerprint = $8) \
    AND ($9 IS NULL OR e.customer = $9)";

/// A text in which no letter stands for others.
fn escaped(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

impl EventFilter {
    /// The type itself, or the beginning of one.
    fn kinds(&self) -> (Option<&str>, Option<String>) {
        match self.kind.as_deref() {
            None => (None, None),
            Some(kind) => match kind.strip_suffix('*') {
                Some(prefix) => (None, Some(format!("{}%", escaped(prefix)))),
                None => (Some(kind), None),
            },
        }
    }

    /// A list of the selected events, with no condition that nobody asked for.
    fn search(&self) -> Search {
        let (kind, beginning) = self.kinds();
        let window = Window { since: self.since, until: self.until };
        Search::of(format!("SELECT {STORED}, {RECORDED} AS {POSITION} FROM events e WHERE TRUE"))
            .and("e.type = ?", kind)
            .and("e.type LIKE ? ESCAPE '!'", beginning)
            .and("e.outcome = ?", self.outcome.as_ref())
            .and("e.fingerprint = ?", self.fingerprint.as_ref())
            .and("e.customer = ?", self.customer.as_ref())
            .and(OF_OBJECT, self.object.as_ref())
            .and(OF_CUSTOMER, self.concerning.as_ref())
            .within(RECORDED, &window)
            .whose(&Whose { account: self.account.clone(), livemode: self.livemode })
    }

    /// A statement about the selected events, with what it is bound to.
    fn select(&self, text: String) -> Query {
        let (kind, beginning) = self.kinds();
        query(AssertSqlSafe(text))
            .bind(kind)
            .bind(beginning)
            .bind(self.outcome.as_deref())
            .bind(self.since)
            .bind(self.account.as_deref())
            .bind(self.until)
            .bind(self.livemode)
            .bind(self.fingerprint.as_deref())
            .bind(self.customer.as_deref())
            .bind(self.limit)
    }
}

impl HasBody for Due {
    fn key(&self) -> EventKey {
        self.event.key()
    }

    fn body(&mut self) -> &mut Body {
        &mut self.body
    }
}

impl Due {
    /// The envelope as it first came; `Err` names the event where its body cannot be read.
    pub fn envelope(self) -> Result<Envelope, EventKey> {
        match self.body.bytes().cloned() {
            Some(body) => Ok(self.event.envelope(body)),
            None => Err(self.event.key()),
        }
    }
}

impl Transaction {
    /// Events, the newest first. `limit` of the filter has no part in it.
    #[shared::built_once]
    pub async fn events(
        &mut self,
        filter: &EventFilter,
        part: &Part,
    ) -> Result<Page<StoredEvent>, LedgerError> {
        let order = (RECORDED, Order::NewestEvents);
        let rows = filter.search().placed(self, order, &part.and_one()).await?;
        Ok(Page::of(rows, part, |event: &StoredEvent| {
            let EventKey { id, account, livemode, content_hash, .. } = event.key();
            (Key { id, account, livemode }, content_hash)
        }))
    }
}

impl Ledger {
    /// Waiting events whose time has come, the longest waiting first.
    #[shared::built_once]
    pub async fn due(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<Due>, LedgerError> {
        let sql = format!(
            "SELECT {STORED}, {BODY} FROM events e {WITH_BODIES} WHERE e.outcome = 'waiting' AND e.retry_at <= $1 ORDER BY e.retry_at LIMIT $2"
        );
        let mut tx = self.read().await?;
        let mut due: Vec<Due> = query(AssertSqlSafe(sql)).bind(now).bind(limit).all(&mut tx).await?;
        tx.unpack(&mut due).await?;
        Ok(due)
    }

    /// Makes due what waits for a time after `latest`: no plan reaches so far, so a clock ran ahead when that time
    /// was written. Says how many events.
    #[shared::built_once]
    pub async fn bring_forward(&self, now: DateTime<Utc>, latest: DateTime<Utc>) -> Result<u64, LedgerError> {
        let mut tx = self.begin().await?;
        let brought = {
            query("UPDATE events SET retry_at = $1 WHERE outcome = 'waiting' AND retry_at > $2")
                .bind(now)
                .bind(latest)
                .run(&mut tx)
                .await?
        };
        tx.commit().await?;
        Ok(brought)
    }

    /// Events, the newest first.
    #[shared::built_once]
    pub async fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>, LedgerError> {
        Ok(self.read().await?.events(filter, &Part::first(filter.limit)).await?.rows)
    }

    /// The keys of events, in the order in which Stripe stamped them.
    #[shared::built_once]
    pub async fn keys_of(&self, filter: &EventFilter) -> Result<Vec<EventKey>, LedgerError> {
        let sql = format!(
            "SELECT e.id, e.account, e.livemode, e.created_at, e.content_hash FROM events e WHERE {SELECTED} \
             ORDER BY e.created_at, e.id LIMIT $10"
        );
        let mut tx = self.read().await?;
        filter.select(sql).all(&mut tx).await
    }

    /// Dead letters with what is at risk, for grouping.
    #[shared::built_once]
    pub async fn dead(&self, filter: &EventFilter) -> Result<Vec<Dead>, LedgerError> {
        let sql = format!(
            "SELECT e.id, e.account, e.livemode, e.fingerprint, e.type, e.reason, e.object_id, e.amount, e.currency, \
             e.recorded_at, e.first_failed_at, e.last_failed_at FROM events e WHERE {SELECTED} \
             AND e.outcome = 'dead' ORDER BY e.recorded_at LIMIT $10"
        );
        let mut tx = self.read().await?;
        filter.select(sql).all(&mut tx).await
    }

    /// The contents stored under one event id: usually one.
    #[shared::built_once]
    pub async fn event(&self, id: &str) -> Result<Vec<StoredEvent>, LedgerError> {
        let sql = format!(
            "SELECT {STORED} FROM events e WHERE e.id_hash = $1 AND e.id = $2 ORDER BY e.recorded_at, e.content_hash"
        );
        let mut tx = self.read().await?;
        query(AssertSqlSafe(sql)).bind(id_hash(id)).bind(id).all(&mut tx).await
    }
}
