//! Every answer of the gateway, in one place, except those that hyper gives by itself (400, 414, 431).

use bytes::Bytes;
use envelope::Unwanted;
use http_body_util::Full;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use shared::http::body::BodyFault;
use shared::http::framing::Misframed;
use shared::queue::PublishError;

use crate::event::NotAnEvent;
use crate::signature::Refusal;

pub(crate) type HttpResponse = Response<Full<Bytes>>;

/// What came of a webhook. Accepted is durable; everything else is for Stripe to send again, or for nobody.
pub(crate) type Outcome = Result<Option<Unwanted>, Rejection>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    Signature(Refusal),
    NotAnEvent(NotAnEvent),
    TooLarge,
    SlowBody,
    BrokenBody,
    Encoded,
    Unavailable(Unavailable),
}

/// Why nothing can be promised now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    Publish(PublishError),
    /// The whole answer took too long.
    AnswerDeadline,
    /// The queue broke: this process ends.
    QueueBroken,
    /// Bodies take as much memory as they may.
    NoRoom,
}

/// Labels of outcomes, all of them. `abandoned`: the sender went away before its answer.
pub(crate) const OUTCOMES: [&str; 11] = [
    "accepted",
    "wrong_mode",
    "wrong_account",
    "refused",
    "not_an_event",
    "too_large",
    "slow_body",
    "broken_body",
    "encoded",
    "unavailable",
    ABANDONED,
];
pub(crate) const ABANDONED: &str = "abandoned";

pub(crate) fn label(outcome: &Outcome) -> &'static str {
    match outcome {
        Ok(None) => "accepted",
        Ok(Some(Unwanted::WrongMode)) => "wrong_mode",
        Ok(Some(Unwanted::WrongAccount)) => "wrong_account",
        Err(Rejection::Signature(_)) => "refused",
        Err(Rejection::NotAnEvent(_)) => "not_an_event",
        Err(Rejection::TooLarge) => "too_large",
        Err(Rejection::SlowBody) => "slow_body",
        Err(Rejection::BrokenBody) => "broken_body",
        Err(Rejection::Encoded) => "encoded",
        Err(Rejection::Unavailable(_)) => "unavailable",
    }
}

pub(crate) fn of(outcome: &Outcome) -> HttpResponse {
    match outcome {
        Ok(_) => json(StatusCode::OK, r#"{"received":true}"#),
        Err(Rejection::Signature(_)) => json(StatusCode::BAD_REQUEST, r#"{"error":"signature refused"}"#),
        Err(Rejection::NotAnEvent(_)) => json(StatusCode::BAD_REQUEST, r#"{"error":"not a Stripe event"}"#),
        Err(Rejection::BrokenBody) => json(StatusCode::BAD_REQUEST, r#"{"error":"broken body"}"#),
        Err(Rejection::TooLarge) => json(StatusCode::PAYLOAD_TOO_LARGE, r#"{"error":"body too large"}"#),
        Err(Rejection::SlowBody) => json(StatusCode::REQUEST_TIMEOUT, r#"{"error":"body too slow"}"#),
        Err(Rejection::Encoded) => {
            json(StatusCode::UNSUPPORTED_MEDIA_TYPE, r#"{"error":"content encoding not supported"}"#)
        }
        Err(Rejection::Unavailable(_)) => {
            let mut answer = json(StatusCode::SERVICE_UNAVAILABLE, r#"{"error":"unavailable, send again"}"#);
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            answer
        }
    }
}

pub(crate) fn healthy() -> HttpResponse {
    json(StatusCode::OK, concat!(r#"{"status":"ok","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#))
}

/// For requests that are none by RFC 9112, though hyper takes them.
pub(crate) fn misframed(fault: Misframed) -> HttpResponse {
    match fault {
        Misframed::Host => json(StatusCode::BAD_REQUEST, r#"{"error":"not one good host"}"#),
        Misframed::ChunkedTwice => json(StatusCode::BAD_REQUEST, r#"{"error":"chunked more than once"}"#),
        Misframed::UnknownCoding => {
            json(StatusCode::NOT_IMPLEMENTED, r#"{"error":"transfer coding not supported"}"#)
        }
    }
}

pub(crate) fn not_found() -> HttpResponse {
    json(StatusCode::NOT_FOUND, r#"{"error":"not found"}"#)
}

pub(crate) fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    let mut answer = json(StatusCode::METHOD_NOT_ALLOWED, r#"{"error":"method not allowed"}"#);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// For a connection too many, written without waiting for its request.
pub(crate) const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/json\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 35\r\n\r\n\
    {\"error\":\"unavailable, send again\"}";

/// Ends the connection after this answer: what follows on it could be read in more than one way.
pub(crate) fn closing(mut answer: HttpResponse) -> HttpResponse {
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn json(status: StatusCode, body: &'static str) -> HttpResponse {
    let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

impl Unavailable {
    /// A label for metrics and log, from a closed set.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Publish(error) => error.label(),
            Self::AnswerDeadline => "answer_deadline",
            Self::QueueBroken => "queue_broken",
            Self::NoRoom => "no_room",
        }
    }
}

impl Rejection {
    /// The finest reason there is, for the log.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Signature(refusal) => refusal.label(),
            Self::NotAnEvent(NotAnEvent(reason)) => reason,
            Self::TooLarge => "the body is over the limit",
            Self::SlowBody => "the body did not arrive in time",
            Self::BrokenBody => "the body was cut off or badly framed",
            Self::Encoded => "the body has a content encoding",
            Self::Unavailable(why) => why.label(),
        }
    }
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        Self::Signature(refusal)
    }
}

impl From<NotAnEvent> for Rejection {
    fn from(fault: NotAnEvent) -> Self {
        Self::NotAnEvent(fault)
    }
}

impl From<BodyFault> for Rejection {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::TooLarge,
            BodyFault::Slow => Self::SlowBody,
            BodyFault::Broken => Self::BrokenBody,
            BodyFault::NoRoom => Self::Unavailable(Unavailable::NoRoom),
        }
    }
}

impl From<Unavailable> for Rejection {
    fn from(why: Unavailable) -> Self {
        Self::Unavailable(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_connection_too_many_states_its_length_rightly() {
        let text = std::str::from_utf8(TOO_MANY_CONNECTIONS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
    }

    #[test]
    fn every_refusal_of_a_signature_is_answered_alike() {
        let answers = Refusal::ALL.map(|refusal| format!("{:?}", of(&Err(refusal.into()))));
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    }

    #[test]
    fn only_what_is_durable_is_answered_with_success() {
        let rejections = [
            Rejection::Signature(Refusal::WrongMac),
            Rejection::NotAnEvent(NotAnEvent("")),
            Rejection::TooLarge,
            Rejection::SlowBody,
            Rejection::BrokenBody,
            Rejection::Encoded,
            Rejection::Unavailable(Unavailable::AnswerDeadline),
        ];
        for rejection in rejections {
            assert!(!of(&Err(rejection)).status().is_success(), "{rejection:?}");
        }
    }
}
