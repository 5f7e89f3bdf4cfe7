//! What Stripe answers: an object as it came, or an error with everything that it says about itself.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use envelope::is_identifier;
use hyper::StatusCode;
use hyper::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::StripeError;
use super::plain_text::without_secrets;

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const ORIGINAL_REQUEST: HeaderName = HeaderName::from_static("original-request");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("stripe-should-retry");
const WORD_LIMIT_CHARS: usize = 64;

/// A success: the bytes of its object, and when Stripe said so by its own clock.
#[derive(Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub body: Bytes,
    /// In which shape of the API it was asked for.
    pub version: &'static str,
    pub at: Option<DateTime<Utc>>,
    pub request_id: Option<String>,
    /// It is the kept answer of an earlier request under this idempotency key.
    pub is_replayed: bool,
    pub original_request: Option<String>,
}

/// An error as Stripe says it. Its words are plain and its ids are ids; `message` is cleaned of secrets and is for
/// people only, never for a log.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ErrorAnswer {
    pub status: u16,
    /// Whether the body was one of Stripe's errors.
    pub is_readable: bool,
    /// `type`.
    pub kind: Option<String>,
    pub code: Option<String>,
    pub decline_code: Option<String>,
    /// What to do about a declined card: `confirm_card_data`, `do_not_try_again`, `try_again_later`.
    pub advice_code: Option<String>,
    pub network_decline_code: Option<String>,
    pub param: Option<String>,
    pub charge: Option<String>,
    /// An attempt to pay that failed exists all the same.
    pub payment_intent: Option<PaymentIntentInside>,
    /// Where the request waits for the merchant's approval: `areq_…`.
    pub approval_request: Option<String>,
    pub message: Option<String>,
    pub request_id: Option<String>,
    pub is_replayed: bool,
    pub original_request: Option<String>,
    pub should_retry: Option<bool>,
    pub retry_after: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentIntentInside {
    pub id: String,
    pub status: Option<String>,
}

impl Answer {
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, body: Bytes, version: &'static str) -> Self {
        Self {
            status: status.as_u16(),
            body,
            version,
            at: date(headers),
            request_id: id(headers, &REQUEST_ID),
            is_replayed: is_true(headers, &REPLAYED).unwrap_or(false),
            original_request: id(headers, &ORIGINAL_REQUEST),
        }
    }

    /// The few fields that a caller needs.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, StripeError> {
        serde_json::from_slice(&self.body)
            .map_err(|_| StripeError::Malformed("it is not of the expected form"))
    }

    /// One object of this list.
    pub(super) fn part(&self, object: &str) -> Self {
        Self { body: self.body.slice_ref(object.as_bytes()), ..self.clone() }
    }
}

impl ErrorAnswer {
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let wire = serde_json::from_slice::<Wire>(body).ok().map(|wire| wire.error);
        let is_readable = wire.as_ref().is_some_and(|error| error.kind.is_some());
        let error = wire.unwrap_or_default();
        let approval_request = [&error.approval_request, &error.id].into_iter().flatten().find_map(Link::id);
        Self {
            status: status.as_u16(),
            is_readable,
            kind: word(error.kind),
            code: word(error.code),
            decline_code: word(error.decline_code),
            advice_code: word(error.advice_code),
            network_decline_code: word(error.network_decline_code),
            param: word(error.param),
            charge: error.charge.as_ref().and_then(Link::id),
            payment_intent: error.payment_intent.as_ref().and_then(Link::inside),
            approval_request: approval_request.filter(|id| id.starts_with("areq_")),
            message: error.message.map(|text| without_secrets(&text)),
            request_id: id(headers, &REQUEST_ID),
            is_replayed: is_true(headers, &REPLAYED).unwrap_or(false),
            original_request: id(headers, &ORIGINAL_REQUEST),
            should_retry: is_true(headers, &SHOULD_RETRY),
            retry_after: retry_after(headers),
        }
    }

    /// The most exact of Stripe's words.
    pub fn word(&self) -> &str {
        let words = [&self.decline_code, &self.code, &self.kind];
        words.into_iter().flatten().map(String::as_str).next().unwrap_or("no reason given")
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("request_id", &self.request_id)
            .field("is_replayed", &self.is_replayed)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ErrorAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorAnswer")
            .field("status", &self.status)
            .field("kind", &self.kind)
            .field("code", &self.code)
            .field("decline_code", &self.decline_code)
            .field("param", &self.param)
            .field("request_id", &self.request_id)
            .field("is_replayed", &self.is_replayed)
            .field("should_retry", &self.should_retry)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Wire {
    error: WireError,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireError {
    id: Option<Link>,
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    advice_code: Option<String>,
    network_decline_code: Option<String>,
    param: Option<String>,
    charge: Option<Link>,
    payment_intent: Option<Link>,
    approval_request: Option<Link>,
    message: Option<String>,
}

/// An id, or the object itself.
#[derive(Deserialize)]
#[serde(untagged)]
enum Link {
    Id(String),
    Object { id: String, status: Option<String> },
}

impl Link {
    fn id(&self) -> Option<String> {
        let (Self::Id(id) | Self::Object { id, .. }) = self;
        is_identifier(id).then(|| id.clone())
    }

    fn inside(&self) -> Option<PaymentIntentInside> {
        let status = match self {
            Self::Id(_) => None,
            Self::Object { status, .. } => word(status.clone()),
        };
        Some(PaymentIntentInside { id: self.id()?, status })
    }
}

fn word(text: Option<String>) -> Option<String> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.[]".contains(&b);
    text.filter(|text| (1..=WORD_LIMIT_CHARS).contains(&text.len()) && text.bytes().all(is_plain))
}

fn id(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    is_identifier(text).then(|| text.to_owned())
}

fn is_true(headers: &HeaderMap, name: &HeaderName) -> Option<bool> {
    match headers.get(name)?.as_bytes() {
        b"true" => Some(true),
        b"false" => Some(false),
        _ => None,
    }
}

fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let text = headers.get(DATE)?.to_str().ok()?;
    Some(DateTime::parse_from_rfc2822(text).ok()?.to_utc())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn answered(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> ErrorAnswer {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        ErrorAnswer::of(StatusCode::from_u16(status).unwrap(), &headers.collect(), body.as_bytes())
    }

    #[test]
    fn a_declined_card_is_told_whole_and_its_payment_intent_is_kept() {
        let body = r#"{"error": {"type": "card_error", "code": "card_declined", "decline_code": "do_not_honor",
            "advice_code": "try_again_later", "network_decline_code": "05", "param": "", "charge": "ch_1",
            "message": "Your card was declined.",
            "payment_intent": {"id": "pi_1", "status": "requires_payment_method", "client_secret": "pi_1_secret_x"}}}"#;
        let answer = answered(
            402,
            &[
                ("request-id", "req_1"),
                ("idempotent-replayed", "true"),
                ("original-request", "req_0"),
                ("stripe-should-retry", "false"),
                ("retry-after", "7"),
            ],
            body,
        );
        assert_eq!((answer.word(), answer.advice_code.as_deref()), ("do_not_honor", Some("try_again_later")));
        assert_eq!(
            (answer.network_decline_code.as_deref(), answer.charge.as_deref()),
            (Some("05"), Some("ch_1"))
        );
        let inside =
            PaymentIntentInside { id: "pi_1".into(), status: Some("requires_payment_method".into()) };
        assert_eq!(answer.payment_intent, Some(inside));
        assert_eq!(
            (answer.request_id.as_deref(), answer.original_request.as_deref()),
            (Some("req_1"), Some("req_0"))
        );
        assert!(answer.is_replayed && answer.should_retry == Some(false) && answer.is_readable);
        assert_eq!((answer.retry_after, answer.param.as_deref()), (Some(Duration::from_secs(7)), None));
        assert_eq!(answer.message.as_deref(), Some("Your card was declined."));
    }

    #[test]
    fn what_is_no_error_of_stripe_is_not_read_as_one() {
        for body in ["<html>Bad request</html>", "", "{}", r#"{"error": "no"}"#, r#"{"error": {}}"#] {
            let answer = answered(400, &[], body);
            assert!(!answer.is_readable && answer.word() == "no reason given", "{body}");
        }
    }

    #[test]
    fn debug_output_shows_neither_message_nor_body() {
        let body = r#"{"error": {"type": "invalid_request_error", "message": "hunter2"}}"#;
        assert!(!format!("{:?}", answered(400, &[], body)).contains("hunter2"));
        let answer = Answer { body: Bytes::from_static(b"hunter2"), ..Answer::default() };
        assert!(!format!("{answer:?}").contains("hunter2"));
    }

    #[test]
    fn a_request_that_waits_for_approval_says_where() {
        let body = r#"{"error": {"type": "invalid_request_error", "code": "approval_required",
            "approval_request": "areq_1"}}"#;
        assert_eq!(answered(400, &[], body).approval_request.as_deref(), Some("areq_1"));
    }
}
