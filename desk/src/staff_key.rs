//! The key under which second factors and the secrets of notice targets are kept: whoever reads the ledger alone makes
//! no codes and signs nothing.

use std::fmt;

use domain::notices::Target;
use envelope::hex::hex;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use shared::env::{Env, Problem, Variable};

pub const KEY: Variable = Variable {
    name: "STAFF_KEY",
    default: "",
    example: "64 random characters",
    help: "The key that encrypts second factors of staff and secrets of notice targets in the ledger, at least 32 characters. Console, worker and command line need the same one.",
};
pub const KEY_FILE: Variable = Variable {
    name: "STAFF_KEY_FILE",
    default: "",
    example: "/run/secrets/staff-key",
    help: "A file with that key. Use it instead of STAFF_KEY.",
};

pub struct StaffKey {
    sealing: LessSafeKey,
    hashing: hmac::Key,
}

impl fmt::Debug for StaffKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaffKey")
    }
}

impl StaffKey {
    /// `None` where none is configured.
    pub fn from_env(env: &Env) -> Result<Option<Self>, Problem> {
        Ok(env.long_secret(&KEY, &KEY_FILE)?.map(|text| Self::of(text.expose_secret())))
    }

    fn of(text: &str) -> Self {
        let bytes = Sha256::new().chain_update(b"tidegate staff key\0").chain_update(text).finalize();
        let key = UnboundKey::new(&AES_256_GCM, bytes.as_slice()).expect("SHA-256 is as long as the key");
        let hashing = Sha256::new().chain_update(b"tidegate address key\0").chain_update(text).finalize();
        Self {
            sealing: LessSafeKey::new(key),
            hashing: hmac::Key::new(hmac::HMAC_SHA256, hashing.as_slice()),
        }
    }

    /// Bound to the person, so that one person's secret is no use in another's row.
    pub fn encrypt(&self, secret: &SecretString, staff: &str) -> Vec<u8> {
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce).expect("the operating system gives random bytes");
        let mut sealed = secret.expose_secret().as_bytes().to_vec();
        let aad = Aad::from(staff.as_bytes());
        self.sealing
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .expect("a secret is short");
        [nonce.as_slice(), &sealed].concat()
    }

    /// The secret of a target, bound to its name and channel.
    pub fn encrypt_for_target(&self, secret: &SecretString, target: &Target) -> Vec<u8> {
        self.encrypt(secret, &owner_of(target))
    }

    pub fn secret_of_target(&self, target: &Target) -> Option<SecretString> {
        self.decrypt(&target.secret, &owner_of(target))
    }

    /// By which an address is recognised that nobody may read.
    pub fn hash_of_address(&self, address: &str) -> String {
        hex(hmac::sign(&self.hashing, address.trim().to_ascii_lowercase().as_bytes()).as_ref())
    }

    /// `None` where it was encrypted under another key, or for somebody else.
    pub fn decrypt(&self, kept: &[u8], staff: &str) -> Option<SecretString> {
        let (nonce, sealed) = kept.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = self.sealing.open_in_place(nonce, Aad::from(staff.as_bytes()), &mut sealed).ok()?;
        Some(String::from_utf8(opened.to_vec()).ok()?.into())
    }
}

/// No member of staff is called so: a secret of theirs is no use in the row of a target.
fn owner_of(target: &Target) -> String {
    format!("notice target\0{}\0{}", target.channel, target.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_and_the_person_open_a_secret() {
        let (key, secret) = (StaffKey::of("a key"), SecretString::from("JBSWY3DPEHPK3PXP"));
        let kept = key.encrypt(&secret, "jane");
        assert!(!kept.windows(8).any(|part| secret.expose_secret().as_bytes().starts_with(part)));
        let opened = key.decrypt(&kept, "jane").unwrap();
        assert_eq!(opened.expose_secret(), secret.expose_secret());
        assert!(
            key.decrypt(&kept, "joe").is_none() && StaffKey::of("other").decrypt(&kept, "jane").is_none()
        );
        assert!(key.decrypt(&kept[..5], "jane").is_none());
        assert_ne!(kept, key.encrypt(&secret, "jane"));
    }

    #[test]
    fn a_short_key_is_refused_and_not_echoed() {
        let problem = StaffKey::from_env(&Env::of(&[("STAFF_KEY", "hunter2")])).err().unwrap().to_string();
        assert!(problem.contains("STAFF_KEY") && !problem.contains("hunter2"), "{problem}");
        assert!(StaffKey::from_env(&Env::of(&[])).unwrap().is_none());
    }
}
