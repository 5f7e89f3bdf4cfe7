//! The key that signs the head of the audit and the manifests of reports (Ed25519). Whoever keeps its public half sees
//! what left this house, and when it was changed since; what the ledger says is signed as the ledger says it.

use std::fmt;

use domain::seal::Head;
use envelope::hex::{bytes, hex};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use secrecy::ExposeSecret;
use serde::Serialize;
use sha2::{Digest, Sha256};
use shared::env::{Env, Problem, Variable};

pub const KEY: Variable = Variable {
    name: "AUDIT_KEY",
    default: "",
    example: "64 random characters",
    help: "The key that signs the head of the audit and the manifests of reports, at least 32 characters. Console and command line need the same one; keep it away from whoever can write to the ledger.",
};
pub const KEY_FILE: Variable = Variable {
    name: "AUDIT_KEY_FILE",
    default: "",
    example: "/run/secrets/audit-key",
    help: "A file with that key. Use it instead of AUDIT_KEY.",
};

pub struct AuditKey(Ed25519KeyPair);

/// Who signed, and the signature, both in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signature {
    pub key: String,
    pub signature: String,
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey")
    }
}

impl AuditKey {
    /// `None` where none is configured.
    pub fn from_env(env: &Env) -> Result<Option<Self>, Problem> {
        Ok(env.long_secret(&KEY, &KEY_FILE)?.map(|text| Self::of(text.expose_secret())))
    }

    fn of(text: &str) -> Self {
        let seed = Sha256::new().chain_update(b"tidegate audit key\0").chain_update(text).finalize();
        Self(Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).expect("SHA-256 is as long as a seed"))
    }

    /// What others keep to check signatures with.
    pub fn public(&self) -> String {
        hex(self.0.public_key().as_ref())
    }

    /// A head is signed as it is printed; it is no JSON, so it cannot be taken for a manifest.
    pub fn sign_head(&self, head: &Head) -> Signature {
        self.sign(head.to_string().as_bytes())
    }

    pub fn sign(&self, content: &[u8]) -> Signature {
        Signature { key: self.public(), signature: hex(self.0.sign(content).as_ref()) }
    }
}

impl Signature {
    /// Whether its key signed exactly this.
    pub fn is_of(&self, content: &[u8]) -> bool {
        let (Some(key), Some(signature)) = (bytes(&self.key), bytes(&self.signature)) else { return false };
        UnparsedPublicKey::new(&ED25519, key).verify(content, &signature).is_ok()
    }

    /// As a line of a file: the algorithm, the key, the signature.
    pub fn line(&self) -> String {
        format!("ed25519 {} {}\n", self.key, self.signature)
    }

    pub fn of_line(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let mut next = || words.next().map(str::to_owned);
        (next()? == "ed25519").then_some(())?;
        Some(Self { key: next()?, signature: next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_signs_and_only_what_was_signed_passes() {
        let (key, other) = (AuditKey::of("a key"), AuditKey::of("another"));
        let head = Head { number: 12, hash: "ab".repeat(32) };
        let signed = key.sign_head(&head);
        assert!(signed.is_of(head.to_string().as_bytes()));
        assert_eq!(signed, key.sign_head(&head), "the same head, the same bytes");
        assert!(!signed.is_of(b"13:00"));
        assert!(!Signature { key: other.public(), ..signed.clone() }.is_of(head.to_string().as_bytes()));
        assert!(
            !Signature { signature: "zz".to_owned(), ..signed.clone() }.is_of(head.to_string().as_bytes())
        );
        assert_eq!(Signature::of_line(&signed.line()), Some(signed));
        assert_eq!(Signature::of_line("rsa 1 2"), None);
    }

    #[test]
    fn a_short_key_is_refused_and_not_echoed() {
        let problem = AuditKey::from_env(&Env::of(&[("AUDIT_KEY", "hunter2")])).err().unwrap().to_string();
        assert!(problem.contains("AUDIT_KEY") && !problem.contains("hunter2"), "{problem}");
        assert!(AuditKey::from_env(&Env::of(&[])).unwrap().is_none());
    }
}
