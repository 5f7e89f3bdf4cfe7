//! Spans as OTLP JSON: ids as hex, enums as numbers, 64-bit numbers as strings. Collectors accept it at
//! `/v1/traces`; stable since OTLP 1.0.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::trace::Context;

/// The role of a span in a conversation; the numbers are OTLP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Internal = 1,
    Server = 2,
    Producer = 4,
    Consumer = 5,
}

#[derive(Debug)]
pub(super) struct Span {
    name: &'static str,
    kind: Kind,
    trace: String,
    id: String,
    pub(super) parent: Option<String>,
    pub(super) start: DateTime<Utc>,
    pub(super) lasted: Duration,
    pub(super) attributes: Vec<(&'static str, Value)>,
    /// A `traceparent`.
    pub(super) link: Option<String>,
    pub(super) failed: bool,
    pub(super) yields: bool,
}

#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    Number(i64),
}

impl Span {
    pub(super) fn new(
        name: &'static str,
        kind: Kind,
        own: Context<'_>,
        parent: Option<&str>,
        start: DateTime<Utc>,
    ) -> Self {
        Self {
            name,
            kind,
            trace: own.trace_id.to_owned(),
            id: own.span_id.to_owned(),
            parent: parent.and_then(Context::read).map(|parent| parent.span_id.to_owned()),
            start,
            lasted: Duration::ZERO,
            attributes: Vec::with_capacity(8),
            link: None,
            failed: false,
            yields: false,
        }
    }
}

/// The process that spans are of.
pub(super) struct Resource {
    pub(super) service: String,
    /// Random: two processes of one service are two.
    pub(super) instance: String,
}

/// One request's body.
pub(super) fn encode(resource: &Resource, spans: &[Span]) -> Vec<u8> {
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    let of_process = [
        text("service.name", &resource.service),
        text("service.version", VERSION),
        text("service.instance.id", &resource.instance),
    ];
    let scope_spans = [ScopeSpans {
        scope: Scope { name: "tidegate", version: VERSION },
        spans: spans.iter().map(WireSpan::of).collect(),
    }];
    let request = Request {
        resource_spans: [ResourceSpans { resource: WireResource { attributes: &of_process }, scope_spans }],
    };
    serde_json::to_vec(&request).expect("strings and numbers always encode")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: WireResource<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct WireResource<'a> {
    attributes: &'a [Attribute<'a>],
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: Vec<WireSpan<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireSpan<'a> {
    trace_id: &'a str,
    span_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<&'a str>,
    name: &'static str,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<[Link<'a>; 1]>,
    status: Status,
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'static str,
    value: WireValue<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum WireValue<'a> {
    StringValue(&'a str),
    IntValue(String),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link<'a> {
    trace_id: &'a str,
    span_id: &'a str,
}

#[derive(Serialize)]
struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u8>,
}

const ERROR: u8 = 2;

impl<'a> WireSpan<'a> {
    fn of(span: &'a Span) -> Self {
        let start = i128::from(span.start.timestamp_micros()) * 1_000;
        let end = start + i128::try_from(span.lasted.as_nanos()).unwrap_or_default();
        let link = span.link.as_deref().and_then(Context::read);
        Self {
            trace_id: &span.trace,
            span_id: &span.id,
            parent_span_id: span.parent.as_deref(),
            name: span.name,
            kind: span.kind as u8,
            start_time_unix_nano: start.to_string(),
            end_time_unix_nano: end.to_string(),
            attributes: span.attributes.iter().map(|(key, value)| attribute(key, value)).collect(),
            links: link.map(|link| [Link { trace_id: link.trace_id, span_id: link.span_id }]),
            status: Status { code: span.failed.then_some(ERROR) },
        }
    }
}

fn attribute<'a>(key: &'static str, value: &'a Value) -> Attribute<'a> {
    match value {
        Value::Text(value) => text(key, value),
        Value::Number(number) => Attribute { key, value: WireValue::IntValue(number.to_string()) },
    }
}

fn text<'a>(key: &'static str, value: &'a str) -> Attribute<'a> {
    Attribute { key, value: WireValue::StringValue(value) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_span_has_the_form_of_otlp() {
        let own = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let start = DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap();
        let parent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b6-01");
        let mut span = Span::new("handle", Kind::Consumer, Context::read(own).unwrap(), parent, start);
        span.lasted = Duration::from_nanos(1_500);
        span.attributes.push(("tidegate.attempts", Value::Number(2)));
        span.link = Some("00-00000000000000000000000000000001-0000000000000001-01".to_owned());
        span.failed = true;
        let resource = Resource { service: "tidegate-worker".to_owned(), instance: "1".to_owned() };
        let told: serde_json::Value = serde_json::from_slice(&encode(&resource, &[span])).unwrap();
        assert_eq!(
            told.pointer("/resourceSpans/0/resource/attributes/0").unwrap(),
            &json!({ "key": "service.name", "value": { "stringValue": "tidegate-worker" } })
        );
        let expected = json!({
            "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7",
            "parentSpanId": "00f067aa0ba902b6", "name": "handle", "kind": 5,
            "startTimeUnixNano": "1700000000000001000", "endTimeUnixNano": "1700000000000002500",
            "attributes": [{ "key": "tidegate.attempts", "value": { "intValue": "2" } }],
            "links": [{ "traceId": "00000000000000000000000000000001", "spanId": "0000000000000001" }],
            "status": { "code": 2 },
        });
        assert_eq!(told.pointer("/resourceSpans/0/scopeSpans/0/spans/0").unwrap(), &expected);
    }
}
