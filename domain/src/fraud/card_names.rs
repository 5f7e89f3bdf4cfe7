//! Names for cards that show nothing of them: what a card looks like is not for everybody who reads findings.

use envelope::hex::hex;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const BYTES: usize = 8;

/// Gives each card its name, under a value that only the ledger has. There are so few cards with the same four digits that
/// without such a value a name would lead back to its card within seconds.
#[derive(Clone)]
pub struct CardNames(Hmac<Sha256>);

impl CardNames {
    pub fn under(value: &str) -> Self {
        Self(Hmac::new_from_slice(value.as_bytes()).expect("HMAC takes keys of every length"))
    }

    pub(super) fn of(&self, card: &str) -> String {
        let name = self.0.clone().chain_update(card).finalize().into_bytes();
        format!("card_{}", hex(&name[..BYTES]))
    }
}
