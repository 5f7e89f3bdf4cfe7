//! Compares a day of Stripe's balance with the ledger: reads what moved, keeps it, judges it, asks Stripe again for what
//! the ledger lacks, and keeps what differs as findings. Running it again is harmless, and a read that was cut off is
//! never called reconciled.

mod ask;
mod evidence;
mod read;
mod wire;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::Key;
use domain::findings::{Check, Found, Tally};
use domain::reconciliation::{ComparedDay, Day, Difference, DifferenceKind, Verdict, due, judge};
use ledger::tables::reconciliations::{DayParts, Reconciliation, StoredBalance, StoredLine, StoredPayout};
use ledger::views::search::Whose;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;
use shared::queue::{PublishError, Queue};
use stripe_api::{Api, StripeError};

pub use self::ask::ask;
use self::read::Read;
use crate::findings::{Look, record};

pub use domain::reconciliation::last_day;

/// Days are of this zone.
pub const ZONE: &str = "UTC";
/// Objects that Stripe was asked for again are waited for so long; a worker must run.
const APPLIED_WITHIN: Duration = Duration::from_secs(20);
/// So many compared days are looked at for those that are due.
const DAYS_LOOKED_AT: i64 = 400;
const COMPLETED_WITHIN: TimeDelta = TimeDelta::days(45);

#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error("{0} has not ended, or ended less than two hours ago: its transactions are not complete")]
    NotOver(NaiveDate),
    #[error(transparent)]
    Stripe(#[from] StripeError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("what Stripe says of a missing object cannot be queued: {0}")]
    Queue(#[from] PublishError),
}

/// What is compared, and with what.
#[derive(Clone, Copy)]
pub struct Comparing<'a> {
    pub ledger: &'a Ledger,
    pub api: &'a Api,
    /// Where objects that Stripe is asked for again go; without it nothing is asked for.
    pub queue: Option<&'a Queue>,
    pub account: &'a str,
}

/// A day with its sums and what differs.
#[derive(Debug, Serialize)]
pub struct Compared {
    pub zone: &'static str,
    #[serde(flatten)]
    pub run: Reconciliation,
    pub lines: Vec<StoredLine>,
    pub payouts: Vec<StoredPayout>,
    pub balances: Vec<StoredBalance>,
    /// Objects that Stripe was asked for again.
    pub asked: usize,
    pub findings: Tally,
    pub differing: Vec<DifferingItem>,
}

#[derive(Debug, Serialize)]
pub struct DifferingItem {
    /// The finding that is kept of it; of very many at once only one is.
    pub finding: String,
    pub kind: &'static str,
    pub subject_kind: &'static str,
    pub subject: String,
    pub item: String,
    pub currency: String,
    pub stripe_amount: Option<i64>,
    pub ledger_amount: Option<i64>,
    pub says: String,
}

/// One day in UTC, of one account and mode.
struct Span {
    shown: String,
    whose: Key,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// The days that are due by the clock, oldest first.
#[shared::built_once]
pub async fn days_due(
    ledger: &Ledger,
    account: &str,
    livemode: bool,
    now: DateTime<Utc>,
) -> Result<Vec<NaiveDate>, LedgerError> {
    let whose = Key { id: String::new(), account: account.to_owned(), livemode };
    let mut tx = ledger.read().await?;
    let hour = tx.policies().await?.reconciliation_hour();
    let of = Whose { account: Some(whose.account.clone()), livemode: Some(livemode) };
    let differing = tx.differing_days(&whose).await?;
    let known = tx.reconciliations(&of, DAYS_LOOKED_AT).await?.into_iter().filter_map(|run| {
        let (day, differs) = (run.day.parse().ok()?, differing.contains(&run.day));
        let Reconciliation { verdict, is_final, compared_at, .. } = run;
        Some(ComparedDay { day, verdict, differs, is_final, compared_at })
    });
    let known: Vec<ComparedDay> = known.collect();
    let completed = tx.completed_payouts(&whose, now - COMPLETED_WITHIN).await?;
    let completed: Vec<_> =
        completed.into_iter().map(|payout| (payout.made_at.date_naive(), payout.reconciled_at)).collect();
    Ok(due(&known, &completed, hour, now))
}

/// Compares one day, in UTC, of one account. What Stripe did not answer is not judged: the day is then incomplete.
#[shared::built_once]
pub async fn run(
    comparing: Comparing<'_>,
    day: NaiveDate,
    now: DateTime<Utc>,
) -> Result<Compared, ReconcileError> {
    let span = Span::of(day, comparing, now)?;
    let read = read::all(comparing, &span, now).await?;
    let mut tx = comparing.ledger.read().await?;
    let first = judged(&mut tx, &span, &read, now).await?.0;
    drop(tx);
    let asked = ask::missing(comparing, &span.whose, &first.differences).await?;
    let waiting = ask::wait_until_applied(comparing.ledger, &asked, APPLIED_WITHIN).await?;
    conclude(comparing.ledger, &span, read, &asked, waiting, now).await
}

async fn judged(
    tx: &mut Transaction,
    span: &Span,
    read: &Read,
    now: DateTime<Utc>,
) -> Result<(Day, domain::reconciliation::Evidence), LedgerError> {
    let evidence = evidence::gather(tx, span, read).await?;
    let mut judged = judge(&span.shown, &evidence, now);
    if read.reason.is_some() {
        // What Stripe did not answer looks as if it were missing there.
        judged.differences.retain(|difference| {
            !matches!(difference.kind, DifferenceKind::MissingTransaction | DifferenceKind::BalanceDiffers)
        });
    }
    Ok((judged, evidence))
}

/// Judges once more, under the locks of the findings, and keeps it all.
async fn conclude(
    ledger: &Ledger,
    span: &Span,
    read: Read,
    asked: &[ask::Asked],
    waiting: usize,
    now: DateTime<Utc>,
) -> Result<Compared, ReconcileError> {
    let mut tx = ledger.begin().await?;
    let (mut judged, evidence) = judged(&mut tx, span, &read, now).await?;
    let mut reason = read.reason;
    if waiting > 0 {
        let told: BTreeSet<&str> = asked.iter().map(|asked| asked.subject.as_str()).collect();
        let before = judged.differences.len();
        judged.differences.retain(|difference| !told.contains(difference.subject.as_str()));
        judged.awaited += count(before - judged.differences.len());
        reason.get_or_insert(format!(
            "{waiting} objects that the ledger lacked are queued and not applied yet"
        ));
    }
    let policies = tx.policies().await?;
    let found: Vec<Found> = judged
        .differences
        .iter()
        .map(|it| it.found(&span.shown, policies.reconciliation_tolerance(&it.currency)))
        .collect();
    let differing = judged.differences.iter().zip(&found).map(|(it, found)| shown(it, found, &span.whose));
    let differing: Vec<DifferingItem> = differing.collect();
    let look = Look {
        check: Check::Reconciliation,
        whose: &span.whose,
        scope: &span.shown,
        is_whole: reason.is_none(),
        looked_for: &[],
    };
    let tally = record(&mut tx, &look, found, now).await?;
    let differences = count(judged.differences.len());
    let verdict = match (&reason, differences - tally.accepted) {
        (Some(_), _) => Verdict::Incomplete,
        (None, 0) => Verdict::Reconciled,
        (None, _) => Verdict::Differences,
    };
    let run = Reconciliation {
        day: span.shown.clone(),
        account: span.whose.account.clone(),
        livemode: span.whose.livemode,
        verdict,
        transactions: count(evidence.transactions.len()),
        differences,
        accepted: tally.accepted,
        awaited: judged.awaited,
        is_final: judged.is_settled && reason.is_none(),
        reason,
        compared_at: now,
    };
    let parts = DayParts {
        lines: judged.lines.into_iter().collect(),
        payouts: evidence.payouts.iter().map(evidence::stored_payout).collect(),
        balances: evidence.balances.iter().map(evidence::stored_balance).collect(),
    };
    let earlier = tx.reconciliation(&span.shown, &span.whose).await?;
    if run.verdict == Verdict::Incomplete && earlier.is_some_and(|earlier| earlier.is_final) {
        // It was compared to its end, which stands.
        tx.put_off_reconciliation(&span.shown, &span.whose, now).await?;
    } else {
        tx.keep_reconciliation(&run, &parts).await?;
    }
    let lines = tx.reconciliation_lines(&span.shown, &span.whose).await?;
    tx.commit().await?;
    let DayParts { payouts, balances, .. } = parts;
    let asked = asked.len();
    Ok(Compared { zone: ZONE, run, lines, payouts, balances, asked, findings: tally, differing })
}

impl Span {
    fn of(day: NaiveDate, comparing: Comparing<'_>, now: DateTime<Utc>) -> Result<Self, ReconcileError> {
        let from = day.and_time(NaiveTime::MIN).and_utc();
        let until = from + TimeDelta::days(1);
        if day > last_day(now) {
            return Err(ReconcileError::NotOver(day));
        }
        let (account, livemode) = (comparing.account.to_owned(), comparing.api.livemode());
        Ok(Self { shown: day.to_string(), whose: Key { id: String::new(), account, livemode }, from, until })
    }
}

fn shown(difference: &Difference, found: &Found, whose: &Key) -> DifferingItem {
    DifferingItem {
        finding: found.id(Check::Reconciliation, whose),
        kind: difference.kind.as_str(),
        subject_kind: difference.subject_kind,
        subject: difference.subject.clone(),
        item: difference.item.clone(),
        currency: difference.currency.clone(),
        stripe_amount: difference.stripe_amount,
        ledger_amount: difference.ledger_amount,
        says: found.summary.clone(),
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
