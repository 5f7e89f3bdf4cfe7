//! Random input against what reads it first: the header's parser, held to a second reading of the grammar
//! that shares nothing with it, and the reader of what a queue carried.

use bytes::Bytes;
use envelope::{Envelope, Source, is_identifier};
use gateway::event::Head;
use gateway::signature::Signature;
use proptest::collection::vec;
use proptest::prelude::*;

/// The grammar once more, as slowly and as plainly as it can be said. `None`: refused.
fn reference(header: &[u8]) -> Option<(i64, Vec<Vec<u8>>)> {
    if header.len() > 2048 || header.iter().any(|byte| *byte > 127) {
        return None;
    }
    let text: String = header.iter().map(|byte| char::from(*byte)).collect();
    let elements: Vec<&str> = text.split(',').collect();
    if elements.len() > 16 {
        return None;
    }
    let mut pairs = Vec::new();
    for element in elements {
        let position = element.find('=')?;
        if position == 0 {
            return None;
        }
        pairs.push((&element[..position], &element[position + 1..]));
    }
    let times: Vec<&str> = pairs.iter().filter(|(key, _)| *key == "t").map(|(_, value)| *value).collect();
    let [time] = times[..] else { return None };
    let number: i64 = time.parse().ok()?;
    if number.to_string() != time || !(1..=99_999_999_999).contains(&number) {
        return None;
    }
    let macs: Vec<Vec<u8>> =
        pairs.iter().filter(|(key, _)| *key == "v1").filter_map(|(_, value)| hex(value)).collect();
    (1..=8).contains(&macs.len()).then_some((number, macs))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let bytes = bytes.filter(|bytes| bytes.len() == 32 && text.len() == 64)?;
    let again = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    (again == text).then_some(bytes)
}

/// Headers that are nearly right: good parts and odd ones, in any number and order.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof![4 => Just("t"), 4 => Just("v1"), 1 => Just("v0"), 1 => Just(""), 1 => Just(" t")];
    let value = prop_oneof![
        4 => "[1-9][0-9]{0,11}",
        4 => "[0-9a-f]{64}",
        1 => "[0-9a-fA-F]{63,65}",
        1 => "[0-9+-]{0,13}",
        1 => "\\PC{0,4}",
    ];
    let element = prop_oneof![
        12 => (key, value).prop_map(|(key, value)| format!("{key}={value}")),
        1 => "[ -~]{0,8}",
    ];
    vec(element, 0..18).prop_map(|elements| elements.join(",").into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_parser_accepts_what_the_grammar_accepts(header in prop_oneof![nearly(), vec(any::<u8>(), 0..300)]) {
        let parsed = Signature::parse(&header).ok();
        let got = parsed.map(|s| (s.time(), s.candidates().iter().map(|mac| mac.to_vec()).collect::<Vec<_>>()));
        prop_assert_eq!(got, reference(&header));
    }

    #[test]
    fn one_time_and_one_mac_are_always_accepted(time in 1..=99_999_999_999_i64, mac in "[0-9a-f]{64}", first: bool) {
        let (t, v1) = (format!("t={time}"), format!("v1={mac}"));
        let header = if first { format!("{t},{v1}") } else { format!("{v1},{t}") };
        prop_assert!(reference(header.as_bytes()).is_some());
        prop_assert_eq!(Signature::parse(header.as_bytes()).unwrap().time(), time);
    }

    #[test]
    fn a_changed_byte_of_a_header_changes_what_is_read_or_refuses_it(
        mac in "[0-9a-f]{64}", position in 0..79_usize, byte: u8,
    ) {
        let good = format!("t=1700000000,v1={mac}").into_bytes();
        let mut changed = good.clone();
        changed[position] = byte;
        prop_assume!(changed != good);
        let (good, changed) = (Signature::parse(&good).unwrap(), Signature::parse(&changed));
        prop_assert!(changed.map_or(true, |changed| changed != good));
    }

    #[test]
    fn no_message_of_a_queue_is_lost_or_gets_an_odd_key(
        header in prop_oneof![vec(any::<u8>(), 0..200), header_json().prop_map(String::into_bytes)],
        body in vec(any::<u8>(), 0..200),
    ) {
        let envelope = Envelope::from_wire(&header, Bytes::from(body.clone()), shared::clock::now());
        prop_assert!(envelope.body.ends_with(&body));
        prop_assert!(is_identifier(&envelope.header.id));
        prop_assert!(envelope.header.account.is_empty() || is_identifier(&envelope.header.account));
        let again = Envelope::from_wire(
            envelope.header_json().as_bytes(), envelope.body.clone(), shared::clock::now(),
        );
        prop_assert!(again == envelope, "what was read once is read again the same");
        if serde_json::from_slice::<serde_json::Value>(&header).is_err() {
            prop_assert_eq!(envelope.header.source, Source::Unknown);
        }
    }

    #[test]
    fn the_head_of_an_event_never_panics_and_has_keys_that_both_databases_take(body in event_json()) {
        if let Ok(head) = Head::read(body.as_bytes()) {
            prop_assert!(is_identifier(&head.id));
            prop_assert!(head.account.is_empty() || is_identifier(&head.account));
            prop_assert!(!head.kind.is_empty() && head.kind.len() <= 120);
            prop_assert!((0..=253_402_300_799).contains(&head.created));
        }
    }
}

fn header_json() -> impl Strategy<Value = String> {
    let id = prop_oneof!["evt_[a-zA-Z0-9]{1,20}", "\\PC{0,10}", Just("a\\u0000b".to_owned())];
    let time = prop_oneof![Just("2026-01-02T03:04:05.123456Z"), Just("yesterday")];
    let more = prop_oneof![
        Just(""),
        Just(",\"unwanted\":\"wrong_mode\""),
        Just(",\"account\":\"acct_1\""),
        Just(",\"account\":\"a b\""),
        Just(",\"source\":\"replay\""),
        Just(",\"source\":\"elsewhere\""),
    ];
    (id, any::<i64>(), time, more).prop_map(|(id, created, time, more)| {
        format!(
            "{{\"id\":\"{id}\",\"type\":\"a.b\",\"created\":{created},\"livemode\":true,\
             \"received_at\":\"{time}\",\"trace_parent\":\"00\"{more}}}"
        )
    })
}

fn event_json() -> impl Strategy<Value = String> {
    let object = prop_oneof![Just("event"), Just("v2.core.event"), Just("charge")];
    let text =
        || prop_oneof!["[a-z_.]{1,10}", "\\PC{0,6}", Just("\\ud800".to_owned()), Just("\\u0000".to_owned())];
    let created = prop_oneof![
        any::<i64>().prop_map(|seconds| seconds.to_string()),
        Just("1700000000".to_owned()),
        Just("1e9".to_owned()),
        Just("\"2026-01-02T03:04:05Z\"".to_owned()),
        Just("\"+262142-01-01T00:00:00Z\"".to_owned()),
        Just("[]".to_owned()),
    ];
    (object, text(), text(), created, text(), "\\PC{0,3}").prop_map(
        |(object, id, kind, created, account, end)| {
            format!(
                "{{\"object\":\"{object}\",\"id\":\"{id}\",\"type\":\"{kind}\",\"created\":{created},\
             \"account\":\"{account}\",\"livemode\":false}}{end}"
            )
        },
    )
}
