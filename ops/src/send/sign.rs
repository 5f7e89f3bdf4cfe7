//! With which secret samples are signed: the first configured one, else the one that `up` made.

use std::path::Path;

use anyhow::anyhow;
use secrecy::ExposeSecret;
use shared::env::Env;
use shared::env::read_secret_file;
use stripe_sim::Signer;

use crate::{dev_secret, failure, output};

pub fn signer(env: &Env) -> anyhow::Result<Signer> {
    if let Some(secrets) = env.given("STRIPE_WEBHOOK_SECRET") {
        return with_first_of(secrets);
    }
    if let Some(path) = env.given("STRIPE_WEBHOOK_SECRET_FILE") {
        let secrets = read_secret_file(Path::new(path));
        let secrets = secrets.map_err(|fault| anyhow!("STRIPE_WEBHOOK_SECRET_FILE is {path}: {fault}"))?;
        return with_first_of(secrets.expose_secret());
    }
    match dev_secret::kept(env)? {
        Some(secret) => Ok(Signer::new(secret.expose_secret())),
        None => Err(failure::wrongly_called(format!(
            "no secret to sign with: start `{} up` in this folder, or set STRIPE_WEBHOOK_SECRET to the gateway's",
            output::me()
        ))),
    }
}

/// The secrets as the gateway reads them: split by commas or lines, each maybe with a name and an end.
fn with_first_of(secrets: &str) -> anyhow::Result<Signer> {
    let first =
        secrets.split([',', '\n']).map(str::trim).find(|secret| !secret.is_empty()).unwrap_or_default();
    let first = first.split(';').next().unwrap_or_default().trim();
    let secret = match first.split_once('=') {
        Some((name, secret)) if !name.starts_with("whsec_") => secret,
        _ => first,
    };
    if secret.is_empty() {
        return Err(failure::wrongly_called("STRIPE_WEBHOOK_SECRET contains no secret"));
    }
    Ok(Signer::new(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_several_secrets_signs_without_its_name_and_end() {
        let plain = Signer::new("whsec_a").header(1, b"{}");
        for secrets in
            [" whsec_a , whsec_b", "new=whsec_a,old=whsec_b", "new=whsec_a;until=2027-01-01T00:00:00Z"]
        {
            assert_eq!(with_first_of(secrets).unwrap().header(1, b"{}"), plain, "{secrets}");
        }
    }

    #[test]
    fn no_secret_is_refused() {
        assert!(with_first_of(" , ").is_err());
    }
}
