//! Stripe's signature, made from its public description and from nothing of the gateway's: HMAC-SHA256 over the
//! time, a dot and the body, under the endpoint's secret.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A secret, ready to sign with.
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

impl Signer {
    pub fn new(secret: &str) -> Self {
        Self(Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length"))
    }

    /// The `Stripe-Signature` header for a body sent at that second.
    pub fn header(&self, unix_seconds: i64, body: &[u8]) -> String {
        format!("t={unix_seconds},v1={}", self.signature(&unix_seconds.to_string(), body))
    }

    fn signature(&self, time: &str, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac.finalize().into_bytes().iter().fold(String::with_capacity(64), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes every write");
            hex
        })
    }
}

/// The `Stripe-Signature` header for this body at this second.
pub fn signature_header(secret: &str, unix_seconds: i64, body: &[u8]) -> String {
    Signer::new(secret).header(unix_seconds, body)
}

/// The 64 hex digits of one `v1` element; the time is text, as it would be sent.
pub fn signature(secret: &str, time: &str, body: &[u8]) -> String {
    Signer::new(secret).signature(time, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_makes_of_it() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_test
        assert_eq!(
            Signer::new("whsec_test").header(1_700_000_000, b"{}"),
            "t=1700000000,v1=35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91"
        );
    }
}
