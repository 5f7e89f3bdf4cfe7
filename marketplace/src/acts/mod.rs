//! What people and programs do with listings. Each act is one transaction under the listing's lock.

pub mod pay;
pub mod put;
pub mod remove;
pub mod set_term;

use domain::Key;
use domain::goods::Goods;
use ledger::Transaction;

use crate::{KIND, Refusal};

const ID_LIMIT_CHARS: usize = 100;

/// A listing, under its lock.
async fn lock(tx: &mut Transaction, key: &Key) -> Result<Goods, Refusal> {
    match tx.lock_goods(key).await? {
        Some(goods) if goods.is_removed() => Err(Refusal::Removed { id: key.id.clone() }),
        Some(goods) if goods.kind == KIND => Ok(goods),
        _ => Err(Refusal::NoSuchListing { id: key.id.clone() }),
    }
}

/// Whoever acts for a user acts on what is that user's.
fn owned_by(goods: &Goods, user: &str) -> Result<(), Refusal> {
    if goods.user_id == user { Ok(()) } else { Err(Refusal::OtherUser { id: goods.key.id.clone() }) }
}

/// An id is the merchant's own, and part of addresses, keys and metadata.
fn sound(id: &str) -> Result<(), Refusal> {
    let is_sound = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
    if !id.is_empty() && id.len() <= ID_LIMIT_CHARS && id.chars().all(is_sound) {
        Ok(())
    } else {
        Err(Refusal::BadId { id: id.chars().take(ID_LIMIT_CHARS).collect() })
    }
}
