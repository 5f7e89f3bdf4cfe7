//! Where a merchant's own goods join in: whoever keeps goods is told which of them a payment changed, derives them anew,
//! and asks for money back that entitles to nothing. Nothing here knows what the goods are.

use chrono::{DateTime, TimeDelta, Utc};
use domain::checkouts::{Checkout, CheckoutState};
use domain::findings::{Check, Found};
use domain::fulfilments::{Fulfilment, Money};
use domain::goods::{Goods, NAME, Term, Terms};
use domain::notices::{About, Notice, NoticeKind};
use domain::operations::{KNOWN_BY_CLOCK, Operation, OperationKind, OperationState, Reason};
use domain::{AuditChange, Key, Severity, Transition, audit_chain};
use ledger::tables::goods::Changed;
use ledger::{Ledger, LedgerError, Transaction};
use serde_json::Value;
use shared::Pending;

use crate::actor::Actor;
use crate::acts::operations::NotDone;
use crate::acts::operations::request::{Ask, Wanted, request};
use crate::findings::{Look, record};

/// Looks at goods of one kind, where this key is of its kind: derives them anew and sees to what follows. Gives when to
/// look again, where something about them is too early to be decided.
pub type Keep =
    for<'a> fn(&'a Ledger, &'a Key, DateTime<Utc>) -> Pending<'a, Result<Option<DateTime<Utc>>, NotDone>>;

/// So many are looked at in one pass.
const AT_ONCE: i64 = 100;
/// How long goods wait that could not be looked at.
const AFTER_A_FAILURE: TimeDelta = TimeDelta::minutes(1);
const OPERATIONS_LIMIT: i64 = 100;

/// What one pass came to.
#[derive(Clone, Debug, Default)]
pub struct Pass {
    pub kept: usize,
    /// Those that could not be looked at, and why.
    pub failed: Vec<(Key, String)>,
}

/// Looks at goods whose payments changed, and at those of which the clock makes something.
pub async fn keep_all(ledger: &Ledger, keepers: &[Keep], now: DateTime<Utc>) -> Result<Pass, LedgerError> {
    let mut tx = ledger.read().await?;
    let changed = tx.changed_goods(now, AT_ONCE).await?;
    let turning = tx.turning_goods(now, AT_ONCE).await?;
    drop(tx);
    let mut pass = Pass::default();
    for seen in &changed {
        let again_at = match keep(ledger, keepers, &seen.key, now).await {
            Ok(again_at) => again_at,
            Err(NotDone::Ledger(error)) => return Err(error),
            Err(error) => {
                pass.failed.push((seen.key.clone(), error.to_string()));
                Some(now + AFTER_A_FAILURE)
            }
        };
        see(ledger, seen, again_at).await?;
        pass.kept += 1;
    }
    for key in &turning {
        match keep(ledger, keepers, key, now).await {
            Ok(_) => pass.kept += 1,
            Err(NotDone::Ledger(error)) => return Err(error),
            Err(error) => pass.failed.push((key.clone(), error.to_string())),
        }
    }
    Ok(pass)
}

async fn keep(
    ledger: &Ledger,
    keepers: &[Keep],
    key: &Key,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, NotDone> {
    let mut again_at = None;
    for keep in keepers {
        let later = keep(ledger, key, now).await?;
        again_at = [again_at, later].into_iter().flatten().min();
    }
    Ok(again_at)
}

async fn see(ledger: &Ledger, seen: &Changed, again_at: Option<DateTime<Utc>>) -> Result<(), LedgerError> {
    let mut tx = ledger.begin().await?;
    tx.goods_seen(seen, again_at).await?;
    tx.commit().await
}

/// What a kind of goods is sold on.
pub async fn terms(
    tx: &mut Transaction,
    kind: &str,
    usual: &[(&str, &str, i64)],
) -> Result<Terms, LedgerError> {
    let set: Vec<Term> = tx.goods_terms(kind).await?;
    Ok(Terms::of(usual, set))
}

/// Writes goods, with a line of the audit and a notice where their state moved. The caller holds their lock.
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

/// Asks once for all that is left of a payment to be refunded: the rules of refunds decide on whose word. Whatever
/// becomes of it, the clock does not ask again.
pub async fn give_back(
    ledger: &Ledger,
    payment: &Key,
    reason: Reason,
    note: &str,
    now: DateTime<Utc>,
) -> Result<GivenBack, NotDone> {
    if let Some(operation) = asked_back(&mut ledger.read().await?, payment).await? {
        return Ok(judged(operation));
    }
    let ask = Ask {
        wanted: Wanted::Refund { payment: payment.clone(), amount: None, currency: None },
        reason,
        note: Some(note.to_owned()),
        confirmed: true,
    };
    request(ledger, &ask, &Actor::clock(), now).await.map(judged)
}

/// The refund that the clock has asked for, the last of them.
pub async fn asked_back(tx: &mut Transaction, payment: &Key) -> Result<Option<Operation>, LedgerError> {
    let mut operations = tx.operations_of_payment(payment, OPERATIONS_LIMIT).await?;
    operations
        .retain(|operation| operation.kind == OperationKind::Refund && operation.known_by == KNOWN_BY_CLOCK);
    Ok(operations.pop())
}

/// Whether its money is on its way back, as the clock asked.
pub async fn is_returning(tx: &mut Transaction, payment: &Key) -> Result<bool, LedgerError> {
    Ok(asked_back(tx, payment).await?.is_some_and(|asked| matches!(judged(asked), GivenBack::Asked(_))))
}

fn judged(operation: Operation) -> GivenBack {
    let is_alive = operation.state.is_open() || operation.state == OperationState::Succeeded;
    if is_alive { GivenBack::Asked(operation) } else { GivenBack::Stuck(operation) }
}

/// Keeps what is wrong with the payments of goods; what is no longer wrong is gone.
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
