//! Stripe's signature, made from its public description and from nothing of the gateway's.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The value of a `Stripe-Signature` header for this body at this second.
pub fn signature_header(secret: &str, seconds: i64, body: &[u8]) -> String {
    format!("t={seconds},v1={}", signature(secret, &seconds.to_string(), body))
}

/// The 64 hex digits of one `v1` element; the time is text, as it would be sent.
pub fn signature(secret: &str, time: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes every write");
        hex
    })
}
