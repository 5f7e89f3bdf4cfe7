//! Reads one object from Stripe and wraps it as an event of our own, stamped with Stripe's clock. It takes the
//! same path as any event.

use bytes::Bytes;
use envelope::{Envelope, Header, Source};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use shared::clock;
use shared::trace;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::answer::Answer;
use super::events::List;
use super::sending::sound;
use super::{Api, StripeError};
use domain::{AtStripe, Key, Kind};

const PAGE_OBJECTS: u32 = 100;

/// What came of asking for one object.
#[derive(Debug)]
pub enum Answered {
    Found(Box<Envelope>),
    /// Stripe has it no more, or never had.
    Missing,
}

/// Where Stripe has it. A charge without a payment intent is its own payment.
fn at_stripe(kind: Kind, id: &str) -> Result<AtStripe, StripeError> {
    collection(if kind == Kind::Payment && !id.starts_with("pi_") { Kind::Charge } else { kind })
}

fn collection(kind: Kind) -> Result<AtStripe, StripeError> {
    kind.at_stripe().ok_or(StripeError::Unsendable("Stripe has no list of such objects"))
}

impl Api {
    /// The object as it is now.
    #[shared::built_once]
    pub async fn object(&self, kind: Kind, key: &Key) -> Result<Answered, StripeError> {
        let at = at_stripe(kind, &key.id)?;
        let path = format!("/{}/{}", at.path, sound(&key.id)?);
        let request = RequestBuilder::new(StripeMethod::Get, path);
        let told = self.read(request, &key.account, |answer| {
            told(at, key, whole(answer)?, Telling::of_refetch(key, answer)?)
        });
        match told.await {
            Ok(told) => Ok(Answered::Found(Box::new(told))),
            Err(error) if error.is_missing() => Ok(Answered::Missing),
            Err(error) => Err(error),
        }
    }

    /// The object as it is now, as it came.
    #[shared::built_once]
    pub async fn now(&self, kind: Kind, key: &Key) -> Result<Answer, StripeError> {
        let at = at_stripe(kind, &key.id)?;
        self.get(format!("/{}/{}", at.path, sound(&key.id)?), &key.account).await
    }

    /// Every refund of a charge, as it is now.
    #[shared::built_once]
    pub async fn refunds_of(&self, charge: &Key) -> Result<Vec<Envelope>, StripeError> {
        let of_charge = |charge, starting_after| OfParent {
            charge: Some(charge),
            invoice: None,
            limit: PAGE_OBJECTS,
            starting_after,
        };
        self.children(collection(Kind::Refund)?, charge, of_charge).await
    }

    /// Every payment of an invoice, made, tried or canceled: by these alone a failed one is found.
    #[shared::built_once]
    pub async fn payments_of(&self, invoice: &Key) -> Result<Vec<Envelope>, StripeError> {
        let of_invoice = |invoice, starting_after| OfParent {
            charge: None,
            invoice: Some(invoice),
            limit: PAGE_OBJECTS,
            starting_after,
        };
        self.children(collection(Kind::InvoicePayment)?, invoice, of_invoice).await
    }

    async fn children<'a>(
        &self,
        at: AtStripe,
        parent: &'a Key,
        query: impl Fn(&'a str, Option<String>) -> OfParent<'a>,
    ) -> Result<Vec<Envelope>, StripeError> {
        let mut children: Vec<Envelope> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let query = query(sound(&parent.id)?, after);
            let path = format!("/{}", at.path);
            let request = RequestBuilder::new(StripeMethod::Get, path).query(&query);
            let read = |answer: &Answer| read_page(at, parent, answer);
            let (page, has_more) = self.read(request, &parent.account, read).await?;
            let last = page.last().map(|last| last.0.clone());
            children.extend(page.into_iter().map(|(_, event)| event));
            let Some(last) = last.filter(|_| has_more) else { return Ok(children) };
            after = Some(last);
        }
    }
}

/// Objects of one page with their ids, and whether more follow.
fn read_page(
    at: AtStripe,
    parent: &Key,
    answer: &Answer,
) -> Result<(Vec<(String, Envelope)>, bool), StripeError> {
    let list: List<'_> =
        serde_json::from_slice(&answer.body).map_err(|_| StripeError::Malformed("it is no list"))?;
    let read = |object: &&RawValue| {
        let child = parent.sibling(&head(object)?.id);
        let told = told(at, &child, object, Telling::of_refetch(&child, answer)?)?;
        Ok((child.id, told))
    };
    let children = list.data.iter().map(read).collect::<Result<Vec<_>, StripeError>>()?;
    Ok((children, list.has_more))
}

#[derive(Serialize)]
struct OfParent<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    charge: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice: Option<&'a str>,
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_after: Option<String>,
}

#[derive(Deserialize)]
struct Head {
    id: String,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    created: i64,
}

fn head(object: &RawValue) -> Result<Head, StripeError> {
    serde_json::from_str(object.get()).map_err(|_| StripeError::Malformed("an object has no id"))
}

/// The event that tells of an object of a list, and when the object was created.
pub(super) fn listed(
    kind: Kind,
    account: &str,
    livemode: bool,
    object: &Answer,
) -> Result<ListedObject, StripeError> {
    let object_json = whole(object)?;
    let head = head(object_json)?;
    let key = Key { id: head.id, account: account.to_owned(), livemode };
    let event = told(collection(kind)?, &key, object_json, Telling::of_list(&key, object)?)?;
    Ok(ListedObject { key, event, created: head.created })
}

/// An object of a list, as an event of our own.
#[derive(Clone, Debug)]
pub struct ListedObject {
    pub key: Key,
    pub event: Envelope,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

/// Which answer of Stripe tells of an object.
struct Telling {
    /// Of the event, a name of its own.
    id: String,
    source: Source,
    /// By Stripe's clock, in seconds since 1970.
    stamp: i64,
    /// In which shape of the API.
    version: &'static str,
}

impl Telling {
    /// Its name is its own for every second, so that a later answer is another event.
    fn of_refetch(key: &Key, answer: &Answer) -> Result<Self, StripeError> {
        Self::of(answer, Source::Refetch, &format!("refetch_{}", sound(&key.id)?))
    }

    /// The same, of an object that was found in a list.
    fn of_list(key: &Key, answer: &Answer) -> Result<Self, StripeError> {
        Self::of(answer, Source::Object, &format!("object_{}", sound(&key.id)?))
    }

    fn of(answer: &Answer, source: Source, name: &str) -> Result<Self, StripeError> {
        let stamp = answer.at.ok_or(StripeError::Malformed("it has no date"))?.timestamp();
        Ok(Self { id: format!("{name}_{stamp}"), source, stamp, version: answer.version })
    }
}

fn whole(answer: &Answer) -> Result<&RawValue, StripeError> {
    serde_json::from_slice(&answer.body).map_err(|_| StripeError::Malformed("it is not an object"))
}

/// The operation whose sending was answered.
#[derive(Clone, Copy, Debug)]
pub struct ResponseOf<'a> {
    pub operation: &'a str,
    pub attempt: i64,
}

impl ResponseOf<'_> {
    /// The event that tells of an answered object. A replayed answer shows the object as it was when the first
    /// answer was made, under the date of today: it must be read anew instead.
    pub fn event(self, kind: Kind, key: &Key, answer: &Answer) -> Result<Envelope, StripeError> {
        if answer.is_replayed {
            return Err(StripeError::Malformed("it is a kept answer, older than its date"));
        }
        let name = format!("response_{}_{}_{}", sound(self.operation)?, self.attempt, sound(&key.id)?);
        let telling = Telling::of(answer, Source::Response, &name)?;
        told(at_stripe(kind, &key.id)?, key, whole(answer)?, telling)
    }
}

/// The event that tells of it.
fn told(at: AtStripe, key: &Key, object: &RawValue, telling: Telling) -> Result<Envelope, StripeError> {
    let head = head(object)?;
    if head.id != key.id {
        return Err(StripeError::Malformed("it is about another object"));
    }
    let header = Header {
        id: telling.id,
        kind: at.deleted_as.filter(|_| head.deleted).unwrap_or(at.reported_as).to_owned(),
        created: telling.stamp,
        account: key.account.clone(),
        livemode: key.livemode,
        api_version: Some(telling.version.to_owned()),
        received_at: clock::now(),
        trace_parent: trace::child_of(None),
        source: telling.source,
        endpoint: String::new(),
        unwanted: None,
        replay: None,
    };
    let body = Body { head: &header, data: Data { object } };
    Ok(Envelope { body: Bytes::from(body.json()), header })
}

struct Body<'a> {
    head: &'a Header,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    object: &'a RawValue,
}

impl Body<'_> {
    /// In the form of Stripe's events, around the very bytes of the object.
    fn json(&self) -> String {
        let Header { id, kind, created, account, livemode, api_version, .. } = self.head;
        let data = to_raw_value(&self.data).expect("JSON within JSON encodes");
        let account = (!account.is_empty()).then_some(account);
        let head = json!({
            "id": id, "object": "event", "type": kind, "created": created, "livemode": livemode,
            "account": account, "api_version": api_version, "pending_webhooks": 0, "request": null,
        });
        let head = head.to_string();
        let open = head.strip_suffix('}').expect("an object ends with a brace");
        format!("{open},\"data\":{data}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use domain::event::{Content, Meaning};
    use envelope::is_identifier;

    fn charges() -> AtStripe {
        at_stripe(Kind::Charge, "ch_1").unwrap()
    }

    fn key(id: &str) -> Key {
        Key { id: id.to_owned(), account: "acct_1".to_owned(), livemode: true }
    }

    fn refetched(id: &str, stamp: i64) -> Telling {
        let answer = Answer { at: DateTime::from_timestamp(stamp, 0), ..Answer::default() };
        Telling::of_refetch(&key(id), &answer).unwrap()
    }

    #[test]
    fn an_answer_to_an_operation_is_an_event_unless_it_is_a_kept_one() {
        let body = br#"{"id":"re_1","object":"refund","status":"succeeded","amount":500,"currency":"usd"}"#;
        let at = DateTime::from_timestamp(1_780_000_000, 0);
        let version = "2025-03-31.basil";
        let answer = Answer { body: Bytes::from_static(body), at, version, ..Answer::default() };
        let of = ResponseOf { operation: "op_1", attempt: 2 };
        let told = of.event(Kind::Refund, &key("re_1"), &answer).unwrap();
        assert_eq!(told.header.id, "response_op_1_2_re_1_1780000000");
        assert_eq!((told.header.source, told.header.created), (Source::Response, 1_780_000_000));
        assert_eq!(told.header.api_version.as_deref(), Some(version), "in the shape in which it came");
        let kept = Answer { is_replayed: true, ..answer };
        assert!(of.event(Kind::Refund, &key("re_1"), &kept).is_err());
    }

    #[test]
    fn an_object_is_told_as_an_event_that_a_rule_reads() {
        let raw = r#"{"id":"ch_1","object":"charge","status":"succeeded","amount":500,"currency":"usd","paid":true}"#;
        let object: &RawValue = serde_json::from_str(raw).unwrap();
        let envelope = told(charges(), &key("ch_1"), object, refetched("ch_1", 1_780_000_000)).unwrap();
        assert_eq!(envelope.header.id, "refetch_ch_1_1780000000");
        assert!(is_identifier(&envelope.header.id));
        let value: serde_json::Value = serde_json::from_slice(&envelope.body).unwrap();
        assert_eq!(
            (value["id"].as_str(), value["data"]["object"]["amount"].as_i64()),
            (Some("refetch_ch_1_1780000000"), Some(500))
        );
        let meaning = Content::of(&envelope).meaning(&envelope).unwrap();
        assert!(matches!(meaning, Meaning::Observations(seen) if !seen.is_empty()));
    }

    #[test]
    fn an_answer_about_another_object_or_without_a_date_is_no_answer() {
        let object: &RawValue = serde_json::from_str(r#"{"id":"ch_2"}"#).unwrap();
        assert!(told(charges(), &key("ch_1"), object, refetched("ch_1", 1)).is_err());
        assert!(Telling::of_refetch(&key("ch_2"), &Answer::default()).is_err());
    }

    #[test]
    fn a_payment_that_is_a_charge_is_asked_for_as_one() {
        assert_eq!(at_stripe(Kind::Payment, "ch_1").unwrap().path, "charges");
        assert_eq!(at_stripe(Kind::Payment, "pi_1").unwrap().path, "payment_intents");
        assert!(at_stripe(Kind::Movement, "txn_1").is_err(), "only events tell of it");
    }

    #[test]
    fn what_is_gone_is_told_as_deleted() {
        let gone: &RawValue =
            serde_json::from_str(r#"{"id":"cus_1","object":"customer","deleted":true}"#).unwrap();
        let at = at_stripe(Kind::Customer, "cus_1").unwrap();
        let told = told(at, &key("cus_1"), gone, refetched("cus_1", 1)).unwrap();
        assert_eq!(told.header.kind, "customer.deleted");
    }
}
