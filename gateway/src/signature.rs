//! Verifies the `Stripe-Signature` header: its grammar, then the MAC and the time. Pure: time is an argument.
//! The grammar is stricter than Stripe's own libraries, which differ among themselves; everything that Stripe
//! sends passes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hmac::Mac;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::secrets::Secret;

pub const HEADER_LIMIT_BYTES: usize = 2_048;
pub const ELEMENT_LIMIT: usize = 16;
pub const CANDIDATE_LIMIT: usize = 8;
const TIME_LIMIT_DIGITS: usize = 11;
const MAC_BYTES: usize = 32;

/// A well-formed header: the time as sent, and the MACs that claim to be ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature<'h> {
    time_text: &'h str,
    candidates: [[u8; MAC_BYTES]; CANDIDATE_LIMIT],
    candidate_count: usize,
}

/// A body that one of the secrets signed, in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<'s> {
    /// The name of the secret.
    pub secret: &'s str,
}

/// Why a signature is refused: for metrics and log. The sender gets the same answer in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Missing,
    Repeated,
    TooLong,
    NotAscii,
    TooManyElements,
    NotKeyValue,
    BadTime,
    NoCandidate,
    TooManyCandidates,
    WrongMac,
    TooOld,
    TooNew,
}

impl Refusal {
    pub const ALL: [Self; 12] = [
        Self::Missing,
        Self::Repeated,
        Self::TooLong,
        Self::NotAscii,
        Self::TooManyElements,
        Self::NotKeyValue,
        Self::BadTime,
        Self::NoCandidate,
        Self::TooManyCandidates,
        Self::WrongMac,
        Self::TooOld,
        Self::TooNew,
    ];

    /// A label for metrics and log, from a closed set.
    pub fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Repeated => "repeated",
            Self::TooLong => "too_long",
            Self::NotAscii => "not_ascii",
            Self::TooManyElements => "too_many_elements",
            Self::NotKeyValue => "not_key_value",
            Self::BadTime => "bad_time",
            Self::NoCandidate => "no_candidate",
            Self::TooManyCandidates => "too_many_candidates",
            Self::WrongMac => "wrong_mac",
            Self::TooOld => "too_old",
            Self::TooNew => "too_new",
        }
    }
}

impl<'h> Signature<'h> {
    /// Reads the header's value: at most 16 elements `key=value` split at commas; exactly one `t`, of at
    /// most 11 digits and no leading zero; one to eight `v1` of 64 lower-case hex digits. A `v1` of another
    /// form and every other key are passed over, as Stripe asks for, so that new schemes harm nothing.
    pub fn parse(header: &'h [u8]) -> Result<Self, Refusal> {
        if header.len() > HEADER_LIMIT_BYTES {
            return Err(Refusal::TooLong);
        }
        let text = std::str::from_utf8(header).ok().filter(|t| t.is_ascii()).ok_or(Refusal::NotAscii)?;
        if text.split(',').count() > ELEMENT_LIMIT {
            return Err(Refusal::TooManyElements);
        }
        let mut time_text = None;
        let mut candidates = [[0; MAC_BYTES]; CANDIDATE_LIMIT];
        let mut candidate_count = 0;
        for element in text.split(',') {
            match element.split_once('=').ok_or(Refusal::NotKeyValue)? {
                ("", _) => return Err(Refusal::NotKeyValue),
                ("t", value) if time_text.is_none() && is_time(value) => time_text = Some(value),
                ("t", _) => return Err(Refusal::BadTime),
                ("v1", value) => {
                    if let Some(mac) = mac_of_hex(value) {
                        *candidates.get_mut(candidate_count).ok_or(Refusal::TooManyCandidates)? = mac;
                        candidate_count += 1;
                    }
                }
                _ => {}
            }
        }
        let time_text = time_text.ok_or(Refusal::BadTime)?;
        if candidate_count == 0 {
            return Err(Refusal::NoCandidate);
        }
        Ok(Self { time_text, candidates, candidate_count })
    }

    /// Seconds since 1970, as the header claims.
    pub fn time(&self) -> i64 {
        self.time_text.parse().expect("at most 11 digits are an i64")
    }

    pub fn candidates(&self) -> &[[u8; MAC_BYTES]] {
        &self.candidates[..self.candidate_count]
    }

    /// The name of the secret that signed the body, whatever the time. Every candidate is compared with
    /// every secret, each in constant time, so the duration tells neither which matched nor how far.
    pub fn signer<'s>(&self, body: &[u8], secrets: &'s [Secret], now: DateTime<Utc>) -> Option<&'s str> {
        let mut matched = Choice::from(0);
        let mut which = 0_u32;
        for (index, secret) in (0_u32..).zip(secrets.iter().filter(|secret| secret.is_live(now))) {
            let mut mac = secret.mac();
            mac.update(self.time_text.as_bytes());
            mac.update(b".");
            mac.update(body);
            let expected = mac.finalize().into_bytes();
            for candidate in self.candidates() {
                let equal = expected.as_slice().ct_eq(candidate.as_slice());
                which.conditional_assign(&index, equal);
                matched |= equal;
            }
        }
        let name = secrets.iter().filter(|secret| secret.is_live(now)).nth(which as usize);
        name.filter(|_| bool::from(matched)).map(Secret::name)
    }

    /// The whole verdict on a body. A wrong MAC and a wrong time come out of the same path, the MAC first:
    /// only who holds a secret learns anything about our clock.
    pub fn verify<'s>(
        &self,
        body: &[u8],
        secrets: &'s [Secret],
        now: DateTime<Utc>,
        tolerance: Duration,
    ) -> Result<Verified<'s>, Refusal> {
        let signer = self.signer(body, secrets, now);
        let age_secs = self.age_secs(now);
        let timely = age_secs.unsigned_abs() <= tolerance.as_secs();
        match signer {
            Some(secret) if timely => Ok(Verified { secret }),
            Some(_) if age_secs > 0 => Err(Refusal::TooOld),
            Some(_) => Err(Refusal::TooNew),
            None => Err(Refusal::WrongMac),
        }
    }

    /// How long ago the header says it was signed; negative for the future.
    pub fn age_secs(&self, now: DateTime<Utc>) -> i64 {
        now.timestamp() - self.time()
    }
}

fn is_time(text: &str) -> bool {
    (1..=TIME_LIMIT_DIGITS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.starts_with('0')
}

fn mac_of_hex(text: &str) -> Option<[u8; MAC_BYTES]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * MAC_BYTES {
        return None;
    }
    let mut mac = [0; MAC_BYTES];
    for (byte, pair) in mac.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(mac)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::TimeZone;

    use super::*;

    const TEXT: &str =
        "first=whsec_0123456789abcdefGHIJ,second=whsec_9876543210abcdefGHIJ;until=2023-11-14T22:13:30Z";
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const NOW_SECS: i64 = 1_700_000_000;
    const TOLERANCE_SECS: i64 = 300;

    fn secrets() -> Vec<Secret> {
        crate::secrets::parse(TEXT).unwrap()
    }

    fn mac_by(secret: &Secret, time: &str, body: &[u8]) -> String {
        let mut mac = secret.mac();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        envelope::hex::hex(&mac.finalize().into_bytes())
    }

    fn verdict_at(header: &str, now_secs: i64) -> Result<String, Refusal> {
        let secrets = secrets();
        let now = Utc.timestamp_opt(now_secs, 999_999_999).unwrap();
        let tolerance = Duration::from_secs(TOLERANCE_SECS.unsigned_abs());
        let verified = Signature::parse(header.as_bytes())?.verify(BODY, &secrets, now, tolerance)?;
        Ok(verified.secret.to_owned())
    }

    /// Signed by the secret of this place among the two.
    fn signed(time: &str, secret: usize) -> String {
        format!("t={time},v1={}", mac_by(&secrets()[secret], time, BODY))
    }

    #[test]
    fn every_header_of_the_table_gets_its_verdict() {
        let mut labels = BTreeSet::from(["missing", "repeated"]); // these two are not about one line's text
        for line in include_str!("../signatures.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#'))
        {
            let (expected, template) = line.split_once(' ').unwrap();
            let dated = template
                .trim_start()
                .replace("$now", &NOW_SECS.to_string())
                .replace("$early", &(NOW_SECS - TOLERANCE_SECS - 1).to_string())
                .replace("$late", &(NOW_SECS + TOLERANCE_SECS + 1).to_string());
            let time = dated.split(',').find_map(|element| element.strip_prefix("t=")).unwrap_or("1");
            let mac = mac_by(&secrets()[0], time, BODY);
            let header = dated
                .replace("$mac", &mac)
                .replace("$MAC", &mac.to_uppercase())
                .replace("$bad", &"0".repeat(64))
                .replace("$filler", &"x".repeat(HEADER_LIMIT_BYTES))
                .replace("$none", "");
            let got = verdict_at(&header, NOW_SECS).map_or_else(Refusal::label, |_| "accepted");
            assert_eq!(got, expected, "{header}");
            labels.insert(got);
        }
        assert_eq!(labels.len(), Refusal::ALL.len() + 1, "the table has every refusal: {labels:?}");
        assert_eq!(Signature::parse(b"t=1700000000,v1=\xff"), Err(Refusal::NotAscii));
    }

    #[test]
    fn a_header_of_the_greatest_length_is_read() {
        let head = format!("t=1700000000,v1={},v0=", "0".repeat(64));
        let longest = format!("{head}{}", "x".repeat(HEADER_LIMIT_BYTES - head.len()));
        assert!(Signature::parse(longest.as_bytes()).is_ok());
        assert_eq!(Signature::parse(format!("{longest}x").as_bytes()), Err(Refusal::TooLong));
    }

    #[test]
    fn the_time_counts_on_both_sides_to_the_second() {
        let header = signed("1700000000", 0);
        assert!(verdict_at(&header, NOW_SECS + TOLERANCE_SECS).is_ok());
        assert!(verdict_at(&header, NOW_SECS - TOLERANCE_SECS).is_ok());
        assert_eq!(verdict_at(&header, NOW_SECS + TOLERANCE_SECS + 1), Err(Refusal::TooOld));
        assert_eq!(verdict_at(&header, NOW_SECS - TOLERANCE_SECS - 1), Err(Refusal::TooNew));
    }

    #[test]
    fn the_mac_is_over_the_time_as_sent_and_the_very_bytes_of_the_body() {
        let secrets = secrets();
        let good = mac_by(&secrets[0], "1700000000", BODY);
        let now = Utc.timestamp_opt(NOW_SECS, 0).unwrap();
        let verify = |time: &str, body: &[u8]| {
            let header = format!("t={time},v1={good}");
            Signature::parse(header.as_bytes()).unwrap().signer(body, &secrets, now).map(str::to_owned)
        };
        assert_eq!(verify("1700000000", BODY).as_deref(), Some("first"));
        assert_eq!(verify("1700000001", BODY), None);
        assert_eq!(verify("1700000000", b""), None);
        assert_eq!(verify("1700000000", br#"{"id": "evt_1"}"#), None);
        assert_eq!(verify("170000000", b"0.{\"id\":\"evt_1\"}"), None);
    }

    #[test]
    fn the_secret_that_signed_is_named_until_its_end() {
        let old = signed("1700000000", 1);
        assert_eq!(verdict_at(&old, NOW_SECS + 9).as_deref(), Ok("second"));
        assert_eq!(verdict_at(&old, NOW_SECS + 10), Err(Refusal::WrongMac));
        assert_eq!(verdict_at(&signed("1700000000", 0), NOW_SECS + 10).as_deref(), Ok("first"));
    }

    /// A comparison that leaves out any part of the MAC lets one of these through.
    #[test]
    fn a_mac_that_is_wrong_in_one_place_alone_is_refused_whichever_place_it_is() {
        let good = mac_by(&secrets()[0], "1700000000", BODY);
        let verdict = |mac: &str| verdict_at(&format!("t=1700000000,v1={mac}"), NOW_SECS);
        assert_eq!(verdict(&good).as_deref(), Ok("first"));
        let digits = b"0123456789abcdef";
        for place in 0..good.len() {
            for digit in digits.iter().filter(|digit| **digit != good.as_bytes()[place]) {
                let mut wrong = good.clone().into_bytes();
                wrong[place] = *digit; // among the 15 are those that differ in each single bit
                let wrong = String::from_utf8(wrong).unwrap();
                assert_eq!(verdict(&wrong), Err(Refusal::WrongMac), "place {place}: {wrong}");
            }
        }
    }

    #[test]
    fn parts_of_the_right_mac_do_not_add_up_to_it() {
        let good = mac_by(&secrets()[0], "1700000000", BODY);
        let zeros = "0".repeat(64);
        let verdict = |macs: &[&str]| {
            let macs: Vec<String> = macs.iter().map(|mac| format!(",v1={mac}")).collect();
            verdict_at(&format!("t=1700000000{}", macs.concat()), NOW_SECS)
        };
        let halves = [good[..32].to_owned() + &zeros[..32], zeros[..32].to_owned() + &good[32..]];
        let bytes = |odd: usize| {
            let kept = |at: usize| if at / 2 % 2 == odd { &good[at..=at] } else { "0" };
            (0..64).map(kept).collect::<String>()
        };
        for wrong in [&halves[..], &[bytes(0), bytes(1)]].concat() {
            assert_eq!(verdict(&[&wrong]), Err(Refusal::WrongMac), "{wrong}");
        }
        assert_eq!(verdict(&[&halves[0], &halves[1]]), Err(Refusal::WrongMac));
        assert_eq!(verdict(&[&bytes(0), &bytes(1)]), Err(Refusal::WrongMac));
        for kept in 0..64 {
            for short in [&good[..kept], &good[64 - kept..]] {
                assert_eq!(verdict(&[short]), Err(Refusal::NoCandidate), "{short}");
                let padded = format!("{short}{}", &zeros[kept..]);
                assert_eq!(verdict(&[&padded]), Err(Refusal::WrongMac), "{padded}");
            }
        }
        for long in [format!("{good}0"), format!("{good}00"), format!("0{good}"), good.repeat(2)] {
            assert_eq!(verdict(&[&long]), Err(Refusal::NoCandidate), "{long}");
        }
    }

    #[test]
    fn the_key_is_the_whole_text_of_the_secret() {
        // Computed with `openssl dgst -sha256 -hmac whsec_0123456789abcdefGHIJ`.
        let expected = "ad6b7e8619c5114c900dc1dbc90bf488dd7e7c8b1f1724774187a33af2216fa4";
        assert_eq!(mac_by(&secrets()[0], "1700000000", BODY), expected);
    }
}
