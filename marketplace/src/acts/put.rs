//! Puts a listing: new, or with another category. The same once more changes nothing.

use chrono::{DateTime, Utc};
use desk::actor::Actor;
use desk::acts;
use domain::Key;
use domain::fulfilments::Money;
use domain::goods::Goods;
use domain::permissions::Permission;
use ledger::Ledger;

use super::sound;
use crate::held::Held;
use crate::record::{Record, Span, State};
use crate::rules::{Judged, Verdict, free_time};
use crate::terms::ListingTerms;
use crate::view::ListingView;
use crate::{KIND, Refusal};

/// A listing as the merchant's own program knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    pub key: Key,
    pub user: String,
    pub category: String,
    pub currency: String,
}

#[shared::built_once]
pub async fn put(
    ledger: &Ledger,
    put: &Put,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<ListingView, Refusal> {
    actor.may(Permission::Request)?;
    sound(&put.key.id)?;
    let (user, category) = (acts::text("user_id", &put.user)?, acts::text("category_id", &put.category)?);
    let mut tx = ledger.begin().await?;
    let found = tx.lock_goods(&put.key).await?;
    if found.as_ref().is_some_and(|goods| goods.kind != KIND) {
        return Err(Refusal::OtherGoods { id: put.key.id.clone() });
    }
    if found.as_ref().is_some_and(Goods::is_removed) {
        return Err(Refusal::Removed { id: put.key.id.clone() });
    }
    let terms = ListingTerms::read(&mut tx).await?;
    let Some(fee) = terms.fee(&category, &put.currency, now) else {
        return Err(Refusal::NotSold { what: category, currency: put.currency.clone() });
    };
    let (goods, record) = if let Some(goods) = found {
        super::owned_by(&goods, &user)?;
        let record = changed(&mut tx, &goods, (&category, &put.currency, fee), &terms, now).await?;
        (goods, record)
    } else {
        let goods = Goods {
            key: put.key.clone(),
            kind: KIND.to_owned(),
            user_id: user,
            created_at: now,
            ..Goods::default()
        };
        let currency = put.currency.clone();
        (goods, Record { category, currency, categorised_at: now, ..Record::default() })
    };
    let mut held = Held::of(&mut tx, goods, record, &terms).await?;
    held.store(&mut tx, &actor.in_audit(), now).await?;
    // Payments may have come before the listing did.
    tx.note_goods(&[put.key.clone()].into()).await?;
    let view = ListingView::of(&mut tx, &held, now).await?;
    tx.commit().await?;
    Ok(view)
}

/// The record with another category, or as it is.
async fn changed(
    tx: &mut ledger::Transaction,
    goods: &Goods,
    (category, currency, fee): (&str, &str, i64),
    terms: &ListingTerms,
    now: DateTime<Utc>,
) -> Result<Record, Refusal> {
    let held = Held::of(tx, goods.clone(), Record::of(goods)?, terms).await?;
    let (state, record) = (held.state(now), held.record.clone());
    if matches!(state, State::Rejected | State::Deleted) {
        return Err(Refusal::State { state, wanted: "not taken away", done: "changed" });
    }
    let is_same = (record.category.as_str(), record.currency.as_str()) == (category, currency);
    // A free listing that is over may be put again.
    if is_same && !(state == State::Expired && fee == 0) {
        return Ok(record);
    }
    let paid = held.payments.iter().find(|paid| matches!(paid.money, Money::Here | Money::Held));
    if let Some(paid) = paid.filter(|_| fee != held.derived.fee) {
        return Err(Refusal::Paid { paid: paid.amount, currency: paid.currency.clone() });
    }
    let mut changed =
        Record { category: category.to_owned(), currency: currency.to_owned(), ..record.clone() };
    let is_free = |record: &Record| free_time(record, terms);
    // From free to free it goes on as it was. Else the fee of this moment is its fee.
    let goes_on = state == State::Active && is_free(&record).is_some() && is_free(&changed).is_some();
    if !(fee == 0 && goes_on) {
        changed.was_free.extend(is_free(&record).map(|free| Span { until: free.until.min(now), ..free }));
        changed.categorised_at = now;
    }
    let after = Held::of(tx, goods.clone(), changed, terms).await?;
    match lost(&held, &after) {
        Some(paid) => Err(Refusal::Paid { paid: paid.amount, currency: paid.currency.clone() }),
        None => Ok(after.record),
    }
}

/// A payment that entitles to something as the listing is, and would not as it is to be.
fn lost<'a>(held: &'a Held, after: &Held) -> Option<&'a Judged> {
    let is_granted = |judged: &&Judged| judged.verdict == Verdict::Granted;
    let kept: Vec<&Judged> = after.derived.payments.iter().filter(is_granted).collect();
    let mut granted = held.derived.payments.iter().filter(is_granted);
    granted.find(|judged| kept.iter().all(|it| it.payment != judged.payment))
}
