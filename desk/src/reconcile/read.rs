//! What Stripe says of a day: what moved its balance, the payouts with their transactions, and what the balance is now.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Key;
use domain::reconciliation::{BalanceTransaction, Payout};
use ledger::Ledger;
use stripe_api::{Answer, Api, CreatedBetween, PayoutFilter, StripeError, TransactionFilter};

use super::wire::{PayoutWire, TransactionWire};
use super::{Comparing, ReconcileError, Span};

/// What belongs to a day may be listed this much later, or earlier.
const OVERLAP: TimeDelta = TimeDelta::days(3);
/// The balance is compared for days up to this old: all that moved since must be read, too.
const BALANCE_WITHIN: TimeDelta = TimeDelta::days(10);
/// What is made while the list is read is in it.
const AHEAD: TimeDelta = TimeDelta::hours(1);
/// The balance must be the same before and after the list is read, or it is read again.
const BALANCE_TRIES: usize = 3;
/// Ten million transactions.
const PAGES_LIMIT: usize = 100_000;

/// What came of reading.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) payouts: Vec<Payout>,
    /// What Stripe says is there now, by currency; of old days, and while it moved, `None`.
    pub(super) balance: Option<BTreeMap<String, i64>>,
    /// Why it was not read to its end.
    pub(super) reason: Option<String>,
}

/// Reads and keeps everything; what Stripe does not answer is the reason.
pub(super) async fn all(
    comparing: Comparing<'_>,
    span: &Span,
    now: DateTime<Utc>,
) -> Result<Read, ReconcileError> {
    let read = async {
        let balance = movements(comparing, span, now).await?;
        Ok((payouts(comparing, span, now).await?, balance))
    };
    match read.await {
        Ok((payouts, balance)) => Ok(Read { payouts, balance, reason: None }),
        Err(ReconcileError::Stripe(error)) => Ok(Read { reason: Some(error.to_string()), ..Read::default() }),
        Err(error) => Err(error),
    }
}

async fn movements(
    comparing: Comparing<'_>,
    span: &Span,
    now: DateTime<Utc>,
) -> Result<Option<BTreeMap<String, i64>>, ReconcileError> {
    let Comparing { api, ledger, account, .. } = comparing;
    let from = span.from - OVERLAP;
    if span.until + BALANCE_WITHIN < now {
        transactions(ledger, api, &span.whose, (from, span.until + OVERLAP), now).await?;
        return Ok(None);
    }
    for _ in 0..BALANCE_TRIES {
        let before = api.balance(account).await?;
        transactions(ledger, api, &span.whose, (from, now + AHEAD), now).await?;
        if api.balance(account).await? == before {
            return Ok(Some(before));
        }
    }
    Ok(None) // it moves all the time: the day begins as the day before ended
}

async fn transactions(
    ledger: &Ledger,
    api: &Api,
    whose: &Key,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Result<(), ReconcileError> {
    let filter = TransactionFilter {
        created: CreatedBetween { from: Some(from), until: Some(until) },
        ..TransactionFilter::default()
    };
    keep_all(ledger, api, whose, &filter, now, |_| {}).await
}

/// The payouts that were made within the day; automatic ones with their sums once Stripe has completed them.
async fn payouts(
    comparing: Comparing<'_>,
    span: &Span,
    now: DateTime<Utc>,
) -> Result<Vec<Payout>, ReconcileError> {
    let Comparing { api, ledger, account, .. } = comparing;
    let filter = PayoutFilter {
        created: CreatedBetween { from: Some(span.from), until: Some(span.until) },
        ..PayoutFilter::default()
    };
    let mut payouts = Vec::new();
    for listed in api.payouts(&filter, account).await?.objects {
        let payout: PayoutWire = listed.read()?;
        let mut read = Payout {
            key: span.whose.sibling(&payout.id),
            amount: payout.amount,
            currency: payout.currency,
            is_automatic: payout.automatic,
            is_complete: payout.reconciliation_status.as_deref() == Some("completed"),
            items: 0,
            sum: 0,
        };
        if read.is_automatic && read.is_complete {
            let filter =
                TransactionFilter { payout: Some(payout.id.clone()), ..TransactionFilter::default() };
            let mut nets: BTreeMap<String, i64> = BTreeMap::new();
            keep_all(ledger, api, &span.whose, &filter, now, |item| {
                // Others by hand, and what came back, are part of what is paid out.
                if item.source.as_deref() != Some(&payout.id) {
                    nets.insert(item.key.id.clone(), item.net);
                }
            })
            .await?;
            read.items = i64::try_from(nets.len()).unwrap_or(i64::MAX);
            read.sum = nets.values().sum();
        }
        payouts.push(read);
    }
    payouts.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(payouts)
}

/// Keeps a list page by page, however long it is. What was kept of one that was cut off is kept again.
async fn keep_all(
    ledger: &Ledger,
    api: &Api,
    whose: &Key,
    filter: &TransactionFilter,
    now: DateTime<Utc>,
    mut see: impl FnMut(&BalanceTransaction),
) -> Result<(), ReconcileError> {
    let mut after = None;
    for _ in 0..PAGES_LIMIT {
        let page = api.balance_transactions(filter, after, &whose.account).await?;
        let kept = keep(ledger, &page.objects, whose, filter.payout.as_deref(), now).await?;
        kept.iter().for_each(&mut see);
        after = page.next_after;
        if after.is_none() {
            return Ok(());
        }
    }
    Err(StripeError::Malformed("its list does not end").into())
}

async fn keep(
    ledger: &Ledger,
    listed: &[Answer],
    whose: &Key,
    payout: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Vec<BalanceTransaction>, ReconcileError> {
    let mut read = Vec::new();
    for answer in listed {
        let wire: TransactionWire = answer.read()?;
        let known = wire.into_transaction(whose, payout);
        read.push(known.ok_or(StripeError::Malformed("a balance transaction has no time"))?);
    }
    read.sort_by(|a, b| a.key.cmp(&b.key));
    read.dedup_by(|a, b| a.key == b.key);
    if !read.is_empty() {
        let mut tx = ledger.begin().await?;
        tx.keep_balance_transactions(&read, now).await?;
        tx.commit().await?;
    }
    Ok(read)
}
