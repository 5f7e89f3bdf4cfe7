//! Compares a day of Stripe's balance with the ledger: reads the transactions, keeps them, judges them, and keeps what
//! differs. Running it again is harmless, and a read that was cut off is never called reconciled.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::charges::Charge;
use domain::dispute_movements::Movement;
use domain::payouts::Payout as PayoutRow;
use domain::reconciliation::{
    BalanceTransaction, Category, Difference, DifferenceKind, Objects, Payout, Verdict, judge, kept,
};
use domain::refunds::Refund;
use domain::{Key, Object};
use ledger::tables::reconciliations::{Reconciliation, StoredLine};
use ledger::{Ledger, LedgerError, Transaction};
use serde::{Deserialize, Serialize};
use stripe_api::{Answer, Api, CreatedBetween, PayoutFilter, StripeError, TransactionFilter};

/// Stripe's list may lack what was made a moment ago.
const SETTLES_AFTER: TimeDelta = TimeDelta::hours(2);
/// What belongs to a day may be listed this much later, or earlier.
const OVERLAP: TimeDelta = TimeDelta::days(3);
const ROWS_AT_ONCE: usize = 500;

#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error("{0} has not ended, or ended less than two hours ago: its transactions are not complete")]
    NotOver(NaiveDate),
    #[error(transparent)]
    Stripe(#[from] StripeError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A day with its sums and what differs.
#[derive(Debug, Serialize)]
pub struct Compared {
    #[serde(flatten)]
    pub run: Reconciliation,
    pub lines: Vec<StoredLine>,
    pub differing: Vec<DifferingItem>,
}

#[derive(Debug, Serialize)]
pub struct DifferingItem {
    pub kind: &'static str,
    pub subject: String,
    pub currency: String,
    pub stripe_amount: Option<i64>,
    pub ledger_amount: Option<i64>,
}

/// The last day, in UTC, whose transactions are complete.
pub fn last_day(now: DateTime<Utc>) -> NaiveDate {
    let today = (now - SETTLES_AFTER).date_naive();
    today.pred_opt().unwrap_or(today)
}

/// Compares one day, in UTC, of one account. What Stripe did not answer is not judged: the day is then incomplete.
pub async fn run(
    ledger: &Ledger,
    api: &Api,
    day: NaiveDate,
    account: &str,
    now: DateTime<Utc>,
) -> Result<Compared, ReconcileError> {
    let from = day.and_time(NaiveTime::MIN).and_utc();
    let until = from + TimeDelta::days(1);
    if until + SETTLES_AFTER > now {
        return Err(ReconcileError::NotOver(day));
    }
    let whose = Key { id: String::new(), account: account.to_owned(), livemode: api.livemode() };
    let read = async {
        let listed = read_transactions(ledger, api, &whose, (from - OVERLAP, until + OVERLAP), now).await?;
        Ok::<_, ReconcileError>((listed, read_payouts(ledger, api, &whose, (from, until), now).await?))
    };
    let (payouts, reason) = match read.await {
        Ok((_, payouts)) => (payouts, None),
        Err(ReconcileError::Stripe(error)) => (Vec::new(), Some(error.to_string())),
        Err(error) => return Err(error),
    };

    let mut tx = ledger.begin().await?;
    let transactions = tx.balance_transactions_within(&whose, from, until).await?;
    let objects = objects(&mut tx, &transactions, &whose, (from, until)).await?;
    let mut judged = judge(&transactions, &objects, &payouts, now);
    if reason.is_some() {
        // What Stripe did not answer looks as if it were missing there.
        judged.differences.retain(|difference| difference.kind != DifferenceKind::MissingTransaction);
    }
    let verdict = match (&reason, judged.differences.is_empty()) {
        (Some(_), _) => Verdict::Incomplete,
        (None, true) => Verdict::Reconciled,
        (None, false) => Verdict::Differences,
    };
    let shown = day.to_string();
    let run = Reconciliation {
        day: shown.clone(),
        account: account.to_owned(),
        livemode: whose.livemode,
        verdict,
        transactions: count(transactions.len()),
        differences: count(judged.differences.len()),
        awaited: judged.awaited,
        reason,
        compared_at: now,
    };
    let differing = judged.differences.iter().map(shown_item).collect();
    let lines: Vec<_> = judged.lines.into_iter().collect();
    tx.keep_reconciliation(&run, &lines, &kept(&shown, judged.differences)).await?;
    let lines = tx.reconciliation_lines(&run).await?;
    tx.commit().await?;
    Ok(Compared { run, lines, differing })
}

fn shown_item(difference: &Difference) -> DifferingItem {
    DifferingItem {
        kind: difference.kind.as_str(),
        subject: difference.subject.clone(),
        currency: difference.currency.clone(),
        stripe_amount: difference.stripe_amount,
        ledger_amount: difference.ledger_amount,
    }
}

/// Reads the transactions of a span and keeps them; says how many.
async fn read_transactions(
    ledger: &Ledger,
    api: &Api,
    whose: &Key,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Result<usize, ReconcileError> {
    let until = until.min(now);
    let filter = TransactionFilter {
        created: CreatedBetween { from: Some(from), until: Some(until) },
        ..TransactionFilter::default()
    };
    let listed = api.balance_transactions(&filter, &whose.account).await?;
    keep(ledger, &listed.objects, whose, None, now).await.map(|kept| kept.len())
}

/// The automatic payouts that were made within a span and whose transactions are complete, with their sums.
async fn read_payouts(
    ledger: &Ledger,
    api: &Api,
    whose: &Key,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Result<Vec<Payout>, ReconcileError> {
    let filter = PayoutFilter {
        created: CreatedBetween { from: Some(from), until: Some(until) },
        ..PayoutFilter::default()
    };
    let mut payouts = Vec::new();
    for listed in api.payouts(&filter, &whose.account).await?.objects {
        let payout: PayoutWire = listed.read()?;
        if !payout.automatic || payout.reconciliation_status.as_deref() != Some("completed") {
            continue; // manual ones cannot be itemised
        }
        let filter = TransactionFilter { payout: Some(payout.id.clone()), ..TransactionFilter::default() };
        let items = api.balance_transactions(&filter, &whose.account).await?;
        let items = keep(ledger, &items.objects, whose, Some(&payout.id), now).await?;
        let own = |item: &&BalanceTransaction| item.category() != Category::Payout;
        payouts.push(Payout {
            key: whose.sibling(&payout.id),
            amount: payout.amount,
            currency: payout.currency,
            sum: items.iter().filter(own).map(|item| item.net).sum(),
        });
    }
    Ok(payouts)
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
    read.dedup_by(|a, b| a.key == b.key); // pages shift while they are read
    for chunk in read.chunks(ROWS_AT_ONCE) {
        let mut tx = ledger.begin().await?;
        tx.keep_balance_transactions(chunk, now).await?;
        tx.commit().await?;
    }
    Ok(read)
}

/// What the ledger has of what the transactions are about.
async fn objects(
    tx: &mut Transaction,
    transactions: &[BalanceTransaction],
    whose: &Key,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Objects, LedgerError> {
    let sources = |wanted: &[Category]| {
        let of = transactions.iter().filter(|it| wanted.contains(&it.category()));
        sorted(of.filter_map(|it| Some(whose.sibling(it.source.as_deref()?))))
    };
    let movements =
        sorted(transactions.iter().filter(|it| it.category() == Category::Dispute).map(|it| it.key.clone()));
    Ok(Objects {
        charges: all::<Charge>(tx, &sources(&[Category::Charge])).await?,
        refunds: all::<Refund>(tx, &sources(&[Category::Refund, Category::RefundFailure])).await?,
        movements: all::<Movement>(tx, &movements).await?,
        payouts: all::<PayoutRow>(tx, &sources(&[Category::Payout])).await?,
        charges_without: tx.charges_without_transaction(whose, from, until).await?,
        refunds_without: tx.refunds_without_transaction(whose, from, until).await?,
    })
}

async fn all<T: Object>(tx: &mut Transaction, keys: &[Key]) -> Result<Vec<T>, LedgerError> {
    let mut found = Vec::new();
    for chunk in keys.chunks(ROWS_AT_ONCE) {
        found.extend(tx.look_up::<T>(chunk).await?);
    }
    Ok(found)
}

fn sorted(keys: impl Iterator<Item = Key>) -> Vec<Key> {
    let mut keys: Vec<Key> = keys.collect();
    keys.sort();
    keys.dedup();
    keys
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A balance transaction as Stripe writes it.
#[derive(Deserialize)]
struct TransactionWire {
    id: String,
    r#type: String,
    #[serde(default)]
    reporting_category: String,
    amount: i64,
    #[serde(default)]
    fee: i64,
    net: i64,
    currency: String,
    exchange_rate: Option<serde_json::Number>,
    source: Option<Source>,
    #[serde(default)]
    status: String,
    balance_type: Option<String>,
    created: i64,
    available_on: Option<i64>,
}

/// An id, or the object itself where it was expanded.
#[derive(Deserialize)]
#[serde(untagged)]
enum Source {
    Id(String),
    Object { id: String },
}

#[derive(Deserialize)]
struct PayoutWire {
    id: String,
    amount: i64,
    currency: String,
    #[serde(default)]
    automatic: bool,
    reconciliation_status: Option<String>,
}

impl TransactionWire {
    fn into_transaction(self, whose: &Key, payout: Option<&str>) -> Option<BalanceTransaction> {
        Some(BalanceTransaction {
            key: whose.sibling(&self.id),
            kind: self.r#type,
            reporting_category: self.reporting_category,
            amount: self.amount,
            fee: self.fee,
            net: self.net,
            currency: self.currency,
            exchange_rate: self.exchange_rate.map(|rate| rate.to_string()),
            source: self.source.map(|source| match source {
                Source::Id(id) | Source::Object { id } => id,
            }),
            payout: payout.map(str::to_owned),
            status: self.status,
            balance_type: self.balance_type,
            created_at: DateTime::from_timestamp(self.created, 0)?,
            available_at: self.available_on.and_then(|at| DateTime::from_timestamp(at, 0)),
        })
    }
}
