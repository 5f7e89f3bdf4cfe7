//! Pages that are looked at again and again. Of the overview, whether anything has happened since is asked first, by one
//! statement.

use chrono::{DateTime, Utc};
use desk::actor::Actor;
use envelope::hex::hex;
use hyper::HeaderMap;
use hyper::header::IF_NONE_MATCH;
use ledger::Ledger;
use sha2::{Digest, Sha256};

use super::address::{Address, link};
use super::dashboard::Waiting;

const TAG_BYTES: usize = 12;
const LIVE: &str = "/payments/dashboard";

/// What stands for the page as it is now, of a page that is live. It says the age of things in minutes, so it is another one
/// a minute later.
pub async fn tag(
    ledger: &Ledger,
    (actor, address): (&Actor, &Address),
    waiting: Option<Waiting>,
    now: DateTime<Utc>,
) -> Option<String> {
    if address.path.trim_end_matches('/') != LIVE {
        return None;
    }
    // A ledger that does not answer is told by the page itself.
    let newest = ledger.newest().await.ok()?;
    let minute = now.timestamp().div_euclid(60);
    let asked = link(&address.path, address.others(&[]));
    let whole =
        format!("{newest:?} {:?} {minute} {asked} {}", waiting.map(|waiting| waiting.ready), actor.name());
    Some(format!("\"{}\"", hex(&Sha256::digest(whole)[..TAG_BYTES])))
}

pub fn is_known(tag: &str, headers: &HeaderMap) -> bool {
    headers.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok()) == Some(tag)
}
