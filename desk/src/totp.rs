//! One-time passwords by the clock (RFC 6238: HMAC-SHA1, 30 s, 6 digits), as every authenticator app makes them.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use subtle::ConstantTimeEq;

const STEP_SECS: i64 = 30;
/// Clocks of phones are a step off at most.
const STEPS_OFF: i64 = 1;
const SECRET_BYTES: usize = 20;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret, in the letters that an app takes.
pub fn new_secret() -> SecretString {
    let mut bytes = [0_u8; SECRET_BYTES];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    base32(&bytes).into()
}

/// What an app reads as a QR code.
pub fn address(secret: &SecretString, name: &str) -> SecretString {
    let secret = secret.expose_secret();
    format!(
        "otpauth://totp/Tidegate:{name}?secret={secret}&issuer=Tidegate&period=30&digits=6&algorithm=SHA1"
    )
    .into()
}

/// Whether it may be one of ours.
pub fn is_secret(text: &str) -> bool {
    bytes_of(text).is_some_and(|bytes| bytes.len() == SECRET_BYTES)
}

/// The step of time that a code belongs to; `None` where it is wrong, or not of this moment.
pub fn step_of(secret: &SecretString, code: &str, now: DateTime<Utc>) -> Option<i64> {
    let key = bytes_of(secret.expose_secret())?;
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let current = now.timestamp() / STEP_SECS;
    // All are compared, whichever fits.
    (current - STEPS_OFF..=current + STEPS_OFF)
        .filter(|step| bool::from(code_at(&key, *step).as_bytes().ct_eq(code.as_bytes())))
        .max()
}

/// The code of one step of time.
fn code_at(key: &[u8], step: i64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 0xf);
    let number = u32::from_be_bytes([hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

fn base32(bytes: &[u8]) -> String {
    let (mut text, mut buffer, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(BASE32[((buffer >> bits) & 31) as usize]));
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(BASE32[((buffer << (5 - bits)) & 31) as usize]));
    }
    text
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let value = BASE32.iter().position(|known| *known == letter)?;
        buffer = (buffer << 5) | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 255).ok()?);
        }
        buffer &= (1 << bits) - 1;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    /// RFC 6238, appendix B, of whose eight digits these are the last six.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        let secret = SecretString::from(base32(b"12345678901234567890"));
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step_of(&secret, code, at(second)), Some(second / 30), "{second}");
            assert!(step_of(&secret, code, at(second + 30)).is_some(), "a step late");
            assert_eq!(step_of(&secret, code, at(second + 90)), None, "too late");
        }
        assert_eq!(step_of(&secret, "287 082", at(59)), Some(1));
        assert_eq!(step_of(&secret, "", at(59)), None);
        assert_eq!(step_of(&"not base32!".into(), "287082", at(59)), None);
    }

    #[test]
    fn a_new_secret_is_one_that_an_app_takes() {
        let secret = new_secret();
        assert_eq!((secret.expose_secret().len(), bytes_of(secret.expose_secret()).unwrap().len()), (32, 20));
        assert_ne!(secret.expose_secret(), new_secret().expose_secret());
    }
}
