//! Goods that were taken away are kept as evidence for a time. What keeps them longer, how they are removed then, and what
//! becomes of money that comes for them afterwards.

use chrono::{DateTime, Utc};
use domain::evidence::KEPT_AFTER_DISPUTE;
use domain::findings::Check;
use domain::fulfilments::{Fulfilment, Money};
use domain::goods::{Goods, REMOVED, Removed};
use domain::operations::Reason;
use domain::{AuditChange, Key, Severity};
use ledger::{Ledger, LedgerError, Transaction};
use serde_json::json;

use super::{GivenBack, asked_back, finding, give_back, keep_findings, store};
use crate::acts::operations::NotDone;

/// Whether goods stay, though their time as evidence is over: something about them is on hold, a payment of them is
/// disputed or was until a short while ago, or a finding about them is not resolved. Whether money of them is owed,
/// whoever keeps them knows. The caller holds their lock.
#[shared::built_once]
pub async fn stays(
    tx: &mut Transaction,
    goods: &Goods,
    paid: &[Fulfilment],
    now: DateTime<Utc>,
) -> Result<bool, LedgerError> {
    if paid.iter().any(|paid| paid.money == Money::Held) || tx.has_findings(Check::Goods, &goods.key).await? {
        return Ok(true);
    }
    let around: Vec<Key> = tx.around_goods(goods).await?.into_iter().collect();
    Ok(!tx.kept_longer(&around, now - KEPT_AFTER_DISPUTE).await?.is_empty())
}

/// Removes goods with everything that names their user, in the transaction that holds their lock. Of the row stays what
/// keeps them removed; what was paid stays as payments.
#[shared::built_once]
pub async fn remove(
    tx: &mut Transaction,
    goods: &mut Goods,
    paid: &[Fulfilment],
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let before = goods.told_state.clone();
    *goods = goods.emptied(&Removed::of(paid, now));
    tx.forget_checkouts(&goods.key, now).await?;
    keep_findings(tx, &goods.key, Vec::new(), now).await?;
    let data = json!({ "goods_kind": goods.kind, "before": before, "after": REMOVED });
    let moved = AuditChange {
        what: "status",
        before: Some(before),
        after: Some(REMOVED.to_owned()),
        severity: Severity::Info,
    };
    store(tx, goods, Some(moved), &data, by, now).await
}

/// Money that came for goods after they were removed goes back; where it cannot, it is a finding.
pub(super) async fn return_late_money(
    ledger: &Ledger,
    goods: &Goods,
    now: DateTime<Utc>,
) -> Result<(), NotDone> {
    let left = goods.left()?;
    let mut tx = ledger.read().await?;
    let paid = tx.fulfilments(&goods.key).await?;
    let owed: Vec<&Fulfilment> = left.unsettled(&paid).collect();
    let asked = asked_back(&mut tx, &owed.iter().map(|paid| paid.payment.clone()).collect()).await?;
    drop(tx);
    let mut found = Vec::new();
    for paid in owed {
        let note = format!("{} {} was removed before", goods.kind, goods.key.id);
        let given = match asked.get(&paid.payment) {
            Some(given) => given.clone(),
            None => give_back(ledger, &paid.payment, Reason::TechnicalFailure, &note, now).await?,
        };
        if let GivenBack::Stuck(operation) = given {
            let summary = format!(
                "{} of {} {} is owed back (it was removed before), and {} is {}",
                paid.what, goods.kind, goods.key.id, operation.key.id, operation.state
            );
            found.push(finding("owed_and_not_given_back", goods, paid, summary));
        }
    }
    let mut tx = ledger.begin().await?;
    keep_findings(&mut tx, &goods.key, found, now).await?;
    tx.commit().await?;
    Ok(())
}
