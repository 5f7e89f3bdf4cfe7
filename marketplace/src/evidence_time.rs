//! A listing that was deleted or rejected is kept as evidence for a time. Then it is removed, unless money of it is owed or
//! disputed, or something about it is on hold.

use chrono::{DateTime, TimeDelta, Utc};
use desk::acts::operations::NotDone;
use desk::goods::{remove, stays};
use domain::Key;
use ledger::Ledger;

use crate::KIND;
use crate::held::{BY, Held};
use crate::record::Record;

/// One that stays longer is looked at once in this time.
const LOOKS: TimeDelta = TimeDelta::days(1);

/// Removes a listing whose time as evidence is over. One that has to stay is put off.
pub(crate) async fn remove_if_over(ledger: &Ledger, key: &Key, now: DateTime<Utc>) -> Result<(), NotDone> {
    let mut tx = ledger.begin().await?;
    let goods = tx.lock_goods(key).await?.filter(|goods| goods.kind == KIND && !goods.is_removed());
    let Some(goods) = goods else { return Ok(()) };
    let record = Record::of(&goods)?;
    let mut held = Held::read(&mut tx, goods, record).await?;
    if held.kept_until(now).is_none_or(|until| now < until) {
        return Ok(());
    }
    if !held.owed().is_empty() || stays(&mut tx, &held.goods, &held.payments, now).await? {
        held.goods.turns_at = Some(now + LOOKS);
        tx.write_goods(&held.goods).await?;
    } else {
        remove(&mut tx, &mut held.goods, &held.payments, BY, now).await?;
    }
    Ok(tx.commit().await?)
}
