//! The worker's spans: one per event, in the event's trace below its publish span, and one per batch in a trace
//! of its own, linked to its events' spans. All are reported after the commit.

use std::collections::BTreeMap;

use envelope::event_types::mode;
use envelope::{Envelope, Source};
use shared::spans::{Began, Kind, Open, Spans};
use shared::trace::{Context, child_of, span_of};

use crate::event_log::Entry;
use crate::isolated::IsolatedOutcome;

const HANDLE: &str = "handle";
const BATCH: &str = "batch";

/// A batch that was committed, with the outcomes of those of its events that were due.
pub(crate) fn batch(spans: &Spans, began: Option<Began>, envelopes: &[&Envelope], entries: &[Entry<'_>]) {
    let Some(began) = began else { return };
    let Some(trace_parent) = of_batch(spans, began, envelopes, "committed") else { return };
    let outcomes: BTreeMap<&str, &Entry<'_>> =
        entries.iter().map(|entry| (span_of(&entry.envelope.header.trace_parent), entry)).collect();
    for envelope in envelopes {
        let mut span = handle(spans, began, envelope);
        span.link(&trace_parent);
        match outcomes.get(span_of(&envelope.header.trace_parent)) {
            Some(entry) => conclude(&mut span, entry.outcome.as_str(), Some(entry.attempts)),
            None => conclude(&mut span, "repeated", None),
        }
    }
}

/// A batch that failed: each of its events is handled alone next, and has its span then.
pub(crate) fn fell_back(spans: &Spans, began: Option<Began>, envelopes: &[&Envelope]) {
    if let Some(began) = began {
        of_batch(spans, began, envelopes, "fell_back");
    }
}

/// An event that was handled by itself.
pub(crate) fn isolated(spans: &Spans, began: Option<Began>, envelope: &Envelope, isolated: &IsolatedOutcome) {
    let Some(began) = began else { return };
    let mut span = handle(spans, began, envelope);
    match isolated {
        IsolatedOutcome::Handled(handled) => {
            let outcome = match (handled.applied, handled.ignored, handled.dead) {
                (0, 0, 0) => "repeated",
                (0, 0, _) => "dead",
                (0, _, _) => "ignored",
                _ => "applied",
            };
            conclude(&mut span, outcome, handled.attempts);
        }
        IsolatedOutcome::Failed { outcome, attempts, .. } => conclude(&mut span, outcome, Some(*attempts)),
        IsolatedOutcome::NotDue { .. } => conclude(&mut span, "repeated", None),
    }
}

/// The span of a batch, where somebody wants that of one of its events; its name.
fn of_batch(spans: &Spans, began: Began, envelopes: &[&Envelope], outcome: &str) -> Option<String> {
    let is_sampled = |text: &str| Context::read(text).is_some_and(|context| context.sampled);
    if !envelopes.iter().any(|envelope| is_sampled(&envelope.header.trace_parent)) {
        return None;
    }
    let trace_parent = child_of(None);
    let mut span = spans.ended(began, BATCH, Kind::Internal, &trace_parent, None);
    span.set_number("tidegate.batch.events", i64::try_from(envelopes.len()).unwrap_or(i64::MAX));
    span.set("tidegate.outcome", outcome);
    if outcome == "fell_back" {
        span.fail();
    }
    Some(trace_parent)
}

fn handle<'s>(spans: &'s Spans, began: Began, envelope: &Envelope) -> Open<'s> {
    let header = &envelope.header;
    // Below what the gateway published; what this program fetched or replays begins its trace here.
    let parent = Some(header.trace_parent.as_str()).filter(|_| header.delivered_by() == Source::Stripe);
    let own = child_of(Context::read(&header.trace_parent).map(|_| header.trace_parent.as_str()));
    let mut span = spans.ended(began, HANDLE, Kind::Consumer, &own, parent);
    span.set("tidegate.event.id", &header.id);
    span.set("tidegate.event.type", &header.kind);
    span.set("tidegate.mode", mode(header.livemode));
    span.set("tidegate.endpoint", &header.endpoint);
    span.set("tidegate.source", header.delivered_by().as_str());
    span
}

fn conclude(span: &mut Open<'_>, outcome: &str, attempts: Option<i64>) {
    span.set("tidegate.outcome", outcome);
    if let Some(attempts) = attempts {
        span.set_number("tidegate.attempts", attempts);
    }
    if matches!(outcome, "dead" | "waiting") {
        span.fail();
    }
}
