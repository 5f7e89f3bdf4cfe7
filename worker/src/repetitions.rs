//! Which deliveries of an event count as repetitions: new ones by Stripe. The same delivery again, after a
//! crash between commit and settle, does not count. Pure.

use envelope::{Envelope, Source};
use shared::trace::span_of;

use domain::event::EventKey;
use ledger::tables::events::{Known, Repetitions};

/// Beyond so much text further spans are counted and no longer remembered.
const SPANS_LIMIT_BYTES: usize = 4_096;

/// The repetitions among these deliveries; `known` is what the ledger has, where this is not the first time.
pub(crate) fn of(key: &EventKey, envelopes: &[&Envelope], known: Option<&Known>) -> Option<Repetitions> {
    let (first, remembered) = match known {
        Some(known) => (span_of(&known.trace_parent), known.further_deliveries.as_str()),
        None => (span_of(&envelopes.first()?.header.trace_parent), ""),
    };
    let (mut times, mut spans) = (0, String::new());
    for envelope in envelopes.iter().filter(|envelope| is_stripes(envelope)) {
        let span = span_of(&envelope.header.trace_parent);
        if span == first || remembered.contains(span) || spans.contains(span) {
            continue;
        }
        times += 1;
        if remembered.len() + spans.len() < SPANS_LIMIT_BYTES {
            spans.extend([" ", span]);
        }
    }
    (times > 0).then(|| Repetitions { key: key.clone(), times, spans })
}

/// What staff replay, or what was asked of Stripe, nobody delivered.
pub(crate) fn is_stripes(envelope: &Envelope) -> bool {
    envelope.header.replay.is_none() && matches!(envelope.header.source, Source::Stripe | Source::Unknown)
}
