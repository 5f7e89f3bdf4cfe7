//! The gateway's spans: one per webhook, from its head to its answer, and below it the publish span, whose id
//! travels with the event. Abandoned webhooks have a span too.

use envelope::Header;
use envelope::event_types;
use hyper::StatusCode;
use hyper::header::HeaderMap;
use shared::spans::{Kind, Open, Spans};

use crate::endpoints::Endpoint;
use crate::responses::{self, ABANDONED, Outcome, Unavailable};

const TRACE_PARENT: &str = "traceparent";

/// What the sender says of its own trace.
pub(crate) fn sender(headers: &HeaderMap) -> Option<&str> {
    headers.get(TRACE_PARENT)?.to_str().ok()
}

/// A webhook under way.
pub(crate) struct Webhook<'g> {
    span: Open<'g>,
    outcome: &'static str,
}

impl<'g> Webhook<'g> {
    pub(crate) fn begin(spans: &'g Spans, endpoint: &Endpoint, headers: &HeaderMap) -> Self {
        let mut span = spans.enter("webhook", Kind::Server, || sender(headers));
        span.set("tidegate.endpoint", &endpoint.name);
        span.set("http.request.method", "POST");
        Self { span, outcome: ABANDONED }
    }

    /// `None` where no spans are exported.
    pub(crate) fn trace_parent(&self) -> Option<&str> {
        self.span.trace_parent()
    }

    pub(crate) fn end(mut self, outcome: &Outcome, status: StatusCode) {
        self.outcome = responses::label(outcome);
        self.span.set_number("http.response.status_code", i64::from(status.as_u16()));
        if status.is_server_error() {
            self.span.fail();
        }
    }
}

impl Drop for Webhook<'_> {
    fn drop(&mut self) {
        self.span.set("tidegate.outcome", self.outcome);
        if self.outcome != "accepted" {
            self.span.yields();
        }
    }
}

/// Publishing an event: until `published` is told, it was cut short.
pub(crate) fn publish<'g>(spans: &'g Spans, header: &Header, webhook: Option<&str>) -> Open<'g> {
    let mut span = spans.open("publish", Kind::Producer, &header.trace_parent, webhook);
    span.set("tidegate.event.id", &header.id);
    span.set("tidegate.event.type", &header.kind);
    span.set("tidegate.mode", event_types::mode(header.livemode));
    span.set("tidegate.endpoint", &header.endpoint);
    span
}

pub(crate) fn published(mut span: Open<'_>, result: Result<(), Unavailable>) {
    span.set("tidegate.outcome", result.map_or_else(Unavailable::label, |()| "confirmed"));
    if result.is_err() {
        span.fail();
    }
}
