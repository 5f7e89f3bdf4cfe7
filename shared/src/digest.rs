//! An envelope carries a digest over its header and its body, keyed if a key is set. It is the last member of
//! the header, so it covers every byte before it, and the body.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::env::{Env, Problem, SECRET_LEAST_CHARS, Variable, read_secret_file};
use envelope::Envelope;
use envelope::hex::hex;
use envelope::suspect::Suspicion;

const KEY: Variable = Variable {
    name: "ENVELOPE_KEY",
    default: "",
    example: "8f2b64c1d90e7a35f8b1c2d3e4f5061728394a5b6c7d8e9f",
    help: "The key with which gateway and worker sign and verify queued events, the same for both: at least 32 characters, for example from `openssl rand -hex 32`. Of several, separated by commas, the first signs and all verify. Without a key, a plain SHA-256 detects damage, but not forgery.",
};
const KEY_FILE: Variable = Variable {
    name: "ENVELOPE_KEY_FILE",
    default: "",
    example: "/run/secrets/envelope/key",
    help: "A file with such keys, separated by commas or lines. It is reread when it changes. Use it instead of ENVELOPE_KEY.",
};
const UNKEYED_UNTIL: Variable = Variable {
    name: "ENVELOPE_UNKEYED_UNTIL",
    default: "",
    example: "2026-12-01T00:00:00Z",
    help: "Until this time, a worker with a key accepts unsigned envelopes. Set it when you introduce a key while events are queued.",
};
pub const VARIABLES: [Variable; 3] = [KEY, KEY_FILE, UNKEYED_UNTIL];

const LENGTH_LIMIT_CHARS: usize = 512;
const DISTINCT_LEAST_CHARS: usize = 8;
const KEYS_LIMIT: usize = 4;
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// A digest that does not fit may be of a key that the file has by now; it is looked at no more often.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

const BEFORE: &str = r#","digest":""#;
const AFTER: &str = r#""}"#;
const PLAIN: &str = "sha256:";
const KEYED: &str = "hmac-sha256:";
const HEX_BYTES: usize = 64;

type Hmac256 = Hmac<Sha256>;

/// The keys of this process; clones share them.
#[derive(Clone)]
pub struct EnvelopeKeys(Arc<Shared>);

struct Shared {
    /// The first signs, all verify.
    now: RwLock<Arc<[Hmac256]>>,
    file: Option<KeyFile>,
    unkeyed_until: Option<DateTime<Utc>>,
}

struct KeyFile {
    path: PathBuf,
    last: Mutex<Looked>,
}

struct Looked {
    text: SecretString,
    at: Instant,
    fault: Option<String>,
}

impl EnvelopeKeys {
    /// No key: digests are plain, and what older versions published without one is taken too.
    pub fn none() -> Self {
        Self(Arc::new(Shared { now: RwLock::new(Arc::new([])), file: None, unkeyed_until: None }))
    }

    pub fn from_env(env: &Env) -> Result<Self, Problem> {
        let unkeyed_until = env.parse(&UNKEYED_UNTIL, |text| match text {
            "" => Ok(None),
            text => DateTime::parse_from_rfc3339(text)
                .map(|at| Some(at.to_utc()))
                .map_err(|_| "not an RFC 3339 time".to_owned()),
        })?;
        let (keys, file) =
            match (env.exact(KEY.name).filter(|key| !key.trim().is_empty()), env.given(KEY_FILE.name)) {
                (Some(_), Some(_)) => {
                    return Err(KEY.problem("set together with ENVELOPE_KEY_FILE; set only one of them"));
                }
                (Some(text), None) => (parse(text).map_err(|fault| KEY.problem(fault))?, None),
                (None, Some(path)) => {
                    let path = PathBuf::from(path);
                    let text = read_secret_file(&path).map_err(|fault| KEY_FILE.problem(fault))?;
                    let keys = parse(text.expose_secret()).map_err(|fault| KEY_FILE.problem(fault))?;
                    let looked = Looked { text, at: Instant::now(), fault: None };
                    (keys, Some(KeyFile { path, last: Mutex::new(looked) }))
                }
                (None, None) => (Vec::new(), None),
            };
        Ok(Self(Arc::new(Shared { now: RwLock::new(keys.into()), file, unkeyed_until })))
    }

    pub fn is_keyed(&self) -> bool {
        !self.0.current().is_empty()
    }

    /// The head as it travels: the envelope's own, and the digest as its last member.
    pub fn seal(&self, envelope: &Envelope) -> String {
        let mut head = envelope.header_json();
        head.pop(); // the closing brace comes after the digest
        let keys = self.0.current();
        let (scheme, digest) = match keys.first() {
            Some(key) => (KEYED, keyed(key, head.as_bytes(), &envelope.body)),
            None => (PLAIN, plain(head.as_bytes(), &envelope.body)),
        };
        for part in [BEFORE, scheme, &digest, AFTER] {
            head.push_str(part);
        }
        head
    }

    /// Reads what a queue carried. Total: what does not verify becomes a suspect.
    pub fn open(&self, head: &[u8], body: Bytes, now: DateTime<Utc>) -> Envelope {
        match self.judge(head, &body, now) {
            Ok(()) => Envelope::from_wire(head, body, now),
            Err(suspicion) => suspicion.envelope(head, &body, now),
        }
    }

    fn judge(&self, head: &[u8], body: &[u8], now: DateTime<Utc>) -> Result<(), Suspicion> {
        let Some(carried) = Carried::of(head) else {
            return match self.0.takes_unkeyed(now) {
                true if is_of_an_older_version(head) => Ok(()),
                // A header without a digest at its end has none, or is no header.
                _ if serde_json::from_slice::<serde::de::IgnoredAny>(head).is_err() => {
                    Err(Suspicion::Unreadable)
                }
                _ if self.is_keyed() => Err(Suspicion::Unsigned),
                _ => Err(Suspicion::Digest),
            };
        };
        match carried.scheme {
            Scheme::Plain if !self.0.takes_unkeyed(now) => Err(Suspicion::Unsigned),
            Scheme::Plain => carried.is(&plain(carried.head, body)).then_some(()).ok_or(Suspicion::Digest),
            Scheme::Keyed => {
                let fits =
                    |keys: &[Hmac256]| keys.iter().any(|key| carried.is(&keyed(key, carried.head, body)));
                let known = fits(&self.0.current());
                if known || (self.0.look_again() && fits(&self.0.current())) {
                    Ok(())
                } else {
                    Err(Suspicion::Digest)
                }
            }
        }
    }

    /// Looks at the file now and then, as long as anybody has these keys.
    pub(crate) fn watch(&self) {
        if self.0.file.is_none() {
            return;
        }
        let shared: Weak<Shared> = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_INTERVAL).await;
                let Some(shared) = shared.upgrade() else { return };
                // One at a time: a file system that hangs holds one thread.
                drop(tokio::task::spawn_blocking(move || shared.look_again()).await);
            }
        });
    }
}

impl Shared {
    fn current(&self) -> Arc<[Hmac256]> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn takes_unkeyed(&self, now: DateTime<Utc>) -> bool {
        self.current().is_empty() || self.unkeyed_until.is_some_and(|until| now < until)
    }

    /// Reads the file again; says whether there are other keys than before. A bad content changes nothing.
    fn look_again(&self) -> bool {
        let Some(file) = &self.file else { return false };
        let mut last = file.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.at.elapsed() < LOOK_PAUSE {
            return false;
        }
        last.at = Instant::now();
        let read = read_secret_file(&file.path).map_err(|error| error.to_string()).and_then(|text| {
            if text.expose_secret() == last.text.expose_secret() {
                return Ok(None);
            }
            parse(text.expose_secret()).map(|keys| Some((text, keys)))
        });
        match read {
            Ok(found) => {
                last.fault = None;
                let Some((text, keys)) = found else { return false };
                tracing::info!(keys = keys.len(), "envelope keys changed: file reread");
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
                last.text = text;
                true
            }
            Err(fault) => {
                if last.fault.as_ref() != Some(&fault) {
                    tracing::error!(fault, "envelope keys not changed: the previous ones stay in force");
                    last.fault = Some(fault);
                }
                false
            }
        }
    }
}

impl std::fmt::Debug for EnvelopeKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnvelopeKeys").field("keys", &self.0.current().len()).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
enum Scheme {
    Plain,
    Keyed,
}

/// A head, and the digest that it ends with.
struct Carried<'h> {
    /// What the digest covers, beside the body.
    head: &'h [u8],
    scheme: Scheme,
    digest: &'h [u8],
}

impl<'h> Carried<'h> {
    /// Only of the very form in which we write it: every other byte at its place makes it none.
    fn of(wire: &'h [u8]) -> Option<Self> {
        let rest = wire.strip_suffix(AFTER.as_bytes())?;
        let (rest, digest) = rest.split_at_checked(rest.len().checked_sub(HEX_BYTES)?)?;
        let (rest, scheme) = match rest.strip_suffix(KEYED.as_bytes()) {
            Some(rest) => (rest, Scheme::Keyed),
            None => (rest.strip_suffix(PLAIN.as_bytes())?, Scheme::Plain),
        };
        Some(Self { head: rest.strip_suffix(BEFORE.as_bytes())?, scheme, digest })
    }

    fn is(&self, digest: &str) -> bool {
        self.digest.ct_eq(digest.as_bytes()).into()
    }
}

/// Versions before 0.4 published heads without a digest. Of those we know every byte; a head whose digest was
/// damaged is none of them.
fn is_of_an_older_version(head: &[u8]) -> bool {
    let Ok(header) = serde_json::from_slice::<envelope::Header>(head) else { return false };
    serde_json::to_vec(&header).is_ok_and(|written| written == head)
}

fn plain(head: &[u8], body: &[u8]) -> String {
    let digest = Sha256::new().chain_update(length(head)).chain_update(head).chain_update(body).finalize();
    hex(&digest)
}

fn keyed(key: &Hmac256, head: &[u8], body: &[u8]) -> String {
    let mac = key.clone().chain_update(length(head)).chain_update(head).chain_update(body);
    hex(&mac.finalize().into_bytes())
}

/// Before the head, so that no byte can change sides.
fn length(head: &[u8]) -> [u8; 8] {
    (head.len() as u64).to_be_bytes()
}

fn parse(text: &str) -> Result<Vec<Hmac256>, String> {
    let items: Vec<&str> = text.split([',', '\n']).filter(|item| !item.is_empty()).collect();
    if items.is_empty() {
        return Err("holds no key".to_owned());
    }
    if items.len() > KEYS_LIMIT {
        return Err(format!("more than {KEYS_LIMIT} keys"));
    }
    for (index, item) in items.iter().enumerate() {
        let place = index + 1;
        let mut distinct = item.as_bytes().to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let fault = match item.len() {
            _ if !item.bytes().all(|byte| byte.is_ascii_graphic()) => "has blanks or non-ASCII characters",
            ..SECRET_LEAST_CHARS => "is too short: fewer than 32 characters",
            length if length > LENGTH_LIMIT_CHARS => "is too long: more than 512 characters",
            _ if distinct.len() < DISTINCT_LEAST_CHARS => "is a placeholder",
            _ if items[..index].contains(item) => "repeats another",
            _ => continue,
        };
        return Err(format!("key {place} {fault}"));
    }
    let keyed =
        |item: &&str| Hmac256::new_from_slice(item.as_bytes()).expect("HMAC takes keys of every length");
    Ok(items.iter().map(keyed).collect())
}

#[cfg(test)]
mod tests;
