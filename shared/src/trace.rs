//! W3C trace context: the trace of a delivery, and the delivery's own span.

use std::cell::RefCell;

use envelope::hex::hex;

/// What a thread draws at once: enough for some forty traces.
const DRAWN_BYTES: usize = 1_024;

/// A `traceparent` that is well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    pub trace_id: &'a str,
    pub span_id: &'a str,
    /// Whether the process that began the trace wants its spans kept.
    pub sampled: bool,
}

impl<'a> Context<'a> {
    pub fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace_id, span_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str, len: usize| {
            text.len() == len && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let is_zero = |text: &str| text.bytes().all(|b| b == b'0');
        let well_formed = version == "00" && hex(trace_id, 32) && hex(span_id, 16) && hex(flags, 2);
        if !well_formed || parts.next().is_some() || is_zero(trace_id) || is_zero(span_id) {
            return None;
        }
        let sampled = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
        Some(Self { trace_id, span_id, sampled })
    }
}

/// A child of the given `traceparent`, sampled as that one is, or a new trace where it is missing or malformed.
/// The span id is random, hence the delivery's own.
pub fn child_of(parent: Option<&str>) -> String {
    match parent.and_then(Context::read) {
        Some(Context { trace_id, sampled, .. }) => {
            format!("00-{trace_id}-{}-0{}", distinct_hex::<8>(), u8::from(sampled))
        }
        None => format!("00-{}-{}-01", distinct_hex::<16>(), distinct_hex::<8>()),
    }
}

/// The span of a delivery: its own name.
pub fn span_of(trace_parent: &str) -> &str {
    trace_parent.split('-').nth(2).unwrap_or_default()
}

/// The trace of a delivery.
pub fn trace_id_of(trace_parent: &str) -> &str {
    trace_parent.split('-').nth(1).unwrap_or_default()
}

/// Random bytes of the operating system, as hex.
pub fn random_hex<const BYTES: usize>() -> String {
    let mut bytes = [0_u8; BYTES];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    hex(&bytes)
}

/// Random bytes for names that need only be distinct, as hex: drawn from the operating system for many names at once,
/// because asking it costs more than all the rest.
fn distinct_hex<const BYTES: usize>() -> String {
    thread_local! {
        static DRAWN: RefCell<([u8; DRAWN_BYTES], usize)> = const { RefCell::new(([0; DRAWN_BYTES], DRAWN_BYTES)) };
    }
    let mut bytes = [0_u8; BYTES];
    DRAWN.with_borrow_mut(|(drawn, used)| {
        if *used + BYTES > DRAWN_BYTES {
            getrandom::fill(drawn).expect("the operating system gives random bytes");
            *used = 0;
        }
        bytes.copy_from_slice(&drawn[*used..*used + BYTES]);
        *used += BYTES;
    });
    hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_keeps_the_trace_and_has_a_span_of_its_own() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let (one, two) = (child_of(Some(parent)), child_of(Some(parent)));
        assert!(one.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && one.len() == parent.len());
        assert_ne!(one, two);
    }

    #[test]
    fn a_child_is_sampled_as_its_parent_is() {
        for (flags, sampled) in [("00", false), ("01", true), ("02", false), ("03", true)] {
            let parent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
            let child = child_of(Some(&parent));
            assert_eq!(Context::read(&child).unwrap().sampled, sampled, "{flags}");
        }
        assert!(Context::read(&child_of(None)).unwrap().sampled);
        assert!(Context::read(envelope::UNTRACED).is_none());
    }

    #[test]
    fn a_malformed_parent_begins_a_new_trace() {
        for bad in
            ["", "00", "00-xyz-1-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "é-é-é-é"]
        {
            assert_eq!(child_of(Some(bad)).len(), envelope::UNTRACED.len());
        }
    }
}
