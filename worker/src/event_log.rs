//! One log line per event with an outcome, after the commit: type, outcome and duration.

use chrono::{DateTime, Utc};
use envelope::Envelope;
use envelope::event_types::mode;
use shared::trace::trace_id_of;

use domain::outcome::Outcome;

/// An event whose outcome is about to be committed.
pub(crate) struct Entry<'a> {
    pub(crate) envelope: &'a Envelope,
    pub(crate) outcome: Outcome,
    /// How often it was tried, with this time.
    pub(crate) attempts: i64,
}

/// Says what was committed. The reason of an outcome names fields and never quotes a body.
pub(crate) fn write(entries: &[Entry<'_>], now: DateTime<Utc>) {
    for Entry { envelope, outcome, .. } in entries {
        let header = &envelope.header;
        let account = Some(header.account.as_str()).filter(|account| !account.is_empty());
        tracing::info!(
            event_id = header.id,
            event_type = header.kind,
            outcome = outcome.as_str(),
            reason = outcome.reason(),
            mode = mode(header.livemode),
            account,
            api_version = header.api_version,
            source = header.delivered_by().as_str(),
            endpoint = header.endpoint,
            replay = header.replay,
            latency_ms = (now - header.received_at).num_milliseconds(),
            trace_id = trace_id_of(&header.trace_parent),
            "event handled"
        );
    }
}
