//! The keys that seal what Stripe sent before it is stored: AES-256-GCM under a key of each row's own, which HKDF makes
//! from a master key and the row's salt. A row's seal opens in that row alone. Pure, but for the salt
//! (docs/adr/0055).
//!
//! What is stored is the salt, the encrypted bytes and their tag.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use domain::event::EventKey;
use envelope::hex::hex;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest, Sha256};
use shared::env::{Env, Problem, SECRET_LEAST_CHARS, Variable, read_secret_file};

pub(crate) const KEYS_FILE: Variable = Variable {
    name: "BODY_KEYS_FILE",
    default: "",
    example: "/run/secrets/body-keys/keys",
    help: "A file of keys that encrypt what Stripe sent before it is stored: one of at least 32 characters a line, the newest first. Worker, console and command line need the same file. Not set: it is stored as it is.",
};

const KEYS_LIMIT: usize = 16;
const SALT_BYTES: usize = 16;
/// A key's name has so many bytes, in hexadecimal digits.
const ID_BYTES: usize = 8;
/// Before the name of a key whose rows cannot be opened any more.
const LOST: &str = "lost";

/// The keys of `BODY_KEYS_FILE`. Clones share them.
#[derive(Clone, Default)]
pub struct BodyKeys(Arc<Keys>);

#[derive(Default)]
struct Keys {
    /// The newest first: it seals.
    known: Vec<Key>,
    /// By name, those that nobody has any more.
    lost: Vec<String>,
}

struct Key {
    id: String,
    secret: SecretBox<[u8; 32]>,
}

/// The row that bytes belong to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Row<'a> {
    Segment(i64),
    Body(&'a EventKey),
    ReplayItem { replay: &'a str, number: i64 },
    EvidenceFile(&'a str),
}

/// Bytes as they are stored.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) content: Vec<u8>,
    /// The name of the key, where one is set.
    pub(crate) sealed_by: Option<String>,
}

/// Why bytes are not opened.
#[derive(Debug)]
pub(crate) enum NotOpened {
    /// They are not what was sealed, or not in the row that they were sealed for.
    Altered,
    /// The file says that nobody has the key any more.
    KeyLost,
    /// The key of this name is not configured.
    KeyMissing(String),
}

impl fmt::Debug for BodyKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BodyKeys").field(&self.ids().collect::<Vec<_>>()).finish()
    }
}

impl BodyKeys {
    /// None where no file is configured.
    pub fn from_env(env: &Env) -> Result<Self, Problem> {
        let Some(path) = env.given(KEYS_FILE.name) else { return Ok(Self::default()) };
        let text = read_secret_file(Path::new(path)).map_err(|error| KEYS_FILE.problem(error))?;
        Self::of(text.expose_secret()).map_err(|fault| KEYS_FILE.problem(fault))
    }

    /// A fault names the line, and never says what stands there.
    fn of(text: &str) -> Result<Self, String> {
        let mut keys = Keys::default();
        for (place, line) in text.lines().enumerate() {
            let (line, at) = (line.trim(), place + 1);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(id) = line.strip_prefix(LOST).and_then(|rest| rest.strip_prefix(' ')) {
                let id = id.trim();
                if id.len() != 2 * ID_BYTES {
                    return Err(format!("line {at} does not say which key is lost: `{LOST}`, and its name"));
                }
                keys.lost.push(id.to_owned());
                continue;
            }
            if line.contains(char::is_whitespace) {
                return Err(format!("line {at} has blanks: each key is one word"));
            }
            if line.chars().count() < SECRET_LEAST_CHARS {
                return Err(format!("the key in line {at} has fewer than {SECRET_LEAST_CHARS} characters"));
            }
            let key = Key::of(line);
            if keys.known.iter().any(|known| known.id == key.id) {
                return Err(format!("the key in line {at} stands there twice"));
            }
            keys.known.push(key);
        }
        if keys.known.is_empty() {
            return Err("there is no key in it".to_owned());
        }
        if keys.known.len() > KEYS_LIMIT {
            return Err(format!("it has more than {KEYS_LIMIT} keys: remove those that seal no row"));
        }
        Ok(Self(Arc::new(keys)))
    }

    /// The names of the keys, the newest first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.known.iter().map(|key| key.id.as_str())
    }

    /// The name of the key that seals now.
    pub fn newest(&self) -> Option<&str> {
        self.ids().next()
    }

    /// Whether the file says that nobody has this key any more.
    pub fn is_lost(&self, id: &str) -> bool {
        self.0.lost.iter().any(|lost| lost == id)
    }

    pub(crate) fn knows(&self, id: &str) -> bool {
        self.ids().any(|known| known == id)
    }

    /// Bytes as they are to be stored in a row.
    pub(crate) fn seal(&self, plain: Vec<u8>, row: Row<'_>) -> Kept {
        let Some(newest) = self.0.known.first() else { return Kept { content: plain, sealed_by: None } };
        let mut salt = [0_u8; SALT_BYTES];
        getrandom::fill(&mut salt).expect("the operating system gives random bytes");
        let mut content = Vec::with_capacity(SALT_BYTES + plain.len() + AES_256_GCM.tag_len());
        content.extend_from_slice(&salt);
        content.extend_from_slice(&plain);
        let tag = newest
            .of_row(&salt)
            .seal_in_place_separate_tag(once(), Aad::from(row.name()), &mut content[SALT_BYTES..])
            .expect("a segment has its limits");
        content.extend_from_slice(tag.as_ref());
        Kept { content, sealed_by: Some(newest.id.clone()) }
    }

    /// What was stored in a row, as it was before it was sealed.
    pub(crate) fn open<'c>(
        &self,
        content: &'c [u8],
        sealed_by: Option<&str>,
        row: Row<'_>,
    ) -> Result<Cow<'c, [u8]>, NotOpened> {
        let Some(id) = sealed_by else { return Ok(Cow::Borrowed(content)) };
        let Some(key) = self.0.known.iter().find(|key| key.id == id) else {
            return Err(if self.is_lost(id) {
                NotOpened::KeyLost
            } else {
                NotOpened::KeyMissing(id.to_owned())
            });
        };
        let opened = content.split_first_chunk().and_then(|(salt, sealed)| {
            let mut sealed = sealed.to_vec();
            let opened = key.of_row(salt).open_in_place(once(), Aad::from(row.name()), &mut sealed);
            let length = opened.ok()?.len();
            sealed.truncate(length);
            Some(sealed)
        });
        opened.map(Cow::Owned).ok_or(NotOpened::Altered)
    }
}

impl Key {
    fn of(text: &str) -> Self {
        let hashed = |what: &[u8]| Sha256::new().chain_update(what).chain_update(text).finalize();
        let id = hex(&hashed(b"tidegate body key name\0")[..ID_BYTES]);
        Self { id, secret: SecretBox::new(Box::new(hashed(b"tidegate body key\0").into())) }
    }

    /// The key of a row with this salt.
    fn of_row(&self, salt: &[u8; SALT_BYTES]) -> LessSafeKey {
        let extracted = Salt::new(HKDF_SHA256, salt).extract(self.secret.expose_secret());
        let key =
            extracted.expand(&[b"tidegate body"], &AES_256_GCM).expect("a key is shorter than HKDF's limit");
        LessSafeKey::new(UnboundKey::from(key))
    }
}

/// A row's key encrypts once: with another salt it is another key.
fn once() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

impl Row<'_> {
    /// No two rows have the same.
    fn name(self) -> Vec<u8> {
        let (table, number, texts, flag) = match self {
            Self::Segment(number) => ("segments", number, vec![], false),
            Self::Body(key) => ("bodies", 0, vec![&*key.id, &*key.account, &*key.content_hash], key.livemode),
            Self::ReplayItem { replay, number } => ("replay_items", number, vec![replay], false),
            Self::EvidenceFile(id) => ("evidence_files", 0, vec![id], false),
        };
        let mut name = table.as_bytes().to_vec();
        name.push(u8::from(flag));
        name.extend(number.to_be_bytes());
        for text in texts {
            name.extend(text.len().to_be_bytes());
            name.extend(text.as_bytes());
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "an-old-key-of-more-than-thirty-two-characters";

    fn keys(lines: &[&str]) -> BodyKeys {
        BodyKeys::of(&lines.join("\n")).unwrap()
    }

    fn opened(keys: &BodyKeys, kept: &Kept, row: Row<'_>) -> Result<Vec<u8>, String> {
        match keys.open(&kept.content, kept.sealed_by.as_deref(), row) {
            Ok(plain) => Ok(plain.into_owned()),
            Err(NotOpened::KeyMissing(id)) => Err(format!("missing {id}")),
            Err(other) => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn only_the_key_opens_a_row_and_only_that_row_unchanged() {
        let (ours, others) = (keys(&[OLD]), keys(&["another-key-of-more-than-32-characters"]));
        let event = EventKey {
            id: "evt_1".into(),
            account: String::new(),
            livemode: true,
            created_at: chrono::DateTime::UNIX_EPOCH,
            content_hash: "ab".into(),
        };
        let body = b"gesine.mustermann@example.com".to_vec();
        let rows = [
            Row::Segment(7),
            Row::Segment(8),
            Row::Body(&event),
            Row::ReplayItem { replay: "r", number: 7 },
            Row::EvidenceFile("evt_1"),
        ];
        for (place, row) in rows.into_iter().enumerate() {
            let kept = ours.seal(body.clone(), row);
            assert!(!kept.content.windows(6).any(|part| body.windows(6).any(|plain| plain == part)));
            assert_eq!(opened(&ours, &kept, row).unwrap(), body);
            for other in rows.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, row)| *row) {
                assert_eq!(opened(&ours, &kept, other).unwrap_err(), "Altered");
            }
            assert!(opened(&others, &kept, row).unwrap_err().starts_with("missing "));
            for at in 0..kept.content.len() {
                let mut content = kept.content.clone();
                content[at] ^= 1;
                let altered = Kept { content, sealed_by: kept.sealed_by.clone() };
                assert!(opened(&ours, &altered, row).is_err(), "byte {at}");
                let cut = Kept { content: kept.content[..at].to_vec(), sealed_by: kept.sealed_by.clone() };
                assert!(opened(&ours, &cut, row).is_err(), "cut at {at}");
            }
            assert_ne!(ours.seal(body.clone(), row).content, kept.content, "each row has its own salt");
        }
    }

    #[test]
    fn the_newest_key_seals_and_the_older_ones_open() {
        let (before, row) = (keys(&[OLD]), Row::Segment(1));
        let kept = before.seal(b"body".to_vec(), row);
        let after = keys(&["# of June", "a-new-key-of-more-than-thirty-two-characters", "", OLD]);
        assert_eq!(opened(&after, &kept, row).unwrap(), b"body");
        assert_eq!(after.seal(b"body".to_vec(), row).sealed_by.as_deref(), after.newest());
        assert_ne!(after.newest(), before.newest());
        let plain = BodyKeys::default().seal(b"body".to_vec(), row);
        assert!(plain.sealed_by.is_none() && plain.content == b"body");
        assert_eq!(opened(&after, &plain, row).unwrap(), b"body", "from before there was a key");
        let id = before.newest().unwrap();
        let lost = keys(&["a-new-key-of-more-than-thirty-two-characters", &format!("lost {id}")]);
        assert_eq!(opened(&lost, &kept, row).unwrap_err(), "KeyLost");
    }

    #[test]
    fn a_file_that_is_no_good_is_refused_and_not_echoed() {
        for (text, fault) in [
            ("", "no key"),
            ("# nothing\n", "no key"),
            ("hunter2", "line 1 has fewer than 32"),
            ("lost hunter2", "line 1 does not say which key"),
            ("a key with blanks in it that is long enough", "line 1 has blanks"),
            (&format!("{0}\n{0}", "k".repeat(32)), "line 2 stands there twice"),
            (&(0..17).map(|key| format!("{key:0>40}")).collect::<Vec<_>>().join("\n"), "more than 16"),
        ] {
            let refused = BodyKeys::of(text).unwrap_err();
            assert!(refused.contains(fault) && !refused.contains("hunter"), "{refused}");
        }
        let shown = format!("{:?}", keys(&[OLD]));
        assert!(!shown.contains("old") && shown.len() < 40, "{shown}");
    }
}
