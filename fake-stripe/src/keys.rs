//! Idempotency keys. A key belongs to an account and a mode. What the first request was answered is kept once its
//! endpoint began to execute, a 500 too, and forgotten 24 hours later.

use std::collections::BTreeMap;

use crate::call::{Call, Reply};
use crate::error::Refusal;

const KEPT_SECS: i64 = 24 * 3_600;
const KEY_CHARS: usize = 255;

/// Account, mode, key.
type Name = (String, bool, String);

#[derive(Default)]
pub(crate) struct Keys(BTreeMap<Name, Kept>);

struct Kept {
    since: i64,
    fingerprint: String,
    /// Of the first request.
    request_id: String,
    /// `None` while the first request is running.
    reply: Option<Reply>,
}

impl Keys {
    /// What a request with a key is answered at once. `None`: it is the first, and running from now on.
    pub(crate) fn begin(&mut self, call: &Call, livemode: bool, now: i64) -> Option<Reply> {
        self.0.retain(|_, kept| kept.reply.is_none() || now < kept.since + KEPT_SECS);
        let (key, name) = (call.kept_key()?, name(call, livemode)?);
        if key.chars().count() > KEY_CHARS {
            let words = "Idempotency keys may have up to 255 characters.";
            return Some(Refusal::new(words).kind("idempotency_error").reply());
        }
        let fingerprint = call.fingerprint();
        let Some(kept) = self.0.get(&name) else {
            let request_id = call.id.clone();
            self.0.insert(name, Kept { since: now, fingerprint, request_id, reply: None });
            return None;
        };
        if kept.fingerprint != fingerprint {
            let words = format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. \
                 Try using a key other than '{key}' if you meant to execute a different request."
            );
            return Some(Refusal::new(words).kind("idempotency_error").reply());
        }
        let Some(reply) = &kept.reply else {
            let words = format!(
                "There is currently another in-progress request using this Idempotent Key (that probably means you \
                 submitted twice, and the other request is still going through): {key}. Please try again later."
            );
            let refusal =
                Refusal::new(words).status(409).kind("idempotency_error").code("idempotency_key_in_use");
            return Some(refusal.reply());
        };
        let reply = reply.clone().with("idempotent-replayed", "true");
        Some(reply.with("original-request", kept.request_id.clone()))
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.keys().map(|(_, _, key)| key.clone()).collect()
    }

    pub(crate) fn keep(&mut self, call: &Call, livemode: bool, reply: &Reply) {
        if let Some(kept) = name(call, livemode).and_then(|name| self.0.get_mut(&name)) {
            kept.reply = Some(reply.clone());
        }
    }

    /// Nothing was executed: the key is free again.
    pub(crate) fn release(&mut self, call: &Call, livemode: bool) {
        if let Some(name) = name(call, livemode) {
            self.0.remove(&name);
        }
    }
}

fn name(call: &Call, livemode: bool) -> Option<Name> {
    Some((call.account.clone(), livemode, call.kept_key()?.to_owned()))
}
