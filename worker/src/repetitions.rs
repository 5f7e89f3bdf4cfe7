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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::DateTime;
    use domain::event::Content;
    use domain::outcome::OutcomeKind;

    use super::*;

    fn delivery() -> Envelope {
        let mut envelope = Envelope::from_wire(b"", Bytes::from_static(b"{}"), DateTime::UNIX_EPOCH);
        envelope.header.source = Source::Stripe;
        envelope.header.trace_parent = shared::trace::child_of(None);
        envelope
    }

    #[test]
    fn a_delivery_counts_once_whatever_comes_again_and_a_replay_counts_as_none() {
        let (first, second, third) = (delivery(), delivery(), delivery());
        let key = Content::of(&first).key;
        let counted = |envelopes: &[&Envelope], remembered: &str| {
            let known = Known {
                key: key.clone(),
                outcome: OutcomeKind::Applied,
                attempts: 1,
                retry_at: None,
                trace_parent: first.header.trace_parent.clone(),
                further_deliveries: remembered.to_owned(),
            };
            of(&key, envelopes, Some(&known)).map_or((0, String::new()), |found| (found.times, found.spans))
        };
        assert_eq!(counted(&[&first], "").0, 0, "it came back from a worker that died");
        let (times, spans) = counted(&[&first, &second, &second], "");
        assert_eq!((times, counted(&[&second], &spans).0), (1, 0), "the ledger remembers it");
        assert_eq!(counted(&[&second, &third], &spans).0, 1);
        let mut replayed = third.clone();
        replayed.header.replay = Some("rpl_1".to_owned());
        assert_eq!(counted(&[&replayed], &spans).0, 0);
    }
}
