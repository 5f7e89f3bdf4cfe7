//! Every bit of a head and a body, other keys, and keys that change.

use super::*;
use envelope::Source;

const ONE: &str = "0123456789abcdef0123456789abcdef";
const TWO: &str = "fedcba9876543210fedcba9876543210";

fn keys(pairs: &[(&str, &str)]) -> EnvelopeKeys {
    EnvelopeKeys::from_env(&Env::of(pairs)).unwrap()
}

fn under(key: &str) -> EnvelopeKeys {
    keys(&[("ENVELOPE_KEY", key)])
}

fn sample(body: &'static [u8]) -> Envelope {
    let mut envelope = Envelope::from_wire(b"", Bytes::from_static(body), crate::clock::now());
    envelope.header.id = "evt_1".to_owned();
    envelope.header.kind = "charge.updated".to_owned();
    envelope.header.source = Source::Stripe;
    envelope.body = Bytes::from_static(body);
    envelope
}

fn suspicion(keys: &EnvelopeKeys, head: &[u8], body: &[u8]) -> Option<Suspicion> {
    let opened = keys.open(head, Bytes::copy_from_slice(body), crate::clock::now());
    Suspicion::of_kind(&opened.header.kind)
}

#[test]
fn what_was_sealed_opens_again_and_every_flipped_bit_is_found() {
    for keys in [EnvelopeKeys::none(), under(ONE)] {
        let sent = sample(br#"{"id":"evt_1","amount":500}"#);
        let head = keys.seal(&sent).into_bytes();
        assert!(keys.open(&head, sent.body.clone(), crate::clock::now()) == sent);
        for place in 0..(head.len() + sent.body.len()) * 8 {
            let (mut head, mut body) = (head.clone(), sent.body.to_vec());
            let bit = 1 << (place % 8);
            match head.len().checked_sub(place / 8 + 1) {
                Some(_) => head[place / 8] ^= bit,
                None => body[place / 8 - head.len()] ^= bit,
            }
            assert!(suspicion(&keys, &head, &body).is_some(), "bit {place} of {keys:?}");
        }
        let odd = [&head[..head.len() - 1], &head[1..], b"", b"{}", b"\"}"];
        assert!(odd.iter().all(|head| suspicion(&keys, head, &sent.body).is_some()));
    }
}

#[test]
fn no_byte_changes_sides_and_no_body_its_head() {
    let keys = under(ONE);
    let (one, two) = (sample(b"one"), sample(b"two"));
    assert_eq!(suspicion(&keys, keys.seal(&one).as_bytes(), &two.body), Some(Suspicion::Digest));
    assert_ne!(plain(b"ab", b"c"), plain(b"a", b"bc"));
}

#[test]
fn another_key_and_none_at_all_are_found() {
    let sent = sample(b"{}");
    let (one, two, none) = (under(ONE), under(TWO), EnvelopeKeys::none());
    let by = |from: &EnvelopeKeys, to: &EnvelopeKeys| suspicion(to, from.seal(&sent).as_bytes(), &sent.body);
    assert_eq!(by(&one, &one), None);
    assert_eq!(by(&one, &two), Some(Suspicion::Digest));
    assert_eq!(by(&none, &one), Some(Suspicion::Unsigned));
    assert_eq!(by(&one, &none), Some(Suspicion::Digest), "a worker without the key cannot vouch for it");
    assert_eq!(suspicion(&one, sent.header_json().as_bytes(), &sent.body), Some(Suspicion::Unsigned));
    assert_eq!(suspicion(&one, b"", &sent.body), Some(Suspicion::Unreadable));
}

#[test]
fn two_keys_bridge_a_rotation() {
    let sent = sample(b"{}");
    let (old, new) = (under(ONE), under(TWO));
    let (old_first, new_first) = (under(&format!("{ONE},{TWO}")), under(&format!("{TWO},{ONE}")));
    for (from, to) in
        [(&old, &old_first), (&old_first, &new_first), (&new_first, &old_first), (&new_first, &new)]
    {
        assert_eq!(suspicion(to, from.seal(&sent).as_bytes(), &sent.body), None);
    }
    assert_eq!(suspicion(&new, old.seal(&sent).as_bytes(), &sent.body), Some(Suspicion::Digest));
}

#[test]
fn what_an_older_version_left_is_taken_without_a_key_and_for_a_while_with_one() {
    let sent = sample(b"{}");
    let head = sent.header_json();
    let later = (crate::clock::now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    let bridge = keys(&[("ENVELOPE_KEY", ONE), ("ENVELOPE_UNKEYED_UNTIL", &later)]);
    let closed = keys(&[("ENVELOPE_KEY", ONE), ("ENVELOPE_UNKEYED_UNTIL", "2026-01-01T00:00:00Z")]);
    let plain = EnvelopeKeys::none().seal(&sent);
    for wire in [&head, &plain] {
        assert_eq!(suspicion(&EnvelopeKeys::none(), wire.as_bytes(), &sent.body), None);
        assert_eq!(suspicion(&bridge, wire.as_bytes(), &sent.body), None);
        assert_eq!(suspicion(&closed, wire.as_bytes(), &sent.body), Some(Suspicion::Unsigned));
    }
    // A head that lost its digest is none of theirs.
    let damaged = plain.replace(r#""digest""#, r#""dygest""#);
    assert_eq!(suspicion(&bridge, damaged.as_bytes(), &sent.body), Some(Suspicion::Unsigned));
}

#[test]
fn bad_keys_are_refused_without_being_repeated() {
    let many = (0..5).map(|n| format!("{n}{ONE}")).collect::<Vec<_>>().join(",");
    let table = [
        ("0123456789abcdef0123456789abcde", "key 1 is too short"),
        ("0123456789abcdef 0123456789abcdef", "key 1 has blanks"),
        ("0000000000000000000000000000000000000000", "key 1 is a placeholder"),
        (&format!("{ONE},{ONE}"), "key 2 repeats another"),
        (&many, "more than 4 keys"),
        (",", "holds no key"),
    ];
    for (text, expected) in table {
        let problem = EnvelopeKeys::from_env(&Env::of(&[("ENVELOPE_KEY", text)])).unwrap_err();
        assert!(problem.fault.to_string().starts_with(expected), "{text}: {}", problem.fault);
        assert!(!problem.to_string().contains("0123456789abcdef0123"), "{problem}");
    }
    let both = [("ENVELOPE_KEY", ONE), ("ENVELOPE_KEY_FILE", "/x")];
    assert!(EnvelopeKeys::from_env(&Env::of(&both)).is_err());
    assert!(!format!("{:?}", under(ONE)).contains(ONE));
    let example = keys(&[("ENVELOPE_KEY", KEY.example), ("ENVELOPE_UNKEYED_UNTIL", UNKEYED_UNTIL.example)]);
    assert!(example.is_keyed());
}

#[test]
fn a_key_file_is_read_again_when_an_envelope_asks_for_it() {
    let folder = std::env::temp_dir().join(format!("tidegate-keys-{}", crate::trace::random_hex::<8>()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("key");
    std::fs::write(&path, format!("{ONE}\n")).unwrap();
    let reader = keys(&[("ENVELOPE_KEY_FILE", path.to_str().unwrap())]);
    let sent = sample(b"{}");
    let wire = under(TWO).seal(&sent);
    assert_eq!(suspicion(&reader, wire.as_bytes(), &sent.body), Some(Suspicion::Digest));
    let long_ago = |keys: &EnvelopeKeys| {
        let past = Instant::now().checked_sub(LOOK_PAUSE * 2).unwrap();
        keys.0.file.as_ref().unwrap().last.lock().unwrap().at = past;
    };
    std::fs::write(&path, "short").unwrap();
    long_ago(&reader);
    assert_eq!(suspicion(&reader, wire.as_bytes(), &sent.body), Some(Suspicion::Digest));
    assert_eq!(
        suspicion(&reader, under(ONE).seal(&sent).as_bytes(), &sent.body),
        None,
        "the former stay in use"
    );
    std::fs::write(&path, format!("{TWO}\n{ONE}\n")).unwrap();
    long_ago(&reader);
    assert_eq!(suspicion(&reader, wire.as_bytes(), &sent.body), None);
    std::fs::remove_dir_all(&folder).unwrap();
}
