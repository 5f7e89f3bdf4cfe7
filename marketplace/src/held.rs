//! A listing with all that it follows from, read under its lock, and the row that it comes to.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use desk::goods;
use domain::evidence::Testimony;
use domain::fulfilments::{Fulfilment, Money};
use domain::goods::Goods;
use domain::{AuditChange, Key, Severity};
use ledger::{LedgerError, Transaction};
use serde_json::json;

use crate::KIND;
use crate::record::{Record, State};
use crate::rules::{Asked, Derived, Known, Verdict, derive};
use crate::terms::{ListingTerms, slug};
use crate::testimony::testimony;

/// Whom the audit names where a payment or the clock moved a listing.
pub(crate) const BY: &str = "tidegate";
/// Bumped listings stand before all others, however new: so far ahead.
const AHEAD: TimeDelta = TimeDelta::days(365_250);

/// A listing with all that it follows from, in one transaction that holds its lock.
pub(crate) struct Held {
    pub(crate) goods: Goods,
    pub(crate) record: Record,
    pub(crate) derived: Derived,
    pub(crate) payments: Vec<Fulfilment>,
    terms: ListingTerms,
    testimony: Testimony,
}

impl Held {
    /// Derives a listing as everything is now.
    pub(crate) async fn read(
        tx: &mut Transaction,
        goods: Goods,
        record: Record,
    ) -> Result<Self, LedgerError> {
        let terms = ListingTerms::read(tx).await?;
        Self::of(tx, goods, record, &terms).await
    }

    /// The same with another record than the stored one.
    pub(crate) async fn of(
        tx: &mut Transaction,
        goods: Goods,
        record: Record,
        terms: &ListingTerms,
    ) -> Result<Self, LedgerError> {
        let payments = tx.fulfilments(&goods.key).await?;
        let checkouts = tx.checkouts_of(&goods.key).await?;
        let asked: BTreeMap<String, Asked> =
            checkouts.iter().filter_map(|it| Some((it.payment_intent.clone()?, Asked::of(it)))).collect();
        let returning = returning(tx, &payments).await?;
        let known = Known {
            record: &record,
            user: &goods.user_id,
            terms,
            asked: &asked,
            returning: &returning,
            payments: &payments,
        };
        let derived = derive(&known);
        // A bank asks what was bought, and a dispute takes that away while it is open.
        let is_disputed = |paid: &Fulfilment| matches!(paid.money, Money::Held | Money::Lost);
        let bought = payments.iter().any(is_disputed).then(|| {
            let money = |paid: &Fulfilment| if is_disputed(paid) { Money::Here } else { paid.money };
            let before: Vec<Fulfilment> =
                payments.iter().map(|paid| Fulfilment { money: money(paid), ..paid.clone() }).collect();
            derive(&Known { payments: &before, ..known })
        });
        let testimony = testimony(&goods, &record, &checkouts, bought.as_ref().unwrap_or(&derived));
        Ok(Self { goods, record, derived, payments, terms: terms.clone(), testimony })
    }

    /// Until when it is kept as evidence, where it was taken away.
    pub(crate) fn kept_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.record.closed_at().map(|at| at + self.terms.evidence(now))
    }

    pub(crate) fn state(&self, now: DateTime<Utc>) -> State {
        self.derived.state_at(&self.record, now)
    }

    /// Writes the listing as it is derived, where anything of it changed.
    pub(crate) async fn store(
        &mut self,
        tx: &mut Transaction,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let before = self.goods.clone();
        let state = self.state(now);
        self.goods = self.row();
        self.goods.turns_at = self.kept_until(now).or_else(|| self.derived.turns_at(now));
        let told = std::mem::replace(&mut self.goods.told_state, state.as_str().to_owned());
        let moved = (told != state.as_str()).then(|| AuditChange {
            what: "status",
            before: Some(told).filter(|told| !told.is_empty()),
            after: Some(state.as_str().to_owned()),
            severity: if state == State::Rejected { Severity::Warning } else { Severity::Info },
        });
        if moved.is_none() && self.goods == before {
            return Ok(());
        }
        let data = json!({
            "goods_kind": KIND, "user_id": self.goods.user_id, "category": self.record.category,
            "before": moved.as_ref().and_then(|moved| moved.before.clone()), "after": state.as_str(),
            "expires_at": self.derived.active_until, "featured_until": self.derived.featured_until,
        });
        goods::store(tx, &mut self.goods, moved, &data, by, now).await
    }

    /// The row with the columns that follow from its record and payments, and from no clock.
    pub(crate) fn row(&self) -> Goods {
        let (record, derived) = (&self.record, &self.derived);
        // Without a clock a listing is never expired: until when it is active is written beside it.
        let state = match derived.state_at(record, DateTime::<Utc>::MIN_UTC) {
            State::Expired => State::Active,
            state => state,
        };
        let is_active = state == State::Active;
        let bumped = derived.bumped_at.map(|at| at + AHEAD);
        Goods {
            record: record.stored(),
            label: slug(&record.category),
            state: state.as_str().to_owned(),
            shown_until: derived.active_until.filter(|_| is_active),
            sort_at: bumped.or(derived.active_from).filter(|_| is_active),
            derived: serde_json::to_string(derived).expect("names and plain values"),
            testimony: self.testimony.stored(),
            ..self.goods.clone()
        }
    }

    /// Its payments by their ids.
    pub(crate) fn paid(&self) -> BTreeMap<&str, &Fulfilment> {
        self.payments.iter().map(|paid| (paid.payment.id.as_str(), paid)).collect()
    }

    /// The payments whose money is to go back.
    pub(crate) fn owed(&self) -> BTreeSet<Key> {
        let owed = self.derived.payments.iter().filter(|judged| matches!(judged.verdict, Verdict::Owed(_)));
        owed.map(|judged| self.goods.key.sibling(&judged.payment)).collect()
    }
}

/// The payments whose money was asked back. Of one alone it decides nothing.
async fn returning(tx: &mut Transaction, payments: &[Fulfilment]) -> Result<BTreeSet<String>, LedgerError> {
    let here = payments.iter().filter(|paid| paid.money == Money::Here);
    let here: BTreeSet<Key> = here.map(|paid| paid.payment.clone()).collect();
    if here.len() < 2 {
        return Ok(BTreeSet::new());
    }
    Ok(goods::returning(tx, &here).await?.into_iter().map(|payment| payment.id).collect())
}
