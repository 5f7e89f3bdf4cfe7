//! The fraud desk: what batches changed is looked at once, together with what the same users, customers and cards did around
//! it, and what its rules find becomes findings. One transaction reads, keeps and forgets what was due, so a crash in
//! between repeats nothing and loses nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use domain::Key;
use domain::findings::{Check, Found, Tally};
use domain::fraud::{
    Attempt, Due, FraudFinding, FraudLimits, FraudRule, PaidBefore, USUAL_SPAN, banned_payments, bursts,
    double_losses, id_about, large_payments, warnings,
};
use ledger::views::fraud::Around;
use ledger::{Ledger, LedgerError, Transaction};

use crate::findings::{Look, record};

/// What happened longer ago is nothing that anybody has to act on: a backfill of last year makes no findings.
pub const LOOK_BACK: TimeDelta = TimeDelta::days(30);
/// So many batches are looked at together: what is read around them stays below the limit of a statement.
const BATCHES: i64 = 4;

/// What came of one look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    pub batches: usize,
    pub findings: Tally,
}

/// Looks at the oldest of what is due; nothing was due where no batch was looked at.
pub async fn look(ledger: &Ledger, now: DateTime<Utc>) -> Result<Looked, LedgerError> {
    let mut tx = ledger.begin().await?;
    let batches = tx.fraud_due(BATCHES).await?;
    if batches.is_empty() {
        return Ok(Looked::default());
    }
    let mut due = Due::default();
    for batch in &batches {
        due.add(&batch.objects);
    }
    let limits = tx.policies().await?.fraud_limits();
    let found = find(&mut tx, &due, &limits, now).await?;
    let mut looked = Looked { batches: batches.len(), findings: Tally::default() };
    for (whose, (found, looked_for)) in found {
        let look = Look {
            check: Check::FraudDesk,
            whose: &whose,
            scope: "",
            is_whole: false,
            looked_for: &looked_for,
        };
        let tally = record(&mut tx, &look, found, now).await?;
        looked.findings.new += tally.new;
        looked.findings.persisting += tally.persisting;
        looked.findings.accepted += tally.accepted;
        looked.findings.reopened += tally.reopened;
        looked.findings.gone += tally.gone;
    }
    tx.end_fraud_due(&batches).await?;
    tx.commit().await?;
    Ok(looked)
}

/// By account and mode: what is found, and the ids of what was looked for.
type ByWhose = BTreeMap<Key, (Vec<Found>, Vec<String>)>;

/// A fixed number of statements, whatever is due.
async fn find(
    tx: &mut Transaction,
    due: &Due,
    limits: &FraudLimits,
    now: DateTime<Utc>,
) -> Result<ByWhose, LedgerError> {
    let since = now - LOOK_BACK;
    let changed = tx.fraud_attempts(&sorted(&due.charges), &sorted(&due.payments)).await?;
    let recent: Vec<Attempt> =
        changed.iter().filter(|attempt| attempt.at.is_some_and(|at| at > since)).cloned().collect();

    let mut found = Vec::new();
    let around = tx
        .fraud_attempts_around(
            &spans(&recent, |attempt| attempt.user_id.as_ref()),
            &spans(&recent, |attempt| attempt.customer.as_ref()),
            &spans(&recent, |attempt| attempt.card_last4.as_ref()),
        )
        .await?;
    found.extend(bursts(&recent, &around, limits));

    // A payment that comes late may have been usual for those after it.
    let usual = tx.paid_before(&usual_spans(&recent, now)).await?;
    let mut judged = recent.clone();
    judged.extend(tx.fraud_attempts(&[], &later(&recent, &usual)).await?);
    judged.retain(Attempt::is_paid);
    found.extend(large_payments(&judged, &usual, limits));

    // What stands about a charge: also of those that are older, so that what is gone is seen.
    let charges: BTreeSet<Key> = changed.iter().map(key_of).chain(due.charges.iter().cloned()).collect();
    let charges = sorted(&charges);
    found.extend(warnings(&tx.warned_charges(&charges).await?, limits));
    found.extend(double_losses(&tx.double_losses(&charges).await?));
    let users = recent.iter().filter_map(|it| Some(key_of(it).sibling(it.user_id.as_ref()?)));
    let users: BTreeSet<Key> = users.chain(due.users.iter().cloned()).collect();
    found.extend(banned_payments(&tx.payments_of_banned(&sorted(&users), since).await?));

    let mut by_whose = ByWhose::new();
    let payments: BTreeSet<Key> = judged.iter().map(|it| key_of(it).sibling(it.paid_by())).collect();
    let of_charges = charges.iter().flat_map(|key| FraudRule::OF_A_CHARGE.map(|rule| (rule, "charge", key)));
    let of_payments =
        payments.iter().flat_map(|key| FraudRule::OF_A_PAYMENT.map(|rule| (rule, "payment", key)));
    let (found, older): (Vec<_>, Vec<_>) = found.into_iter().partition(|it| it.at > since);
    // What stands for longer is told to nobody anew, and it is not gone.
    let stands: BTreeSet<String> = older.into_iter().map(FraudFinding::id).collect();
    for (rule, kind, key) in of_charges.chain(of_payments) {
        let id = id_about(rule, kind, key);
        if !stands.contains(&id) {
            by_whose.entry(Key { id: String::new(), ..key.clone() }).or_default().1.push(id);
        }
    }
    for it in found {
        by_whose.entry(it.whose()).or_default().0.push(FraudFinding::found(it));
    }
    Ok(by_whose)
}

fn key_of(attempt: &Attempt) -> Key {
    Key { id: attempt.id.clone(), account: attempt.account.clone(), livemode: attempt.livemode }
}

fn sorted(keys: &BTreeSet<Key>) -> Vec<Key> {
    keys.iter().cloned().collect()
}

/// For each of them the whole days that a stretch may reach into: the day before, the day, and the day after.
fn spans(attempts: &[Attempt], who: fn(&Attempt) -> Option<&String>) -> BTreeSet<Around> {
    let spans = attempts.iter().filter_map(|attempt| {
        let day = attempt.at?.date_naive();
        let midnight = |days: u64, is_back: bool| {
            let days = Days::new(days);
            let moved = if is_back { day.checked_sub_days(days) } else { day.checked_add_days(days) };
            moved.unwrap_or(day).and_time(NaiveTime::MIN).and_utc()
        };
        Some(around(attempt, who(attempt)?, midnight(1, true), midnight(2, false)))
    });
    spans.collect()
}

/// One span a user: from what was usual before the first attempt up to now.
fn usual_spans(attempts: &[Attempt], now: DateTime<Utc>) -> BTreeSet<Around> {
    let mut spans: BTreeMap<Key, Around> = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| attempt.is_paid()) {
        let (Some(user), Some(at)) = (&attempt.user_id, attempt.at) else { continue };
        let own = around(attempt, user, at - USUAL_SPAN, now.max(at) + TimeDelta::seconds(1));
        let span = spans.entry(key_of(attempt).sibling(user)).or_insert_with(|| own.clone());
        (span.from, span.until) = (span.from.min(own.from), span.until.max(own.until));
    }
    spans.into_values().collect()
}

/// The payments of the same users that came after the first of these attempts, and are none of them.
fn later(attempts: &[Attempt], paid: &[PaidBefore]) -> Vec<Key> {
    let mut first: BTreeMap<Key, DateTime<Utc>> = BTreeMap::new();
    let mut known: BTreeSet<Key> = BTreeSet::new();
    for attempt in attempts.iter().filter(|attempt| attempt.is_paid()) {
        let (Some(user), Some(at)) = (&attempt.user_id, attempt.at) else { continue };
        let first = first.entry(key_of(attempt).sibling(user)).or_insert(at);
        *first = at.min(*first);
        known.insert(key_of(attempt).sibling(attempt.paid_by()));
    }
    let keys = paid.iter().filter_map(|row| {
        let key = Key { id: row.id.clone(), account: row.account.clone(), livemode: row.livemode };
        let is_later = *first.get(&key.sibling(&row.user_id))? < row.at?;
        (is_later && !known.contains(&key)).then_some(key)
    });
    keys.collect::<BTreeSet<Key>>().into_iter().collect()
}

fn around(attempt: &Attempt, who: &str, from: DateTime<Utc>, until: DateTime<Utc>) -> Around {
    Around { who: who.to_owned(), account: attempt.account.clone(), livemode: attempt.livemode, from, until }
}
