//! What is never kept of a body: secrets that let somebody pay, and numbers that tell cards and accounts apart. Their
//! text is replaced in the bytes before these are stored. A mark in the stored body says what it was by its hash, so the
//! event keeps the identity of what came.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use envelope::hex::hex;
use sha2::{Digest, Sha256};

use super::json::Json;

/// Members whose text is never kept, at any depth below `data`, except in metadata, which is the merchant's own. What the
/// rules read of a card, such as its last four digits, is not among them: a rebuild reads it again.
pub const NEVER_KEPT: [&str; 6] =
    ["account_number", "client_secret", "cryptogram", "cvc", "dynamic_last4", "iin"];
const METADATA: &str = "metadata";
/// What stands in its place.
pub const PLACEHOLDER: &str = "[redacted]";
/// The member that is added to a body that was redacted: the hash of what was taken out.
const MARK: &str = "tidegate_redacted";

/// A body as it is kept. It still holds personal data, so `Debug` shows its length alone.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptBody(pub Bytes);

impl fmt::Debug for KeptBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// What was taken out of a body.
pub(crate) struct Redaction {
    /// The hash of what was taken out: now, or before the body was stored.
    pub(crate) hash: String,
    /// The body as it is kept; `None` where it came redacted.
    pub(crate) kept: Option<Bytes>,
}

/// Takes out of a parsed body what is never kept; `None` where there is nothing of the kind.
pub(crate) fn redact(value: &mut Json<'_>, body: &Bytes) -> Option<Redaction> {
    if let Some(hash) = value.at(MARK).as_str() {
        return Some(Redaction { hash: hash.to_owned(), kept: None });
    }
    let mut taken = Taken { base: body.as_ptr().addr(), hash: None, places: Vec::new(), is_located: true };
    taken.take(value.get_mut("data")?);
    let hash = hex(&taken.hash?.finalize());
    let kept =
        if taken.is_located { spliced(body, &mut taken.places, &hash) } else { rewritten(value, &hash) };
    Some(Redaction { hash, kept: Some(kept) })
}

/// By its name, or because an address carries a secret to whoever is sent there.
fn is_never_kept(name: &str, text: &str) -> bool {
    NEVER_KEPT.contains(&name) || (text.starts_with("http") && text.contains("client_secret="))
}

struct Taken {
    /// The address of the body's first byte.
    base: usize,
    hash: Option<Sha256>,
    /// Where in the body the texts stand.
    places: Vec<(usize, usize)>,
    /// Each of them stands in the body as it reads.
    is_located: bool,
}

impl Taken {
    fn take(&mut self, value: &mut Json<'_>) {
        match value {
            Json::Object(members) => {
                for (name, value) in members {
                    match value {
                        Json::Text(text) if is_never_kept(name, text) && *text != PLACEHOLDER => {
                            self.note(name, text);
                            *text = PLACEHOLDER.into();
                        }
                        Json::Object(_) | Json::List(_) if name.as_ref() != METADATA => self.take(value),
                        _ => {}
                    }
                }
            }
            Json::List(items) => items.iter_mut().for_each(|item| self.take(item)),
            _ => {}
        }
    }

    #[expect(clippy::ptr_arg, reason = "whether it is borrowed says whether it stands in the body as it is")]
    fn note(&mut self, name: &str, text: &Cow<'_, str>) {
        let hash = self.hash.get_or_insert_default();
        for part in [name, text.as_ref()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        // A text with escapes is no part of the body.
        match text {
            Cow::Borrowed(text) => {
                let begin = text.as_ptr().addr().wrapping_sub(self.base);
                self.places.push((begin, begin.wrapping_add(text.len())));
            }
            Cow::Owned(_) => self.is_located = false,
        }
    }
}

/// The bytes as they came, but for what was taken out and the mark at their end.
fn spliced(body: &[u8], places: &mut [(usize, usize)], hash: &str) -> Bytes {
    places.sort_unstable();
    let mut kept = Vec::with_capacity(body.len() + 128);
    let mut from = 0;
    for (begin, end) in places {
        kept.extend_from_slice(&body[from..*begin]);
        kept.extend_from_slice(PLACEHOLDER.as_bytes());
        from = *end;
    }
    let rest = body[from..].trim_ascii_end();
    kept.extend_from_slice(rest.strip_suffix(b"}").unwrap_or(rest).trim_ascii_end());
    kept.extend_from_slice(format!(",\"{MARK}\":\"{hash}\"}}").as_bytes());
    kept.into()
}

/// The same meaning in our own spelling.
fn rewritten(value: &Json<'_>, hash: &str) -> Bytes {
    let text = value.canonical(0);
    spliced(&text, &mut [], hash)
}

#[cfg(test)]
mod tests {
    use crate::event::Content;
    use crate::testing::envelope;

    fn body(secret: &str) -> String {
        format!(
            r#"{{ "data": {{"object": {{"id": "pi_1", "client_secret": {secret}, "amount": 5,
            "next_action": {{"redirect_to_url": {{"url": "https://hooks.stripe.com/r?client_secret=in_the_address"}}}},
            "charges": [{{"card": {{"iin": "42424242", "last4": "4242", "cvc": null}}}}],
            "metadata": {{"iin": "ours"}}}}, "previous_attributes": {{"client_secret": "old_secret_z"}}}},
            "pending_webhooks": 1 }} "#
        )
    }

    fn kept(body: &str) -> (String, String) {
        let envelope = envelope("payment_intent.created", body);
        let content = Content::of(&envelope);
        let kept = String::from_utf8(content.kept(&envelope).to_vec()).unwrap();
        (content.key.content_hash, kept)
    }

    #[test]
    fn a_body_is_kept_without_its_secrets_and_under_the_hash_of_what_came() {
        let (hash, stored) = kept(&body(r#""pi_1_secret_abc""#));
        for gone in ["secret_abc", "42424242", "old_secret_z", "in_the_address"] {
            assert!(!stored.contains(gone), "{stored}");
        }
        for there in ["\"client_secret\": \"[redacted]\"", "\"last4\": \"4242\"", "\"iin\": \"ours\""] {
            assert!(stored.contains(there), "{stored}");
        }
        let (again, unchanged) = kept(&stored);
        assert_eq!((&again, &unchanged), (&hash, &stored), "what is stored is the same event");
        let (other, _) = kept(&body(r#""pi_1_secret_abd""#));
        assert_ne!(other, hash, "the hash is over what came");
        let tampered = kept(&stored.replace("\"amount\": 5", "\"amount\": 6"));
        assert_ne!(tampered.0, hash, "and over what is kept");
    }

    #[test]
    fn the_spelling_of_a_secret_changes_neither_identity_nor_what_is_gone() {
        let (hash, _) = kept(&body(r#""pi_1_secret_abc""#));
        let (escaped, stored) = kept(&body(r#""pi_1_\u0073ecret_abc""#));
        assert_eq!(escaped, hash);
        assert!(!stored.contains("secret_abc") && !stored.contains("ecret_abc"), "{stored}");
        assert_eq!(kept(&stored).0, hash);
        let repeated =
            body(r#""pi_1_secret_abc""#).replace("\"pending_webhooks\": 1", "\"pending_webhooks\": 0");
        assert_eq!(kept(&repeated).0, hash);
    }

    #[test]
    fn a_body_without_such_members_is_kept_byte_for_byte() {
        for body in [r#"{"data":{"object":{"id":"x","client_secret":null}}}"#, "{", "[]", r#"{"data":7}"#] {
            assert_eq!(kept(body).1, body);
        }
    }
}
