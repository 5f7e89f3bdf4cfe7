//! A signing secret for development: created once, stored in a file that only its owner can read, and used only
//! while the gateway listens on this machine.

use std::path::{Path, PathBuf};

use anyhow::bail;
use secrecy::SecretString;
use shared::env::{DATA_DIR, Env};
use shared::trace::random_hex;

use crate::failure::wrongly_called;
use crate::private_file;
use crate::variables;

const FILE: &str = "dev-webhook-secret";
const NAME: &str = "STRIPE_WEBHOOK_SECRET";

/// The secret for development, where none is configured; `None` where one is.
pub fn provide(env: &Env) -> anyhow::Result<Option<SecretString>> {
    if is_configured(env) {
        return Ok(None);
    }
    let address = variables::address(env, "GATEWAY_ADDR")?;
    if !address.ip().is_loopback() {
        return Err(wrongly_called(format!(
            "{NAME} is not set, and the gateway would listen on {address}, which other machines can reach: the development secret is for this machine only. Set {NAME} to the endpoint's secret from Stripe's dashboard, or GATEWAY_ADDR to 127.0.0.1:{}",
            address.port()
        )));
    }
    keep(&path(env)).map(Some)
}

/// Where the secret for development is kept.
pub fn path(env: &Env) -> PathBuf {
    Path::new(&env.text(&DATA_DIR)).join(FILE)
}

/// The secret that an earlier `up` made.
pub fn kept(env: &Env) -> anyhow::Result<Option<SecretString>> {
    read(&path(env))
}

pub fn is_configured(env: &Env) -> bool {
    env.given(NAME).is_some() || env.given(&format!("{NAME}_FILE")).is_some()
}

fn keep(path: &Path) -> anyhow::Result<SecretString> {
    if let Some(secret) = read(path)? {
        return Ok(secret);
    }
    let secret = format!("whsec_{}", random_hex::<24>());
    private_file::create(path, "development secret", &secret)?;
    Ok(secret.into())
}

fn read(path: &Path) -> anyhow::Result<Option<SecretString>> {
    let Some(secret) = private_file::read(path)? else { return Ok(None) };
    if !secret.starts_with("whsec_") || secret.len() < 30 {
        bail!("{} holds no secret: remove it, and a new one is made", path.display());
    }
    Ok(Some(secret.into()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("tidegate-secret-{}", random_hex::<8>()));
            fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn a_secret_is_made_once_for_its_owner_alone() {
        let folder = Folder::new();
        let path = folder.0.join("secret");
        let one = keep(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(one.expose_secret(), keep(&path).unwrap().expose_secret());
        assert!(one.expose_secret().starts_with("whsec_"));
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused_without_showing_it() {
        let folder = Folder::new();
        let path = folder.0.join("secret");
        let secret = keep(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refusal = format!("{:#}", keep(&path).unwrap_err());
        assert!(refusal.contains("chmod 600") && !refusal.contains(secret.expose_secret()));
    }

    #[test]
    fn it_is_never_used_where_others_reach_the_gateway() {
        let env = Env::of(&[("GATEWAY_ADDR", "0.0.0.0:8080")]);
        let refusal = format!("{:#}", provide(&env).unwrap_err());
        assert!(refusal.contains("STRIPE_WEBHOOK_SECRET is not set"), "{refusal}");
    }

    #[test]
    fn a_configured_secret_is_enough() {
        let env =
            Env::of(&[("STRIPE_WEBHOOK_SECRET_FILE", "/run/secrets/x"), ("GATEWAY_ADDR", "0.0.0.0:8080")]);
        assert!(provide(&env).unwrap().is_none());
    }
}
