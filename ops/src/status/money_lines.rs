//! The lines about money: failed payments compared with the usual rate of this hour, disputes that need an
//! answer, and the money at risk in dead letters. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use ledger::views::gauges::{COUNT_LIMIT, DeadLetter};
use ledger::views::money_status_queries::{ByMode, MoneyStatus, Unanswered};
use serde::Serialize;

use crate::finding::{Finding, Mark};
use crate::output::me;
use crate::{money, when};

pub const DUE_SOON: TimeDelta = TimeDelta::days(3);
const DUE_NOW: TimeDelta = TimeDelta::days(1);
const NAME: &str = "money";
/// From so many on, and so many times the usual.
const FAILED_LOOK: (i64, i64) = (5, 3);
const FAILED_ACT: (i64, i64) = (20, 10);

/// The part of `--json`, one for each mode.
#[derive(Serialize)]
pub struct Money {
    pub live: OfMode,
    pub test: OfMode,
}

#[derive(Default, Serialize)]
pub struct OfMode {
    /// Attempts to pay that failed, by Stripe's stamp.
    pub failed_last_hour: i64,
    /// The median of the same hour on the days before, at most seven; `null` where the ledger is younger.
    pub failed_usually: Option<i64>,
    pub due: Due,
    pub past_due: Due,
    /// How many objects dead letters are about.
    pub dead_objects: usize,
    pub dead_at_risk: BTreeMap<String, i64>,
}

/// Disputes and inquiries that wait for our answer.
#[derive(Default, Serialize)]
pub struct Due {
    pub disputes: usize,
    /// Of these, with evidence that is stored at Stripe and not submitted.
    pub staged: usize,
    /// The first deadline.
    pub first: Option<DateTime<Utc>>,
    pub amounts: BTreeMap<String, i64>,
}

impl Money {
    pub fn of(money_status: &MoneyStatus, now: DateTime<Utc>) -> Self {
        Self { live: OfMode::of(money_status, true, now), test: OfMode::of(money_status, false, now) }
    }
}

impl OfMode {
    fn of(money_status: &MoneyStatus, livemode: bool, now: DateTime<Utc>) -> Self {
        let count = |counted: &ByMode| if livemode { counted.live } else { counted.test };
        let before: Vec<i64> = money_status.failed.before.iter().map(count).collect();
        let (past_due, due): (Vec<&Unanswered>, Vec<&Unanswered>) = money_status
            .unanswered
            .iter()
            .filter(|dispute| dispute.livemode == livemode)
            .partition(|dispute| dispute.respond_by <= now);
        let (dead_objects, dead_at_risk) = at_risk(&money_status.dead, livemode);
        Self {
            failed_last_hour: count(&money_status.failed.last_hour),
            failed_usually: median(before),
            due: Due::of(&due),
            past_due: Due::of(&past_due),
            dead_objects,
            dead_at_risk,
        }
    }

    fn is_quiet(&self) -> bool {
        self.failed_last_hour == 0 && self.due.disputes + self.past_due.disputes + self.dead_objects == 0
    }
}

impl Due {
    fn of(disputes: &[&Unanswered]) -> Self {
        let mut amounts = BTreeMap::new();
        for dispute in disputes {
            add(&mut amounts, &dispute.currency, dispute.amount);
        }
        let staged = disputes.iter().filter(|it| it.staged > 0).count();
        Self {
            disputes: disputes.len(),
            staged,
            first: disputes.iter().map(|it| it.respond_by).min(),
            amounts,
        }
    }
}

fn add(sums: &mut BTreeMap<String, i64>, currency: &str, amount: i64) {
    let sum = sums.entry(currency.to_owned()).or_default();
    *sum = sum.saturating_add(amount);
}

fn median(mut counts: Vec<i64>) -> Option<i64> {
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied()
}

/// Each object once, with the greatest amount that any of its dead letters names.
fn at_risk(dead: &[DeadLetter], livemode: bool) -> (usize, BTreeMap<String, i64>) {
    let mut objects: BTreeMap<(&str, &str), Option<(i64, &str)>> = BTreeMap::new();
    for letter in dead.iter().filter(|letter| letter.livemode == livemode) {
        let id = letter.object_id.as_deref().unwrap_or(&letter.id);
        let known = objects.entry((letter.account.as_str(), id)).or_default();
        *known = (*known).max(letter.amount.zip(letter.currency.as_deref()));
    }
    let mut sums = BTreeMap::new();
    for (amount, currency) in objects.values().flatten() {
        add(&mut sums, currency, *amount);
    }
    (objects.len(), sums)
}

/// The live mode always; the test mode where something is to be said, and never as urgent.
pub fn lines(money: &Money, now: DateTime<Utc>) -> Vec<Finding> {
    let mut lines = of_mode(&money.live, now);
    if !money.test.is_quiet() {
        lines.extend(of_mode(&money.test, now).into_iter().map(|line| Finding {
            mark: line.mark.min(Mark::Look),
            found: format!("test mode: {}", line.found),
            ..line
        }));
    }
    lines
}

fn of_mode(figures: &OfMode, now: DateTime<Utc>) -> Vec<Finding> {
    [Some(failed(figures)), Some(disputes(figures, now)), at_stake(figures)].into_iter().flatten().collect()
}

fn failed(figures: &OfMode) -> Finding {
    let failed = figures.failed_last_hour;
    let more = if failed >= COUNT_LIMIT { " or more" } else { "" };
    let usual = match figures.failed_usually {
        Some(usual) => format!("usual at this hour: {}", money::count(usual.unsigned_abs())),
        None => "the usual rate is not known yet".to_owned(),
    };
    let text = format!(
        "{}{more} payment attempts failed in the last hour; {usual}",
        money::count(failed.unsigned_abs())
    );
    let is_over = |(least, times): (i64, i64)| {
        failed >= least && figures.failed_usually.is_some_and(|usual| failed > usual.saturating_mul(times))
    };
    let advice = format!(
        "check their codes (`{} payments list --status payment_failed`) and status.stripe.com: one code points to an issuer or your checkout, many codes to Stripe or a card tester",
        me()
    );
    Finding::weighed(NAME, text, (is_over(FAILED_ACT), is_over(FAILED_LOOK)), advice)
}

fn disputes(figures: &OfMode, now: DateTime<Utc>) -> Finding {
    let (due, past) = (&figures.due, &figures.past_due);
    if due.disputes + past.disputes == 0 {
        return Finding::ok(NAME, format!("no dispute is due within {}", when::shown(DUE_SOON)));
    }
    let mut told = Vec::new();
    if let Some(first) = due.first {
        told.push(format!(
            "{} due within {} ({}), the first {}",
            disputes_are(due.disputes),
            when::shown(DUE_SOON),
            sums(&due.amounts),
            when::until(first, now)
        ));
    }
    if past.disputes > 0 {
        told.push(format!(
            "{} past the deadline without an answer ({})",
            disputes_are(past.disputes),
            sums(&past.amounts)
        ));
    }
    let staged = due.staged + past.staged;
    if staged > 0 {
        told.push(format!("evidence of {staged} is stored at Stripe and NOT submitted, which is no answer"));
    }
    let is_urgent = due.first.is_some_and(|first| first - now < DUE_NOW);
    let advice = format!(
        "answer before the deadline: `{0} disputes list --open` lists them, `{0} disputes evidence draft ID` begins an answer",
        me()
    );
    Finding::weighed(NAME, told.join("; "), (is_urgent, true), advice)
}

fn disputes_are(count: usize) -> String {
    if count == 1 {
        "1 dispute is".to_owned()
    } else {
        format!("{} disputes are", money::count(count as u64))
    }
}

fn at_stake(figures: &OfMode) -> Option<Finding> {
    if figures.dead_objects == 0 {
        return None;
    }
    let what = match figures.dead_at_risk.len() {
        0 => "no readable amount".to_owned(),
        _ => sums(&figures.dead_at_risk),
    };
    let objects = if figures.dead_objects == 1 { "object" } else { "objects" };
    let text =
        format!("dead letters about {} {objects} name {what}", money::count(figures.dead_objects as u64));
    let advice =
        format!("the ledger is wrong by that amount until they are replayed: `{} dead-letters groups`", me());
    Some(Finding::look(NAME, text, advice))
}

fn sums(amounts: &BTreeMap<String, i64>) -> String {
    let shown = amounts.iter().map(|(currency, amount)| money::shown(*amount, currency));
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use ledger::views::money_status_queries::FailedByHour;

    use super::*;
    use crate::finding::worst;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn money_status(last_hour: i64, before: &[i64]) -> MoneyStatus {
        let live = |count: &i64| ByMode { live: *count, test: 0 };
        let failed = FailedByHour { last_hour: live(&last_hour), before: before.iter().map(live).collect() };
        MoneyStatus { failed, unanswered: Vec::new(), dead: Vec::new() }
    }

    fn unanswered(hours: i64, livemode: bool) -> Unanswered {
        let respond_by = now() + TimeDelta::hours(hours);
        Unanswered { livemode, amount: 1_000, currency: "usd".to_owned(), respond_by, staged: 0 }
    }

    fn letter(object: &str, amount: i64) -> DeadLetter {
        DeadLetter {
            id: "evt_1".to_owned(),
            account: String::new(),
            livemode: true,
            fingerprint: None,
            object_id: Some(object.to_owned()),
            amount: Some(amount),
            currency: Some("usd".to_owned()),
        }
    }

    fn told(money_status: &MoneyStatus) -> Vec<Finding> {
        lines(&Money::of(money_status, now()), now())
    }

    #[test]
    fn failures_are_weighed_against_the_same_hour_of_days_before() {
        let table = [
            (0, &[][..], Mark::Ok),
            (100, &[], Mark::Ok),
            (4, &[0, 0, 0], Mark::Ok),
            (5, &[0, 0, 0], Mark::Look),
            (20, &[0, 0, 0], Mark::Act),
            (30, &[10, 10, 10], Mark::Ok),
            (31, &[10, 10, 10], Mark::Look),
            (101, &[10, 10, 10], Mark::Act),
            (31, &[500, 10, 0], Mark::Look),
        ];
        for (last_hour, before, expected) in table {
            let lines = told(&money_status(last_hour, before));
            assert_eq!(lines[0].mark, expected, "{last_hour} after {before:?}: {}", lines[0].found);
        }
        assert!(told(&money_status(3, &[1, 9, 2]))[0].found.contains("3 payment attempts"));
        assert!(told(&money_status(3, &[1, 9, 2]))[0].found.contains("usual at this hour: 2"));
    }

    #[test]
    fn disputes_press_as_their_deadlines_come_near_and_stay_in_sight_afterwards() {
        let with = |unanswered: Vec<Unanswered>| MoneyStatus { unanswered, ..money_status(0, &[]) };
        assert_eq!(worst(&told(&with(Vec::new()))), Mark::Ok);
        assert_eq!(worst(&told(&with(vec![unanswered(48, true)]))), Mark::Look);
        assert_eq!(worst(&told(&with(vec![unanswered(23, true), unanswered(48, true)]))), Mark::Act);
        let past = told(&with(vec![unanswered(-1, true), unanswered(-400, true)]));
        assert!(past[1].found.contains("2 disputes are past the deadline"), "{}", past[1].found);
        assert!(past[1].found.contains("20.00 USD"), "{}", past[1].found);
        assert_eq!(worst(&past), Mark::Look, "nothing can be sent any more");
        let test = told(&with(vec![unanswered(23, false)]));
        assert_eq!((worst(&test), test.len()), (Mark::Look, 4), "nobody is woken for test mode");
        assert!(test[3].found.starts_with("test mode: 1 dispute is"), "{}", test[3].found);
    }

    #[test]
    fn the_money_of_dead_letters_counts_each_object_once() {
        let dead = vec![letter("pi_1", 500), letter("pi_1", 700), letter("pi_2", 100)];
        let lines = told(&MoneyStatus { dead, ..money_status(0, &[]) });
        assert_eq!(lines[2].mark, Mark::Look);
        assert!(lines[2].found.contains("2 objects name 8.00 USD"), "{}", lines[2].found);
    }
}
