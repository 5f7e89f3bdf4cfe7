//! Events as Stripe sends them, made before any clock runs: a shop's mix in its order, 3 to 4 KB each, every one
//! with its own id and a good signature.

use std::io::Write as _;

use envelope::hex::hex;
use harness::histories::SampleEvent;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use stripe_sim::Random;

use crate::measure::sample::to_float;
use crate::mix::Mix;

/// What most of Stripe's events about payments have at least; shorter ones get more metadata, as merchants send it.
const LENGTHS_BYTES: std::ops::Range<u64> = 3_000..3_900;
/// Stripe takes values of up to 500 characters.
const VALUE_CHARS: usize = 120;
const ID_BYTES: usize = 28; // evt_ and 24 letters and digits
const MAC_DIGITS: usize = 64;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789Aa";

/// An endless source of distinct events.
pub struct Events {
    mix: Mix,
    random: Random,
}

impl Events {
    pub fn new() -> Self {
        Self::of_seed(Random::new_seed())
    }

    /// The same events every time.
    pub fn of_seed(seed: u64) -> Self {
        Self { mix: Mix::of_seed(seed), random: Random::of_seed(!seed) }
    }

    /// So many events in the order in which they happen.
    pub fn take(&mut self, count: usize) -> Vec<SampleEvent> {
        let events = self.mix.take(count);
        events.into_iter().map(|event| self.at_length(event)).collect()
    }

    fn at_length(&mut self, event: SampleEvent) -> SampleEvent {
        let wanted = usize::try_from(self.random.within(LENGTHS_BYTES)).expect("small");
        if event.body.len() >= wanted {
            return event;
        }
        let mut body: Value = serde_json::from_slice(&event.body).expect("events are JSON");
        let mut missing = wanted - event.body.len();
        for number in 1..=50 {
            let metadata = &mut body["data"]["object"]["metadata"];
            if metadata.is_null() {
                *metadata = json!({});
            }
            let chars = missing.clamp(8, VALUE_CHARS);
            metadata[format!("attribution_{number:02}")] = json!(self.text(chars));
            missing = missing.saturating_sub(chars + 36);
            if missing == 0 {
                break;
            }
        }
        let body = serde_json::to_vec_pretty(&body).expect("a JSON value always encodes");
        SampleEvent { body: body.into(), ..event }
    }

    /// What merchants put into metadata: ids and names, hardly compressible.
    fn text(&mut self, chars: usize) -> String {
        (0..chars).map(|_| char::from(ALPHABET[(self.random.number() % 64) as usize])).collect()
    }
}

/// Whole requests in one piece of memory, ready to be written to a socket.
pub struct Requests {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    mac: Hmac<Sha256>,
    random: Random,
}

#[derive(Clone, Copy)]
struct Span {
    begin: usize,
    /// Where the digits of `t=` stand.
    time: usize,
    body: usize,
    id: usize,
    end: usize,
}

impl Requests {
    /// Requests for these events, repeated until there are so many; each gets its own id with every `stamp`.
    pub fn new(events: &[SampleEvent], count: usize, secret: &str) -> Self {
        let mean = events.iter().map(|event| event.body.len()).sum::<usize>() / events.len().max(1);
        let mut bytes = Vec::with_capacity(count * (mean + 512));
        let mut spans = Vec::with_capacity(count);
        for event in events.iter().cycle().take(count) {
            assert_eq!(event.id.len(), ID_BYTES, "ids are replaced in place");
            let begin = bytes.len();
            write!(
                bytes,
                "POST /webhooks/stripe HTTP/1.1\r\nhost: hooks.example.com\r\naccept: */*; q=0.5, application/json\r\n\
                 content-type: application/json; charset=utf-8\r\ncache-control: no-cache\r\n\
                 user-agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\ncontent-length: {}\r\n\
                 stripe-signature: t=",
                event.body.len()
            )
            .expect("a Vec takes every write");
            let time = bytes.len();
            write!(bytes, "{:010},v1={:064}\r\n\r\n", 0, 0).expect("a Vec takes every write");
            let body = bytes.len();
            let at = event.body.windows(ID_BYTES).position(|part| part == event.id.as_bytes());
            let id = body + at.expect("an event says its id");
            bytes.extend_from_slice(&event.body);
            spans.push(Span { begin, time, body, id, end: bytes.len() });
        }
        let mac = Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
        Self { bytes, spans, mac, random: Random::of_seed(Random::new_seed()) }
    }

    /// New ids and new signatures for all of them: what follows is distinct from all that went before.
    pub fn stamp(&mut self) {
        let now = shared::clock::now().timestamp();
        for span in &self.spans {
            for byte in &mut self.bytes[span.id + 4..span.id + ID_BYTES] {
                *byte = ALPHABET[(self.random.number() % 62) as usize];
            }
            let time = format!("{now:010}");
            let mut mac = self.mac.clone();
            mac.update(time.as_bytes());
            mac.update(b".");
            mac.update(&self.bytes[span.body..span.end]);
            self.bytes[span.time..span.time + 10].copy_from_slice(time.as_bytes());
            let digits = hex(&mac.finalize().into_bytes());
            let at = span.time + 14; // after `,v1=`
            self.bytes[at..at + MAC_DIGITS].copy_from_slice(digits.as_bytes());
        }
    }

    /// The first of them, as they are stamped now.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        let spans: Vec<Span> = self.spans.iter().take(count).copied().collect();
        let end = spans.last().map_or(0, |span| span.end);
        let random = Random::of_seed(Random::new_seed());
        Self { bytes: self.bytes[..end].to_vec(), spans, mac: self.mac.clone(), random }
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Head and body as they go over the wire.
    pub fn request(&self, number: usize) -> Option<&[u8]> {
        self.spans.get(number).map(|span| &self.bytes[span.begin..span.end])
    }

    pub fn body(&self, number: usize) -> Option<&[u8]> {
        self.spans.get(number).map(|span| &self.bytes[span.body..span.end])
    }

    /// The lengths of the bodies: mean, and what 1, 50 and 99 of a hundred stay within.
    pub fn lengths(&self) -> String {
        let mut lengths: Vec<u64> = self.spans.iter().map(|span| (span.end - span.body) as u64).collect();
        lengths.sort_unstable();
        let within = |percent: usize| lengths.get(lengths.len() * percent / 100).copied().unwrap_or_default();
        let mean = to_float(lengths.iter().sum()) / to_float(lengths.len().max(1) as u64);
        format!("{mean:.0} bytes (1 % {}, half {}, 99 % {})", within(1), within(50), within(99))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn events_are_as_long_as_stripes_and_all_different() {
        let mut events = Events::new();
        let taken = events.take(300);
        assert_eq!(taken.iter().map(|event| &event.id).collect::<HashSet<_>>().len(), 300);
        assert!(taken.iter().all(|event| (2_900..8_000).contains(&event.body.len())));
    }

    #[test]
    fn a_stamped_request_is_signed_and_its_id_is_new() {
        let secret = "whsec_0123456789abcdefGHIJ";
        let mut requests = Requests::new(&Events::new().take(3), 5, secret);
        let mut ids = HashSet::new();
        for _ in 0..2 {
            requests.stamp();
            for number in 0..requests.len() {
                let request = requests.request(number).unwrap();
                let body = requests.body(number).unwrap();
                let head = std::str::from_utf8(&request[..request.len() - body.len()]).unwrap();
                let line = head.lines().find_map(|line| line.strip_prefix("stripe-signature: ")).unwrap();
                let signature = ::gateway::signature::Signature::parse(line.as_bytes()).unwrap();
                let secrets = ::gateway::secrets::parse(secret).unwrap();
                assert!(signature.signer(body, &secrets, shared::clock::now()).is_some());
                assert!(ids.insert(::gateway::event::Head::read(body).unwrap().id.into_owned()));
            }
        }
    }
}
