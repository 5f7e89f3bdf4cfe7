//! What a queue carries: a head with its digest, and a body. Whoever writes to the queue writes anything.

use std::sync::OnceLock;

use bytes::Bytes;
use envelope::hex::hex;
use envelope::suspect::{self, Suspicion};
use envelope::{Envelope, Header, Source, UNTRACED, is_identifier};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use shared::digest::EnvelopeKeys;
use shared::env::Env;

use super::now;

/// Two bytes say how the rest is used, two how long the head is.
const PREFIX_BYTES: usize = 4;
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// What opens is what somebody sealed; all else is a suspect that has kept every byte.
pub(super) fn envelope(data: &[u8]) {
    let Some((prefix, rest)) = data.split_first_chunk::<PREFIX_BYTES>() else { return };
    let [flags, mask, high, low] = *prefix;
    let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
    let (head, body) = (&rest[..length], Bytes::copy_from_slice(&rest[length..]));
    let keys = keys(flags & 1 == 1);
    let opened = keys.open(head, body.clone(), now());
    if is_suspect(&opened) {
        let (kept_head, kept_body) = suspect::found(&opened).expect("a suspect has its bytes");
        assert!(kept_head == head && kept_body == body, "a suspect lost bytes");
    } else {
        // Older versions wrote no digest; who has a key takes none of these.
        let is_older = !keys.is_keyed() && is_without_digest(head);
        assert!(is_sealed(head, &body, keys.is_keyed()) || is_older, "what nobody sealed is taken");
        assert!(is_identifier(&opened.header.id));
    }
    // Under whatever name it is kept, it can be sealed and opened again.
    back(keys, &opened, mask);
    if let Ok(header) = serde_json::from_slice::<Header>(head)
        && is_identifier(&header.id)
        && (header.account.is_empty() || is_identifier(&header.account))
    {
        back(keys, &Envelope { header, body: body.clone() }, mask);
    }
    let mut odd = Suspicion::Head.envelope(head, &body, now());
    odd.body = body;
    suspect::found(&odd);
}

/// An envelope survives the way through the queue, and no changed byte does.
fn back(keys: &EnvelopeKeys, envelope: &Envelope, mask: u8) {
    let sealed = keys.seal(envelope);
    assert!(
        keys.open(sealed.as_bytes(), envelope.body.clone(), now()) == *envelope,
        "it came back otherwise"
    );
    let mask = mask.max(1);
    let (mut head, mut body) = (sealed.into_bytes(), envelope.body.to_vec());
    let place = usize::from(mask) * 7 % (head.len() + body.len());
    match place.checked_sub(head.len()) {
        None => head[place] ^= mask,
        Some(place) => body[place] ^= mask,
    }
    let opened = keys.open(&head, body.into(), now());
    assert!(is_suspect(&opened), "a changed byte is not noticed");
    assert!(opened.header.id != envelope.header.id, "a suspect takes an event's place");
}

fn is_suspect(envelope: &Envelope) -> bool {
    // The kind alone can be anybody's; a suspect has this source beside it.
    Suspicion::of_kind(&envelope.header.kind).is_some()
        && envelope.header.source == Source::Unknown
        && envelope.header.id.starts_with("suspect_")
        && suspect::found(envelope).is_some()
}

fn keys(is_keyed: bool) -> &'static EnvelopeKeys {
    static KEYS: OnceLock<[EnvelopeKeys; 2]> = OnceLock::new();
    let [plain, keyed] = KEYS.get_or_init(|| {
        let env = Env::of(&[("ENVELOPE_KEY", KEY)]);
        [EnvelopeKeys::none(), EnvelopeKeys::from_env(&env).expect("a key")]
    });
    if is_keyed { keyed } else { plain }
}

/// Whether the head ends with the digest over itself and the body, computed without the product's code.
fn is_sealed(head: &[u8], body: &[u8], is_keyed: bool) -> bool {
    let name = if is_keyed { "hmac-sha256" } else { "sha256" };
    let end = |digest: &str| format!(r#","digest":"{name}:{digest}"}}"#);
    let end_bytes = end(&"0".repeat(64)).len();
    let Some(covered) = head.len().checked_sub(end_bytes).map(|at| &head[..at]) else { return false };
    let covering = [&(covered.len() as u64).to_be_bytes(), covered, body].concat();
    let digest = if is_keyed {
        let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("HMAC takes keys of every length");
        hex(&mac.chain_update(&covering).finalize().into_bytes())
    } else {
        hex(&Sha256::digest(&covering))
    };
    head.ends_with(end(&digest).as_bytes())
}

fn is_without_digest(head: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(head).is_ok_and(|head| head.get("digest").is_none())
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let header = Header {
        id: "evt_1".to_owned(),
        kind: "charge.updated".to_owned(),
        created: 1_700_000_000,
        account: "acct_1".to_owned(),
        livemode: true,
        api_version: Some("2025-04-30.basil".to_owned()),
        received_at: now(),
        trace_parent: UNTRACED.to_owned(),
        source: Source::Stripe,
        endpoint: "default".to_owned(),
        unwanted: Some(envelope::Unwanted::WrongMode),
        replay: Some("rep_1".to_owned()),
    };
    let whole = Envelope { header, body: Bytes::from_static(b"{\"id\":\"evt_1\"}") };
    let mut seeds = Vec::new();
    for (flags, keys) in [(0, keys(false)), (1, keys(true))] {
        for head in [whole.header_json(), keys.seal(&whole)] {
            let length = u16::try_from(head.len()).expect("a short head").to_be_bytes();
            let (length, body) = (&length[..], &whole.body[..]);
            seeds.push([&[flags, 5], length, head.as_bytes(), body].concat());
        }
    }
    seeds.push([&[0, 1, 0, 0][..], &Suspicion::Digest.envelope(b"head", b"body", now()).body].concat());
    seeds
}
