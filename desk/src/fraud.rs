//! The fraud desk: what batches changed is looked at once, together with what the same users, customers and cards did around
//! it, and what its rules find becomes findings. One transaction takes what was due, judges it and keeps what it finds, so a
//! crash in between repeats nothing and loses nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use domain::Key;
use domain::findings::{Check, Found, Tally};
use domain::fraud::{
    Attempt, CardNames, Due, FraudFinding, FraudLimits, FraudRule, PaidBefore, USUAL_SPAN, banned_payments,
    bursts, double_losses, id_about, large_payments, warnings,
};
use ledger::views::fraud::{Around, Bounded, CardAround};
use ledger::{Ledger, LedgerError, Transaction};

use crate::findings::{Look, record};

/// What happened longer ago is nothing that anybody has to act on: a backfill of last year makes no findings.
pub const LOOK_BACK: TimeDelta = TimeDelta::days(30);
/// So many batches are looked at together, where nothing speaks against it.
pub const BATCHES: i64 = 4;
/// So many old bursts are resolved together.
const OLD_BURSTS: i64 = 500;

/// What came of one look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    pub batches: usize,
    pub findings: Tally,
    /// Batches of which nobody can read what they changed.
    pub unreadable: Vec<String>,
    /// What a single batch needs more of than is read at once: of that, the older part was not looked at.
    pub cut: Vec<&'static str>,
}

/// Looks at so many of the oldest batches that are due; nothing was due where no batch was looked at.
#[shared::built_once]
pub async fn look(ledger: &Ledger, batches: i64, now: DateTime<Utc>) -> Result<Looked, LedgerError> {
    match look_at(ledger, batches, now).await? {
        Some(looked) => Ok(looked),
        None => Ok(look_at(ledger, 1, now).await?.unwrap_or_default()),
    }
}

/// `None` where several batches need more rows than are read at once; nothing is done then.
async fn look_at(ledger: &Ledger, batches: i64, now: DateTime<Utc>) -> Result<Option<Looked>, LedgerError> {
    let mut tx = ledger.begin().await?;
    let batches = tx.fraud_due(batches).await?;
    // Whoever finds some of them taken leaves all of them to the other worker.
    if batches.is_empty() || !tx.take_fraud_due(&batches).await? {
        return Ok(Some(Looked::default()));
    }
    let (mut due, mut unreadable) = (Due::default(), Vec::new());
    for batch in &batches {
        if !due.add(&batch.objects) {
            unreadable.push(batch.id.clone());
        }
    }
    let (limits, names) =
        (tx.policies().await?.fraud_limits(), CardNames::under(&tx.fraud_card_key().await?));
    let (found, cut) = find(&mut tx, &due, (&limits, &names), now).await?;
    if !cut.is_empty() && batches.len() > 1 {
        return Ok(None);
    }
    let mut looked = Looked { batches: batches.len(), findings: Tally::default(), unreadable, cut };
    for (whose, (found, looked_for)) in found {
        let tally = record(&mut tx, &Look { looked_for: &looked_for, ..alone(&whose) }, found, now).await?;
        looked.findings.new += tally.new;
        looked.findings.persisting += tally.persisting;
        looked.findings.accepted += tally.accepted;
        looked.findings.reopened += tally.reopened;
        looked.findings.gone += tally.gone;
    }
    tx.commit().await?;
    Ok(Some(looked))
}

/// Resolves bursts that happened longer ago than anybody has to act on, and says how many. Those that somebody has put off
/// for longer stay.
#[shared::built_once]
pub async fn resolve_old_bursts(ledger: &Ledger, now: DateTime<Utc>) -> Result<i64, LedgerError> {
    let kinds = FraudRule::BURSTS.map(FraudRule::as_str);
    let mut tx = ledger.read().await?;
    let old = tx.findings_not_found_since(Check::FraudDesk, &kinds, now - LOOK_BACK, now, OLD_BURSTS).await?;
    drop(tx);
    if old.is_empty() {
        return Ok(0);
    }
    let mut by_whose: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    for key in old {
        by_whose.entry(key.sibling("")).or_default().push(key.id);
    }
    let (mut tx, mut gone) = (ledger.begin().await?, 0);
    for (whose, looked_for) in by_whose {
        let look = Look { looked_for: &looked_for, ..alone(&whose) };
        gone += record(&mut tx, &look, Vec::new(), now).await?.gone;
    }
    tx.commit().await?;
    Ok(gone)
}

/// Each finding of the fraud desk stands alone.
fn alone(whose: &Key) -> Look<'_> {
    Look { check: Check::FraudDesk, whose, scope: "", is_whole: false, looked_for: &[] }
}

/// By account and mode: what is found, and the ids of what was looked for.
type ByWhose = BTreeMap<Key, (Vec<Found>, Vec<String>)>;

/// A fixed number of statements, whatever is due. Also says what was cut.
async fn find(
    tx: &mut Transaction,
    due: &Due,
    (limits, names): (&FraudLimits, &CardNames),
    now: DateTime<Utc>,
) -> Result<(ByWhose, Vec<&'static str>), LedgerError> {
    let since = now - LOOK_BACK;
    let read = tx.fraud_attempts(&sorted(&due.charges), &sorted(&due.payments)).await?;
    let (changed, mut cut) = (read.rows, vec![("attempts", read.is_cut)]);
    let recent: Vec<Attempt> =
        changed.iter().filter(|attempt| attempt.at.is_some_and(|at| at > since)).cloned().collect();

    let mut found = Vec::new();
    let around = tx
        .fraud_attempts_around(
            &spans(&recent, |attempt| attempt.user_id.as_ref()),
            &spans(&recent, |attempt| attempt.customer.as_ref()),
            &cards(&recent),
        )
        .await?;
    cut.push(("attempts around them", around.is_cut));
    found.extend(bursts(&recent, &around.rows, limits, names));

    // A payment that comes late may have been usual for those after it.
    let usual = tx.paid_before(&usual_spans(&recent, now)).await?;
    let later = tx.fraud_attempts(&[], &later(&recent, &usual.rows)).await?;
    cut.extend([("earlier payments", usual.is_cut), ("later payments", later.is_cut)]);
    let mut judged = recent.clone();
    judged.extend(later.rows);
    judged.retain(Attempt::is_paid);
    // What is usual is not known of a user whose payments were left out.
    let uncertain = uncertain(&judged, &usual);
    let is_known = |it: &FraudFinding| {
        it.rule != FraudRule::UnusualPayment || !uncertain.contains(&it.whose().sibling(&it.subject_id))
    };
    found.extend(large_payments(&judged, &usual.rows, limits).into_iter().filter(is_known));

    // What stands about a charge: also of those that are older, so that what is gone is seen.
    let charges: BTreeSet<Key> = changed.iter().map(key_of).chain(due.charges.iter().cloned()).collect();
    let charges = sorted(&charges);
    found.extend(warnings(&tx.warned_charges(&charges).await?, limits));
    found.extend(double_losses(&tx.double_losses(&charges).await?));
    let users = recent.iter().filter_map(|it| Some(key_of(it).sibling(it.user_id.as_ref()?)));
    let users: BTreeSet<Key> = users.chain(due.users.iter().cloned()).collect();
    let of_banned = tx.payments_of_banned(&sorted(&users), since).await?;
    cut.push(("payments of banned users", of_banned.is_cut));
    found.extend(banned_payments(&of_banned.rows));

    let mut by_whose = ByWhose::new();
    let payments: BTreeSet<Key> = judged.iter().map(|it| key_of(it).sibling(it.paid_by())).collect();
    let of_charges = charges.iter().flat_map(|key| FraudRule::OF_A_CHARGE.map(|rule| (rule, "charge", key)));
    let of_payments =
        payments.iter().flat_map(|key| FraudRule::OF_A_PAYMENT.map(|rule| (rule, "payment", key)));
    let (found, older): (Vec<_>, Vec<_>) = found.into_iter().partition(|it| it.at > since);
    // What stands for longer is told to nobody anew, and it is not gone.
    let stands: BTreeSet<String> = older.into_iter().map(FraudFinding::id).collect();
    let is_judged = |rule, key| rule != FraudRule::UnusualPayment || !uncertain.contains(key);
    for (rule, kind, key) in of_charges.chain(of_payments).filter(|(rule, _, key)| is_judged(*rule, key)) {
        let id = id_about(rule, kind, key);
        if !stands.contains(&id) {
            by_whose.entry(Key { id: String::new(), ..key.clone() }).or_default().1.push(id);
        }
    }
    for it in found {
        by_whose.entry(it.whose()).or_default().0.push(FraudFinding::found(it));
    }
    Ok((by_whose, cut.into_iter().filter_map(|(what, is_cut)| is_cut.then_some(what)).collect()))
}

/// The payments of users of whom not all that they paid before was read. Rows are read in turns, one of each user: where they
/// were cut, the last two turns may be incomplete, and whoever has fewer rows has all of them.
fn uncertain(judged: &[Attempt], usual: &Bounded<PaidBefore>) -> BTreeSet<Key> {
    if !usual.is_cut {
        return BTreeSet::new();
    }
    let mut read: BTreeMap<Key, usize> = BTreeMap::new();
    for row in &usual.rows {
        let user = Key { id: row.user_id.clone(), account: row.account.clone(), livemode: row.livemode };
        *read.entry(user).or_default() += 1;
    }
    let turns = read.values().max().copied().unwrap_or_default();
    let is_whole = |user: &Key| read.get(user).copied().unwrap_or_default() + 1 < turns;
    let of_unread = judged.iter().filter(|attempt| {
        let user = attempt.user_id.as_ref().map(|user| key_of(attempt).sibling(user));
        user.is_some_and(|user| !is_whole(&user))
    });
    of_unread.map(|attempt| key_of(attempt).sibling(attempt.paid_by())).collect()
}

fn key_of(attempt: &Attempt) -> Key {
    Key { id: attempt.id.clone(), account: attempt.account.clone(), livemode: attempt.livemode }
}

fn sorted(keys: &BTreeSet<Key>) -> Vec<Key> {
    keys.iter().cloned().collect()
}

fn spans(attempts: &[Attempt], who: fn(&Attempt) -> Option<&String>) -> BTreeSet<Around> {
    attempts.iter().filter_map(|attempt| span(attempt, who(attempt)?)).collect()
}

fn cards(attempts: &[Attempt]) -> BTreeSet<CardAround> {
    let cards = attempts.iter().filter_map(|attempt| {
        Some(CardAround {
            around: span(attempt, attempt.card_last4.as_ref()?)?,
            brand: attempt.card_brand.clone(),
            exp_month: attempt.card_exp_month,
            exp_year: attempt.card_exp_year,
        })
    });
    cards.collect()
}

/// The whole days that a stretch may reach into: the day before, the day, and the day after.
fn span(attempt: &Attempt, who: &str) -> Option<Around> {
    let day = attempt.at?.date_naive();
    let midnight = |days: u64, is_back: bool| {
        let days = Days::new(days);
        let moved = if is_back { day.checked_sub_days(days) } else { day.checked_add_days(days) };
        moved.unwrap_or(day).and_time(NaiveTime::MIN).and_utc()
    };
    Some(around(attempt, who, midnight(1, true), midnight(2, false)))
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
