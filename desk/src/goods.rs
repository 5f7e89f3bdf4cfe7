//! Where a merchant's own goods join in: whoever keeps goods is told which of them a payment changed, derives them anew,
//! and asks for money back that entitles to nothing. Nothing here knows what the goods are.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::checkouts::{Checkout, CheckoutState};
use domain::findings::{Check, Found};
use domain::fulfilments::{Fulfilment, Money};
use domain::goods::{Goods, NAME, Term, Terms};
use domain::notices::{About, Notice, NoticeKind};
use domain::operations::{KNOWN_BY_CLOCK, Operation, OperationState, Reason};
use domain::refunds::Refund;
use domain::{AuditChange, Key, Severity, Transition, audit_chain};
use ledger::tables::goods::Changed;
use ledger::{Ledger, LedgerError, Transaction};
use serde_json::Value;
use shared::Pending;

use crate::acts::operations::NotDone;
use crate::acts::operations::request::{Ask, Wanted, request_because_of};
use crate::findings::{Look, record};

mod removed;

pub use self::removed::{remove, stays};

/// Looks at goods of one kind, where this key is of its kind: derives them anew and sees to what follows. Gives when to
/// look again, where something about them is too early to be decided.
pub type Keep =
    for<'a> fn(&'a Ledger, &'a Key, DateTime<Utc>) -> Pending<'a, Result<Option<DateTime<Utc>>, NotDone>>;

/// So many are looked at in one pass.
const AT_ONCE: i64 = 100;
/// How long goods wait that could not be looked at.
const AFTER_A_FAILURE: TimeDelta = TimeDelta::minutes(1);
/// How long after a payment its goods may be put.
const UNTIL_PUT: TimeDelta = TimeDelta::minutes(10);

/// What one pass came to.
#[derive(Clone, Debug, Default)]
pub struct Pass {
    pub kept: usize,
    /// Those whose time as evidence is over.
    pub removed: usize,
    /// Those that could not be looked at, and why.
    pub failed: Vec<(Key, String)>,
}

/// Asked before each of the goods: whether whoever looks still may.
pub type GoesOn<'a> = &'a (dyn Fn() -> Pending<'a, Result<bool, LedgerError>> + Sync);

/// Looks at goods whose payments changed, and at those of which the clock makes something.
#[shared::built_once]
pub async fn keep_all(
    ledger: &Ledger,
    keepers: &[Keep],
    goes_on: GoesOn<'_>,
    now: DateTime<Utc>,
) -> Result<Pass, LedgerError> {
    let mut tx = ledger.read().await?;
    let changed = tx.changed_goods(now, AT_ONCE).await?;
    let mut turning = tx.turning_goods(now, AT_ONCE).await?;
    turning.retain(|key| changed.iter().all(|seen| seen.key != *key));
    drop(tx);
    let mut pass = Pass::default();
    for seen in &changed {
        if !goes_on().await? {
            return Ok(pass);
        }
        let again_at = match keep(ledger, keepers, &seen.key, now, &mut pass).await {
            Ok(again_at) => again_at,
            Err(error) => Some(pass.failed(&seen.key, error, now)?),
        };
        see(ledger, seen, again_at).await?;
        pass.kept += 1;
    }
    for key in &turning {
        if !goes_on().await? {
            return Ok(pass);
        }
        if let Err(error) = keep(ledger, keepers, key, now, &mut pass).await {
            let again_at = pass.failed(key, error, now)?;
            let mut tx = ledger.begin().await?;
            tx.put_off_goods(key, again_at).await?;
            tx.commit().await?;
        }
        pass.kept += 1;
    }
    Ok(pass)
}

impl Pass {
    /// When they are looked at again. An error that is not theirs ends the pass.
    fn failed(
        &mut self,
        key: &Key,
        error: NotDone,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, LedgerError> {
        match error {
            NotDone::Ledger(error) if error.is_transient() || error.is_fatal() => Err(error),
            error => {
                self.failed.push((key.clone(), error.to_string()));
                Ok(now + AFTER_A_FAILURE)
            }
        }
    }
}

async fn keep(
    ledger: &Ledger,
    keepers: &[Keep],
    key: &Key,
    now: DateTime<Utc>,
    pass: &mut Pass,
) -> Result<Option<DateTime<Utc>>, NotDone> {
    let Some(goods) = ledger.read().await?.goods(key).await? else {
        return Ok(astray(ledger, key, now).await?);
    };
    if goods.is_removed() {
        removed::return_late_money(ledger, &goods, now).await?;
        return Ok(None);
    }
    let mut again_at = None;
    for keep in keepers {
        let later = keep(ledger, key, now).await?;
        again_at = [again_at, later].into_iter().flatten().min();
    }
    if goods.turns_at.is_some_and(|at| at <= now) {
        let after = ledger.read().await?.goods(key).await?;
        pass.removed += usize::from(after.is_some_and(|goods| goods.is_removed()));
    }
    Ok(again_at)
}

/// Finds money for goods that nobody ever put; where they are put, whoever keeps them says what is wrong. What was paid
/// before there were any goods is no concern of ours.
async fn astray(
    ledger: &Ledger,
    key: &Key,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, LedgerError> {
    let mut tx = ledger.begin().await?;
    if tx.lock_goods(key).await?.is_some() {
        return Ok(None);
    }
    let Some(since) = tx.first_goods_at(key).await? else { return Ok(None) };
    let goods = Goods { key: key.clone(), ..Goods::default() };
    let (mut found, mut again_at) = (Vec::new(), None);
    for paid in tx.fulfilments(key).await?.iter().filter(|paid| paid.money == Money::Here) {
        let Some(paid_at) = paid.paid_at.filter(|at| *at >= since) else { continue };
        if paid_at + UNTIL_PUT > now {
            again_at = [again_at, Some(paid_at + UNTIL_PUT)].into_iter().flatten().min();
            continue;
        }
        let summary = format!("{} was paid for {}, and there are no such goods", paid.what, key.id);
        found.push(finding("paid_for_no_goods", &goods, paid, summary));
    }
    keep_findings(&mut tx, key, found, now).await?;
    tx.commit().await?;
    Ok(again_at)
}

async fn see(ledger: &Ledger, seen: &Changed, again_at: Option<DateTime<Utc>>) -> Result<(), LedgerError> {
    let mut tx = ledger.begin().await?;
    tx.goods_seen(seen, again_at).await?;
    tx.commit().await
}

/// What a kind of goods is sold on.
#[shared::built_once]
pub async fn terms(
    tx: &mut Transaction,
    kind: &str,
    usual: &[(&str, &str, i64)],
) -> Result<Terms, LedgerError> {
    let set: Vec<Term> = tx.goods_terms(kind).await?;
    Ok(Terms::of(usual, set))
}

/// Writes goods, with a line of the audit and a notice where their state moved. The caller holds their lock.
#[shared::built_once]
pub async fn store(
    tx: &mut Transaction,
    goods: &mut Goods,
    moved: Option<AuditChange>,
    data: &Value,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let Some(change) = moved else { return tx.write_goods(goods).await };
    goods.revision += 1;
    let severity = change.severity;
    let line =
        Transition { kind: NAME, key: goods.key.clone(), revision: goods.revision, event_id: None, change };
    let line = audit_chain::extend(&mut goods.audit_hash, &line, by, now);
    tx.write_goods(goods).await?;
    tx.append_audit(&[line]).await?;
    let about = About { object_kind: NAME, object: &goods.key, number: goods.revision, occurred_at: now };
    tx.note(vec![Notice::new(NoticeKind::GoodsChanged, severity, about, data, now)]).await?;
    Ok(())
}

/// Closes the checkouts of goods whose intent was paid or canceled; what they are paid with now is theirs to say.
#[shared::built_once]
pub async fn close_settled(
    tx: &mut Transaction,
    checkouts: &mut [Checkout],
    fulfilments: &[Fulfilment],
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    for checkout in checkouts.iter_mut().filter(|checkout| checkout.state == CheckoutState::Open) {
        let intent = checkout.payment_intent.as_deref();
        let paid = fulfilments.iter().find(|paid| Some(paid.payment.id.as_str()) == intent);
        match paid.map(|paid| paid.money) {
            None | Some(Money::Awaited) => continue,
            Some(Money::Canceled) => checkout.close("canceled", now),
            Some(_) => checkout.close("paid", now),
        }
        tx.write_checkout(checkout).await?;
    }
    Ok(())
}

/// What was asked of Stripe about money that is owed back.
#[derive(Clone, Debug)]
pub enum GivenBack {
    /// An operation is on its way, waits for somebody, or is done.
    Asked(Operation),
    /// It ended without giving anything back: a person decides.
    Stuck(Operation),
}

impl GivenBack {
    pub fn operation(&self) -> &Operation {
        let (Self::Asked(operation) | Self::Stuck(operation)) = self;
        operation
    }
}

/// Asks once for all that is left of a payment to be refunded: the rules of refunds decide on whose word. Whatever
/// becomes of it, the clock does not ask again.
#[shared::built_once]
pub async fn give_back(
    ledger: &Ledger,
    payment: &Key,
    reason: Reason,
    note: &str,
    now: DateTime<Utc>,
) -> Result<GivenBack, NotDone> {
    give_back_because_of(ledger, payment, (reason, note), None, now).await
}

/// The same where it is owed by somebody's act, who is not the one to approve it.
#[shared::built_once]
pub async fn give_back_because_of(
    ledger: &Ledger,
    payment: &Key,
    (reason, note): (Reason, &str),
    caused_by: Option<&str>,
    now: DateTime<Utc>,
) -> Result<GivenBack, NotDone> {
    if let Some(asked) =
        asked_back(&mut ledger.read().await?, &[payment.clone()].into()).await?.remove(payment)
    {
        return Ok(asked);
    }
    let ask = Ask {
        wanted: Wanted::Refund { payment: payment.clone(), amount: None, currency: None },
        reason,
        note: Some(note.to_owned()),
        confirmed: true,
    };
    let operation = request_because_of(ledger, &ask, caused_by, now).await?;
    let is_open = operation.state.is_open();
    Ok(if is_open { GivenBack::Asked(operation) } else { GivenBack::Stuck(operation) })
}

/// What the clock has asked back of these payments, by two statements: a refund that is alive, else the last.
#[shared::built_once]
pub async fn asked_back(
    tx: &mut Transaction,
    payments: &BTreeSet<Key>,
) -> Result<BTreeMap<Key, GivenBack>, LedgerError> {
    let operations = tx.refunds_asked_for(payments, KNOWN_BY_CLOCK).await?;
    let made: BTreeSet<Key> = operations.iter().filter_map(refund_of).collect();
    let made: Vec<Key> = made.into_iter().collect();
    let refunds: Vec<Refund> = tx.look_up(&made).await?;
    let failed: BTreeSet<Key> =
        refunds.into_iter().filter(Refund::has_failed).map(|refund| refund.key).collect();
    let mut asked: BTreeMap<Key, GivenBack> = BTreeMap::new();
    for operation in operations {
        let Some(payment) = operation.payment.as_deref().map(|id| operation.key.sibling(id)) else {
            continue;
        };
        let is_alive = is_alive(&operation, &failed);
        let known = asked.get(&payment);
        if known.is_none() || is_alive && matches!(known, Some(GivenBack::Stuck(_))) {
            let given = if is_alive { GivenBack::Asked } else { GivenBack::Stuck };
            asked.insert(payment, given(operation));
        }
    }
    Ok(asked)
}

/// Those of these payments whose money is on its way back, as the clock asked.
#[shared::built_once]
pub async fn returning(tx: &mut Transaction, payments: &BTreeSet<Key>) -> Result<BTreeSet<Key>, LedgerError> {
    let asked = asked_back(tx, payments).await?;
    Ok({ asked.into_iter() }
        .filter(|(_, given)| matches!(given, GivenBack::Asked(_)))
        .map(|(payment, _)| payment)
        .collect())
}

/// What Stripe made of an operation.
fn refund_of(operation: &Operation) -> Option<Key> {
    operation.stripe_id.as_deref().map(|id| operation.key.sibling(id))
}

/// Whether it may still give the money back, or has: a refund that Stripe made may fail days later.
fn is_alive(operation: &Operation, failed: &BTreeSet<Key>) -> bool {
    if operation.state != OperationState::Succeeded {
        return operation.state.is_open();
    }
    refund_of(operation).is_none_or(|refund| !failed.contains(&refund))
}

/// Keeps what is wrong with the payments of goods; what is no longer wrong is gone. Whoever keeps goods calls it each time,
/// also where nothing is wrong.
#[shared::built_once]
pub async fn keep_findings(
    tx: &mut Transaction,
    goods: &Key,
    found: Vec<Found>,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let whose = Key { id: String::new(), ..goods.clone() };
    let look = Look { check: Check::Goods, whose: &whose, scope: &goods.id, is_whole: true, looked_for: &[] };
    record(tx, &look, found, now).await?;
    Ok(())
}

/// One thing that is wrong with a payment of goods.
pub fn finding(kind: &'static str, goods: &Goods, paid: &Fulfilment, summary: String) -> Found {
    Found {
        kind,
        severity: Severity::Warning,
        subject_kind: "payment",
        subject_id: paid.payment.id.clone(),
        item: String::new(),
        currency: paid.currency.clone(),
        amount: Some(paid.amount),
        stripe_amount: None,
        ledger_amount: None,
        summary,
        details: [("goods", goods.key.id.clone().into()), ("what", paid.what.clone().into())].into(),
    }
}
