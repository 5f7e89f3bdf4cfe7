//! Compares every listing with what its record and the ledger's payments come to: the part of a rebuild that is about
//! listings.

use chrono::{DateTime, Utc};
use domain::Key;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use crate::KIND;
use crate::held::{BY, Held};
use crate::record::Record;

const AT_ONCE: i64 = 500;

/// What a check of all listings came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    pub listings: usize,
    /// Those whose row is not what follows.
    pub differ: Vec<Key>,
    /// Those whose record cannot be read: nothing is written to them.
    pub unreadable: Vec<Key>,
}

/// Derives each listing anew and compares it with its row.
#[shared::built_once]
pub async fn check(tx: &mut Transaction) -> Result<Checked, LedgerError> {
    let (mut checked, mut after) = (Checked::default(), Key::default());
    loop {
        let page = tx.goods_after(KIND, &after, AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(checked) };
        after = last.key.clone();
        for goods in page {
            checked.listings += 1;
            if goods.is_removed() {
                match goods.left() {
                    Ok(left) if goods.emptied(&left) == goods => {}
                    Ok(_) => checked.differ.push(goods.key),
                    Err(_) => checked.unreadable.push(goods.key),
                }
                continue;
            }
            let Ok(record) = Record::of(&goods) else {
                checked.unreadable.push(goods.key);
                continue;
            };
            let held = Held::read(tx, goods.clone(), record).await?;
            if held.row() != goods {
                checked.differ.push(goods.key);
            }
        }
    }
}

/// Writes those that differ as they follow now, and has whoever keeps listings look at them.
#[shared::built_once]
pub async fn repair(ledger: &Ledger, checked: &Checked, now: DateTime<Utc>) -> Result<usize, LedgerError> {
    for key in &checked.differ {
        let mut tx = ledger.begin().await?;
        let Some(goods) = tx.lock_goods(key).await? else { continue };
        if goods.is_removed() {
            if let Ok(left) = goods.left() {
                tx.write_goods(&goods.emptied(&left)).await?;
                tx.commit().await?;
            }
            continue;
        }
        if let Ok(record) = Record::of(&goods) {
            Held::read(&mut tx, goods, record).await?.store(&mut tx, BY, now).await?;
            tx.note_goods(&[key.clone()].into()).await?;
            tx.commit().await?;
        }
    }
    Ok(checked.differ.len())
}
