//! Signs samples as Stripe does: HMAC-SHA256 over the time, a dot and the body, under the endpoint's secret.

use std::fmt::Write;

use anyhow::Context;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use shared::env::Env;

use crate::{dev_secret, failure, output};

#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

impl Signer {
    /// Signs with the first configured secret, else with the one that `up` made.
    pub fn from_env(env: &Env) -> anyhow::Result<Self> {
        if let Some(secrets) = env.given("STRIPE_WEBHOOK_SECRET") {
            return Self::with_first_of(secrets);
        }
        if let Some(path) = env.given("STRIPE_WEBHOOK_SECRET_FILE") {
            let secrets = std::fs::read_to_string(path)
                .with_context(|| format!("STRIPE_WEBHOOK_SECRET_FILE: {path} cannot be read"))?;
            return Self::with_first_of(&secrets);
        }
        match dev_secret::kept()? {
            Some(secret) => Ok(Self::new(&secret)),
            None => Err(failure::wrongly_called(format!(
                "there is no secret to sign with: start `{} up` in this folder, or set STRIPE_WEBHOOK_SECRET \
                 to the gateway's",
                output::me()
            ))),
        }
    }

    /// The secrets as the gateway reads them: split by commas or lines, each maybe with a name and an end.
    fn with_first_of(secrets: &str) -> anyhow::Result<Self> {
        let first =
            secrets.split([',', '\n']).map(str::trim).find(|secret| !secret.is_empty()).unwrap_or_default();
        let first = first.split(';').next().unwrap_or_default().trim();
        let secret = match first.split_once('=') {
            Some((name, secret)) if !name.starts_with("whsec_") => secret,
            _ => first,
        };
        if secret.is_empty() {
            return Err(failure::wrongly_called("STRIPE_WEBHOOK_SECRET holds no secret"));
        }
        Ok(Self::new(&secret.into()))
    }

    fn new(secret: &SecretString) -> Self {
        Self(
            Hmac::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes keys of every length"),
        )
    }

    /// The `Stripe-Signature` header for a body sent at that time.
    pub fn header(&self, body: &[u8], unix_seconds: i64) -> String {
        let mut mac = self.0.clone();
        mac.update(unix_seconds.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        let mut header = format!("t={unix_seconds},v1=");
        for byte in mac.finalize().into_bytes() {
            write!(header, "{byte:02x}").expect("a String takes every write");
        }
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_makes_of_it() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_test
        let header = Signer::with_first_of("whsec_test").unwrap().header(b"{}", 1_700_000_000);
        assert_eq!(
            header,
            "t=1700000000,v1=35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91"
        );
    }

    #[test]
    fn the_first_of_several_secrets_signs_without_its_name_and_end() {
        let plain = Signer::with_first_of("whsec_a").unwrap().header(b"{}", 1);
        for secrets in
            [" whsec_a , whsec_b", "new=whsec_a,old=whsec_b", "new=whsec_a;until=2027-01-01T00:00:00Z"]
        {
            assert_eq!(Signer::with_first_of(secrets).unwrap().header(b"{}", 1), plain, "{secrets}");
        }
    }

    #[test]
    fn no_secret_is_refused() {
        assert!(Signer::with_first_of(" , ").is_err());
    }
}
