//! Stripe's list of events, oldest first. Stripe lists newest first, so the oldest is found by bisecting the
//! time, and `ending_before` leads forward from there.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use envelope::{Envelope, Header, Source, is_identifier};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::clock;
use shared::trace;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::{Api, StripeError};
use domain::fields::moment;

/// As many types as Stripe filters by.
pub const TYPES_LIMIT: usize = 20;
const PAGE_EVENTS: u32 = 100;
const NAME_LIMIT_CHARS: usize = 120;
/// For so long Stripe lists an event.
pub const EVENTS_LISTED: TimeDelta = TimeDelta::days(30);
/// The first stretch of time that is looked at for the oldest event; each further one is eight times as long.
const FIRST_STRETCH_SECS: i64 = 3_600;

/// Which events to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// A connected account, or `""` for our own.
    pub account: String,
    pub since: DateTime<Utc>,
    /// Up to the newest where it is `None`.
    pub until: Option<DateTime<Utc>>,
    /// Any where it is empty.
    pub types: Vec<String>,
    /// Only those that some endpoint did not take.
    pub undelivered: bool,
}

/// Some events, the oldest first, and whether newer ones follow.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub events: Vec<Envelope>,
    pub has_more: bool,
}

/// Where in the list a page begins.
#[derive(Clone, Copy)]
enum Place<'a> {
    Newest,
    OlderThan(&'a str),
    NewerThan(&'a str),
}

impl Api {
    /// The oldest events of a listing.
    #[shared::built_once]
    pub async fn oldest_events(&self, listing: &Listing) -> Result<Page, StripeError> {
        let Some(mut page) = self.first_stretch(listing).await? else { return Ok(Page::default()) };
        // More than a page in one second: down to its end.
        while page.has_more {
            let oldest = page.events[0].header.id.clone();
            page = self.page(listing, Place::OlderThan(&oldest)).await?;
        }
        page.has_more = true; // newer ones may follow: the next page tells
        Ok(page)
    }

    /// The events that follow one of them.
    #[shared::built_once]
    pub async fn events_after(&self, listing: &Listing, id: &str) -> Result<Page, StripeError> {
        self.page(listing, Place::NewerThan(id)).await
    }

    /// The newest page of the shortest stretch of time that holds the oldest events.
    async fn first_stretch(&self, listing: &Listing) -> Result<Option<Page>, StripeError> {
        let end = listing.until.unwrap_or_else(clock::now).timestamp();
        let (mut from, mut length) = (listing.since.timestamp(), FIRST_STRETCH_SECS);
        let mut found = loop {
            if from > end {
                return Ok(None);
            }
            let to = from.saturating_add(length).min(end);
            let page = self.page(&listing.within(from, to), Place::Newest).await?;
            if !page.events.is_empty() {
                break (page, to);
            }
            (from, length) = (to + 1, length * 8);
        };
        while found.0.has_more && found.1 > from {
            let middle = from + (found.1 - from) / 2;
            let page = self.page(&listing.within(from, middle), Place::Newest).await?;
            if page.events.is_empty() {
                from = middle + 1;
            } else {
                found = (page, middle);
            }
        }
        Ok(Some(found.0))
    }

    async fn page(&self, listing: &Listing, place: Place<'_>) -> Result<Page, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, "/events").query(&Query::of(listing, place));
        let account = &listing.account;
        self.read(request, account, |answer| read_page(&answer.body, account, clock::now())).await
    }
}

impl Listing {
    fn within(&self, from: i64, to: i64) -> Self {
        let since = moment(from).unwrap_or(self.since);
        Self { since, until: moment(to).or(self.until), ..self.clone() }
    }
}

/// Stripe's names.
#[derive(Serialize)]
struct Query<'a> {
    limit: u32,
    created: Created,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    types: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_after: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ending_before: Option<&'a str>,
}

#[derive(Serialize)]
struct Created {
    gte: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lte: Option<i64>,
}

impl<'a> Query<'a> {
    fn of(listing: &'a Listing, place: Place<'a>) -> Self {
        // One type may end with an asterisk; several must be names.
        let (kind, types) = match &listing.types[..] {
            [kind] => (Some(kind.as_str()), &[][..]),
            types => (None, types),
        };
        let (starting_after, ending_before) = match place {
            Place::Newest => (None, None),
            Place::OlderThan(id) => (Some(id), None),
            Place::NewerThan(id) => (None, Some(id)),
        };
        Self {
            limit: PAGE_EVENTS,
            created: Created {
                gte: listing.since.timestamp(),
                lte: listing.until.map(|until| until.timestamp()),
            },
            kind,
            types,
            delivery_success: listing.undelivered.then_some(false),
            starting_after,
            ending_before,
        }
    }
}

/// A list as Stripe sends it; what is in it stays as it is.
#[derive(Deserialize)]
pub(super) struct List<'b> {
    #[serde(borrow)]
    pub(super) data: Vec<&'b RawValue>,
    pub(super) has_more: bool,
}

#[derive(Deserialize)]
struct Wire {
    object: String,
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    livemode: bool,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    api_version: Option<String>,
}

fn read_page(body: &Bytes, account: &str, now: DateTime<Utc>) -> Result<Page, StripeError> {
    let list: List<'_> =
        serde_json::from_slice(body).map_err(|_| StripeError::Malformed("it is not a list of events"))?;
    let mut events =
        list.data.iter().map(|raw| read_event(body, raw, account, now)).collect::<Result<Vec<_>, _>>()?;
    events.reverse();
    Ok(Page { events, has_more: list.has_more })
}

/// The envelope that a webhook would have come in. Its bytes are Stripe's own: to build them anew would
/// round what no rule here looks at, and the same event would have another content.
fn read_event(
    page: &Bytes,
    raw: &RawValue,
    account: &str,
    now: DateTime<Utc>,
) -> Result<Envelope, StripeError> {
    let malformed = StripeError::Malformed("its list contains something that is not an event");
    let wire: Wire = serde_json::from_str(raw.get()).map_err(|_| malformed.clone())?;
    // Of the account that was asked for, also where the event does not repeat it.
    let account = wire.account.unwrap_or_else(|| account.to_owned());
    let is_name = |text: &str| {
        (1..=NAME_LIMIT_CHARS).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
    };
    let is_sound = wire.object == "event"
        && is_identifier(&wire.id)
        && is_name(&wire.kind)
        && moment(wire.created).is_some()
        && (account.is_empty() || is_identifier(&account))
        && wire.api_version.as_deref().is_none_or(is_name);
    if !is_sound {
        return Err(malformed);
    }
    let header = Header {
        id: wire.id,
        kind: wire.kind,
        created: wire.created,
        account,
        livemode: wire.livemode,
        api_version: wire.api_version,
        received_at: now,
        trace_parent: trace::child_of(None),
        source: Source::Backfill,
        endpoint: String::new(),
        unwanted: None,
        replay: None,
    };
    Ok(Envelope { header, body: page.slice_ref(raw.get().as_bytes()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::event::Content;

    const DATA: &str =
        r#"{"object":{"id":"pi_1","big":18446744073709551615,"odd":0.1000000000000000055,"e":1e2}}"#;

    fn event(pending: u8, account: &str) -> String {
        format!(
            r#"{{"id":"evt_1","object":"event","api_version":"2024-09-30.acacia","created":1700000000,
            "data":{DATA},"livemode":true,{account}"pending_webhooks":{pending},"type":"payment_intent.succeeded"}}"#
        )
    }

    fn page(events: &[String]) -> Result<Page, StripeError> {
        let body = format!(r#"{{"object":"list","data":[{}],"has_more":true}}"#, events.join(","));
        read_page(&Bytes::from(body), "acct_1", DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_listed_event_has_the_bytes_and_the_content_of_a_delivered_one() {
        let listed = page(&[event(0, "")]).unwrap().events.remove(0);
        assert_eq!(listed.body, event(0, "").as_bytes());
        let delivered = Envelope { body: Bytes::from(event(3, "")), ..listed.clone() };
        assert_eq!(Content::of(&listed).key, Content::of(&delivered).key);
        assert_eq!((listed.header.account.as_str(), listed.header.source), ("acct_1", Source::Backfill));
        let theirs = page(&[event(0, r#""account":"acct_2","#)]).unwrap().events.remove(0);
        assert_eq!(theirs.header.account, "acct_2");
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for odd in [r#"{"id":"evt_1"}"#, "[]", &event(0, "").replace("evt_1", "evt\\u0000")] {
            assert!(page(&[odd.to_owned()]).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_query_says_what_is_asked_for() {
        let listing = Listing {
            account: String::new(),
            since: DateTime::UNIX_EPOCH,
            until: None,
            types: vec!["invoice.*".to_owned()],
            undelivered: true,
        };
        let query = |listing: &Listing| {
            let request = RequestBuilder::new(StripeMethod::Get, "/events");
            request.query(&Query::of(listing, Place::NewerThan("evt_1"))).query.unwrap()
        };
        let one = query(&listing);
        assert!(one.contains("type=invoice.*") && one.contains("delivery_success=false"), "{one}");
        assert!(one.contains("ending_before=evt_1") && !one.contains("lte"), "{one}");
        let two = query(&Listing { types: vec!["a.b".to_owned(), "c.d".to_owned()], ..listing });
        assert!(two.contains("=a.b") && two.contains("=c.d") && two.contains("types"), "{two}");
    }
}
