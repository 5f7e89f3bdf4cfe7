//! Takes a listing away: moderation rejects it, whoever owns it deletes it. Neither is undone. What was paid for it stays
//! as evidence; what is owed back after a rejection, whoever keeps listings asks for.

use chrono::{DateTime, Utc};
use desk::actor::Actor;
use desk::acts;
use domain::Key;
use domain::permissions::Permission;
use ledger::Ledger;

use super::{lock, owned_by};
use crate::Refusal;
use crate::held::Held;
use crate::record::{Record, State, Word};
use crate::view::ListingView;

#[shared::built_once]
pub async fn reject(
    ledger: &Ledger,
    key: &Key,
    reason: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<ListingView, Refusal> {
    actor.may(Permission::Request)?;
    let reason = acts::reason(reason)?;
    remove(ledger, key, None, (State::Rejected, reason), actor, now).await
}

/// `user` is for whom the caller acts.
#[shared::built_once]
pub async fn delete(
    ledger: &Ledger,
    key: &Key,
    user: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<ListingView, Refusal> {
    actor.may(Permission::Request)?;
    remove(ledger, key, Some(user), (State::Deleted, String::new()), actor, now).await
}

async fn remove(
    ledger: &Ledger,
    key: &Key,
    user: Option<&str>,
    (to, reason): (State, String),
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<ListingView, Refusal> {
    let mut tx = ledger.begin().await?;
    let goods = lock(&mut tx, key).await?;
    if let Some(user) = user {
        owned_by(&goods, user)?;
    }
    let record = Record::of(&goods)?;
    let held = Held::read(&mut tx, goods, record).await?;
    let (state, mut record) = (held.state(now), held.record.clone());
    // The same once more changes nothing: the first word stands.
    if state == to {
        return ListingView::of(&mut tx, &held, now).await.map_err(Into::into);
    }
    let word = Word { at: now, by: actor.in_audit(), reason };
    match (to, state) {
        (State::Rejected, State::Deleted) => {
            return Err(Refusal::State { state, wanted: "not deleted", done: "rejected" });
        }
        (State::Rejected, _) => record.rejected = Some(word),
        _ => record.deleted = Some(word),
    }
    let terms = crate::terms::ListingTerms::read(&mut tx).await?;
    let mut held = Held::of(&mut tx, held.goods, record, &terms).await?;
    held.store(&mut tx, &actor.in_audit(), now).await?;
    tx.note_goods(&[key.clone()].into()).await?;
    let view = ListingView::of(&mut tx, &held, now).await?;
    tx.commit().await?;
    Ok(view)
}
