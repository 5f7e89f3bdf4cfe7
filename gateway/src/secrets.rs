//! The signing secrets of one endpoint, from a variable or a file that is reread when it changes. Errors never
//! repeat the text.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use shared::env::read_secret_file;

const PREFIX: &str = "whsec_";
const SECRETS_LIMIT: usize = 8;
const NAME_LIMIT_BYTES: usize = 32;
/// After `whsec_`. Stripe's have 32 characters, those of its command line 64.
const LENGTH_LEAST_CHARS: usize = 16;
const LENGTH_LIMIT_CHARS: usize = 256;
const DISTINCT_LEAST_CHARS: usize = 6;
/// What documentation writes where a secret belongs. Long enough never to stand in a real one.
const PLACEHOLDERS: [&str; 6] = ["your_", "example", "placeholder", "changeme", "change_me", "replace"];

/// One secret, keyed: the MAC of a request begins as a copy of it.
pub struct Secret {
    name: String,
    mac: Hmac<Sha256>,
    until: Option<DateTime<Utc>>,
}

impl Secret {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        self.mac.clone()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).field("until", &self.until).finish_non_exhaustive()
    }
}

/// Secrets split at commas and line ends, each `whsec_…` or `name=whsec_…`, each with an optional end,
/// `;until=2026-12-01T00:00:00Z`. One without a name is called by its place: `1`, `2`, ….
pub fn parse(text: &str) -> Result<Vec<Secret>, String> {
    let mut secrets: Vec<Secret> = Vec::new();
    let mut texts: Vec<&str> = Vec::new();
    for item in text.split([',', '\n']).filter(|item| !item.is_empty()) {
        let place = secrets.len() + 1;
        if place > SECRETS_LIMIT {
            return Err(format!("more than {SECRETS_LIMIT} secrets"));
        }
        let (secret, whole) = parse_one(item, place).map_err(|fault| format!("secret {place} {fault}"))?;
        if secrets.iter().any(|other| other.name == secret.name) {
            return Err(format!("secret {place} has the same name as another"));
        }
        if texts.contains(&whole) {
            return Err(format!("secret {place} repeats another"));
        }
        secrets.push(secret);
        texts.push(whole);
    }
    if secrets.is_empty() { Err("holds no secret".to_owned()) } else { Ok(secrets) }
}

fn parse_one(item: &str, place: usize) -> Result<(Secret, &str), &'static str> {
    if item.trim() != item {
        return Err("has leading or trailing blanks");
    }
    let (item, until) = match item.split_once(';') {
        Some((item, end)) => (item, Some(parse_end(end)?)),
        None => (item, None),
    };
    let (name, whole) = match item.split_once('=') {
        Some((name, whole)) if !name.starts_with(PREFIX) => (name.to_owned(), whole),
        _ => (place.to_string(), item),
    };
    let legal_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if name.is_empty() || name.len() > NAME_LIMIT_BYTES || !name.bytes().all(legal_name) {
        return Err("has an invalid name: use 1 to 32 of a-z, 0-9, _ and -");
    }
    let random = whole.strip_prefix(PREFIX).ok_or("does not begin with whsec_")?;
    if !random.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte)) {
        return Err("has characters that Stripe's secrets do not have");
    }
    if random.len() < LENGTH_LEAST_CHARS {
        return Err("is too short: fewer than 16 characters after whsec_");
    }
    if random.len() > LENGTH_LIMIT_CHARS {
        return Err("is too long: more than 256 characters after whsec_");
    }
    if is_placeholder(random) {
        return Err("is a placeholder");
    }
    // The key is the whole text, prefix included.
    let mac = Hmac::new_from_slice(whole.as_bytes()).expect("HMAC takes keys of every length");
    Ok((Secret { name, mac, until }, whole))
}

fn parse_end(end: &str) -> Result<DateTime<Utc>, &'static str> {
    let time = end.strip_prefix("until=").ok_or("has something other than until= after the semicolon")?;
    let time = DateTime::parse_from_rfc3339(time).map_err(|_| "has an end that is not an RFC 3339 time")?;
    Ok(time.to_utc())
}

fn is_placeholder(random: &str) -> bool {
    let mut distinct = random.as_bytes().to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let lower = random.to_ascii_lowercase();
    distinct.len() < DISTINCT_LEAST_CHARS || PLACEHOLDERS.iter().any(|word| lower.contains(word))
}

/// The secrets as they are now, and where they come from.
pub struct Secrets {
    now: RwLock<Arc<[Secret]>>,
    file: Option<SecretFile>,
}

struct SecretFile {
    path: PathBuf,
    last: RwLock<SecretString>,
}

/// Why a file is no good: it cannot be read, or its text is refused. Without any of that text.
pub type Fault = Box<dyn Error + Send + Sync>;

/// What came of looking at the file again.
#[derive(Debug, PartialEq, Eq)]
pub enum Reread {
    Unchanged,
    Changed { secrets: usize },
}

impl Secrets {
    pub fn given(text: &str) -> Result<Self, String> {
        Ok(Self { now: RwLock::new(parse(text)?.into()), file: None })
    }

    pub fn of_file(path: PathBuf) -> Result<Self, Fault> {
        let text = read_secret_file(&path)?;
        let now = RwLock::new(parse(text.expose_secret())?.into());
        Ok(Self { now, file: Some(SecretFile { path, last: RwLock::new(text) }) })
    }

    pub fn current(&self) -> Arc<[Secret]> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Reads the file again, blocking. By content, not by time or inode: so it sees an edit, a rename and
    /// the swapped symbolic links of a Kubernetes volume alike. A bad content changes nothing.
    pub fn reread(&self) -> Result<Reread, Fault> {
        let Some(file) = &self.file else { return Ok(Reread::Unchanged) };
        let text = read_secret_file(&file.path)?;
        let same = {
            let last = file.last.read().unwrap_or_else(PoisonError::into_inner);
            last.expose_secret() == text.expose_secret()
        };
        if same {
            return Ok(Reread::Unchanged);
        }
        let secrets = parse(text.expose_secret())?;
        if !secrets.iter().any(|secret| secret.is_live(shared::clock::now())) {
            return Err("every secret has expired".into());
        }
        let count = secrets.len();
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = secrets.into();
        *file.last.write().unwrap_or_else(PoisonError::into_inner) = text;
        Ok(Reread::Changed { secrets: count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "whsec_0123456789abcdefGHIJ";
    const TWO: &str = "whsec_9876543210abcdefGHIJ";

    fn names(text: &str) -> Vec<String> {
        parse(text).unwrap().iter().map(|secret| secret.name().to_owned()).collect()
    }

    #[test]
    fn several_secrets_are_split_by_commas_and_lines() {
        assert_eq!(names(ONE), ["1"]);
        assert_eq!(names(&format!("{ONE},{TWO}")), ["1", "2"]);
        assert_eq!(names(&format!("new={ONE}\nold={TWO};until=2026-12-01T00:00:00Z\n")), ["new", "old"]);
        assert_eq!(names("whsec_0123456789abcdef=="), ["1"]);
    }

    #[test]
    fn a_secret_lives_until_its_end() {
        let secret = &parse(&format!("{ONE};until=2026-12-01T01:00:00+01:00")).unwrap()[0];
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        assert!(secret.is_live(at("2026-11-30T23:59:59Z")));
        assert!(!secret.is_live(at("2026-12-01T00:00:00Z")));
    }

    #[test]
    fn bad_secrets_are_refused_without_being_repeated() {
        let many = (0..9).map(|n| format!("whsec_0123456789abcdefGH{n}")).collect::<Vec<_>>().join(",");
        let table = [
            ("", "holds no secret"),
            ("\n\n", "holds no secret"),
            (" whsec_0123456789abcdefGHIJ", "secret 1 has leading or trailing blanks"),
            ("whsec_0123456789abcdefGHIJ\r\n", "secret 1 has leading or trailing blanks"),
            (
                "whsec_0123456789abcdefGHIJ, whsec_9876543210abcdefGHIJ",
                "secret 2 has leading or trailing blanks",
            ),
            ("name= whsec_0123456789abcdefGHIJ", "secret 1 does not begin"),
            ("sk_live_0123456789abcdefGHIJ", "secret 1 does not begin"),
            ("whsec_", "secret 1 is too short"),
            ("whsec_0123456789abcde", "secret 1 is too short"),
            ("whsec_0123456789abcdef…", "secret 1 has characters"),
            ("whsec_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "secret 1 is a placeholder"),
            ("whsec_your_webhook_signing_secret_here", "secret 1 is a placeholder"),
            ("whsec_ExampleExampleExample1234", "secret 1 is a placeholder"),
            ("=whsec_0123456789abcdefGHIJ", "secret 1 has an invalid name"),
            ("Live=whsec_0123456789abcdefGHIJ", "secret 1 has an invalid name"),
            ("a=whsec_0123456789abcdefGHIJ,a=whsec_9876543210abcdefGHIJ", "secret 2 has the same name"),
            ("a=whsec_0123456789abcdefGHIJ,b=whsec_0123456789abcdefGHIJ", "secret 2 repeats"),
            ("whsec_0123456789abcdefGHIJ;2026-12-01T00:00:00Z", "secret 1 has something other"),
            ("whsec_0123456789abcdefGHIJ;until=tomorrow", "secret 1 has an end"),
            (&many, "more than 8 secrets"),
        ];
        for (text, expected) in table {
            let fault = parse(text).unwrap_err();
            assert!(fault.starts_with(expected), "{text}: {fault}");
            assert!(!fault.contains("0123") && !fault.contains("webhook"), "{fault}");
        }
        assert!(parse(&format!("whsec_{}", "0123456789".repeat(26))).is_err());
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let shown = format!("{:?}", parse(ONE).unwrap());
        assert_eq!(shown, "[Secret { name: \"1\", until: None, .. }]");
    }

    #[test]
    fn a_file_is_read_again_and_a_bad_content_changes_nothing() {
        let folder =
            std::env::temp_dir().join(format!("tidegate-secrets-{}", shared::trace::random_hex::<8>()));
        std::fs::create_dir(&folder).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        // As Kubernetes does it: the file is a link into a folder that is swapped.
        write("one", &format!("one={ONE}\n"));
        let link = folder.join("secret");
        std::os::unix::fs::symlink(folder.join("one"), &link).unwrap();
        let secrets = Secrets::of_file(link.clone()).unwrap();
        let current = |secrets: &Secrets| secrets.current()[0].name().to_owned();
        assert_eq!(secrets.reread().unwrap(), Reread::Unchanged);

        write("two", &format!("two={TWO}"));
        std::os::unix::fs::symlink(folder.join("two"), folder.join("new")).unwrap();
        std::fs::rename(folder.join("new"), &link).unwrap();
        assert_eq!(secrets.reread().unwrap(), Reread::Changed { secrets: 1 });
        assert_eq!(current(&secrets), "two");

        write("two", "three=whsec_short");
        assert!(secrets.reread().unwrap_err().to_string().contains("too short"));
        std::fs::remove_file(&link).unwrap();
        assert!(secrets.reread().unwrap_err().to_string().contains("cannot be read"));
        assert_eq!(current(&secrets), "two");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
