//! Too much within a short time: payments and declines of one user, customer or card, and cards of one user. What is too
//! much is found once a day for each of them, in its densest stretch.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::{Attempt, CardNames, FraudFinding, FraudLimits, FraudRule};

const DAY: TimeDelta = TimeDelta::hours(24);
/// A finding names so many of its charges.
const CHARGES_LIMIT: usize = 10;

type Whose = (&'static str, String, String, bool);

/// One attempt of somebody's: when, the charge, the card's name.
type Use<'a> = (DateTime<Utc>, &'a str, Option<String>);

/// What the recent attempts may be part of. Around them everything is known of their users, customers and cards, and of the
/// others only what they share with them: those are not judged by a part.
pub fn bursts(
    recent: &[Attempt],
    around: &[Attempt],
    limits: &FraudLimits,
    names: &CardNames,
) -> Vec<FraudFinding> {
    let mut judged: BTreeSet<(Whose, NaiveDate)> = BTreeSet::new();
    for attempt in recent {
        let Some(at) = attempt.at else { continue };
        // A stretch of at most a day ends on the day of its first attempt, or on the one after.
        let day = at.date_naive();
        for day in [day, day.checked_add_days(Days::new(1)).unwrap_or(day)] {
            judged.extend(whose(attempt, name(attempt, names)).map(|whose| (whose, day)));
        }
    }
    let mut found = [velocity(around, limits, names), many_cards(around, limits, names)].concat();
    found.retain(|it| {
        let whose = (it.subject_kind, it.subject_id.clone(), it.account.clone(), it.livemode);
        it.day.is_some_and(|day| judged.contains(&(whose, day)))
    });
    found
}

/// So many payments, or declines, within the window.
pub(super) fn velocity(attempts: &[Attempt], limits: &FraudLimits, names: &CardNames) -> Vec<FraudFinding> {
    let mut found = Vec::new();
    for (rule, limit, counts) in [
        (FraudRule::PaymentVelocity, limits.payments, Attempt::is_paid as fn(&Attempt) -> bool),
        (FraudRule::DeclineVelocity, limits.declines, Attempt::is_declined as fn(&Attempt) -> bool),
    ] {
        let what = if rule == FraudRule::PaymentVelocity { "payments" } else { "declines" };
        let minutes = limits.window.num_minutes();
        for (whose, uses) in uses(attempts.iter().filter(|attempt| counts(attempt)), names) {
            for (day, (count, stretch)) in densest(&uses, limits.window, Counted::Attempts) {
                if count >= limit {
                    let summary = format!("{count} {what} within {minutes} minutes");
                    found.push(finding(rule, &whose, day, stretch, summary));
                }
            }
        }
    }
    found
}

/// One user pays, or tries to, by many cards within a day.
pub(super) fn many_cards(attempts: &[Attempt], limits: &FraudLimits, names: &CardNames) -> Vec<FraudFinding> {
    let mut found = Vec::new();
    let by_card = attempts.iter().filter(|attempt| attempt.card_last4.is_some());
    let of_users = uses(by_card, names).into_iter().filter(|((kind, ..), _)| *kind == "user");
    for (whose, uses) in of_users {
        for (day, (cards, stretch)) in densest(&uses, DAY, Counted::Cards) {
            if cards >= limits.cards {
                let summary = format!("{cards} cards within a day");
                found.push(finding(FraudRule::ManyCards, &whose, day, stretch, summary));
            }
        }
    }
    found
}

/// The attempts of each user, customer and card, oldest first.
fn uses<'a>(attempts: impl Iterator<Item = &'a Attempt>, names: &CardNames) -> BTreeMap<Whose, Vec<Use<'a>>> {
    let mut uses: BTreeMap<Whose, Vec<Use<'a>>> = BTreeMap::new();
    for attempt in attempts {
        let Some(at) = attempt.at else { continue };
        let card = name(attempt, names);
        for whose in whose(attempt, card.clone()) {
            uses.entry(whose).or_default().push((at, attempt.id.as_str(), card.clone()));
        }
    }
    for of_one in uses.values_mut() {
        of_one.sort_unstable();
    }
    uses
}

fn name(attempt: &Attempt, names: &CardNames) -> Option<String> {
    attempt.card().map(|card| names.of(&card))
}

/// The user, the customer and the card of an attempt.
fn whose(attempt: &Attempt, card: Option<String>) -> impl Iterator<Item = Whose> {
    let ids = [("user", attempt.user_id.clone()), ("customer", attempt.customer.clone()), ("card", card)];
    ids.into_iter().filter_map(|(kind, id)| Some((kind, id?, attempt.account.clone(), attempt.livemode)))
}

/// What is counted in a stretch.
#[derive(Clone, Copy)]
enum Counted {
    Attempts,
    Cards,
}

/// For each day on which a stretch of this length ends, the one that counts most, and its count; of equal ones the first.
/// One pass: each use comes into the stretch once and leaves it once.
fn densest<'a, 'u>(
    uses: &'a [Use<'u>],
    length: TimeDelta,
    counted: Counted,
) -> BTreeMap<NaiveDate, (usize, &'a [Use<'u>])> {
    let mut days: BTreeMap<NaiveDate, (usize, &'a [Use<'u>])> = BTreeMap::new();
    let mut cards: BTreeMap<&str, usize> = BTreeMap::new();
    let mut first = 0;
    for (last, (at, _, card)) in uses.iter().enumerate() {
        if let Some(card) = card {
            *cards.entry(card).or_default() += 1;
        }
        while uses[first].0 <= *at - length {
            if let Some(card) = uses[first].2.as_deref()
                && let Some(count) = cards.get_mut(card)
            {
                *count -= 1;
                if *count == 0 {
                    cards.remove(card);
                }
            }
            first += 1;
        }
        let stretch = &uses[first..=last];
        let most = match counted {
            Counted::Attempts => stretch.len(),
            Counted::Cards => cards.len(),
        };
        let of_day = days.entry(at.date_naive()).or_insert((0, stretch));
        if most > of_day.0 {
            *of_day = (most, stretch);
        }
    }
    days
}

fn finding(
    rule: FraudRule,
    whose: &Whose,
    day: NaiveDate,
    stretch: &[Use<'_>],
    summary: String,
) -> FraudFinding {
    let (subject_kind, subject_id, account, livemode) = whose.clone();
    let at = stretch.last().map(|(at, ..)| *at).unwrap_or_default();
    let charges = stretch.iter().rev().take(CHARGES_LIMIT).map(|(_, id, _)| (*id).to_owned());
    FraudFinding {
        at,
        rule,
        subject_kind,
        subject_id,
        account,
        livemode,
        day: Some(day),
        amount: None,
        currency: String::new(),
        summary,
        charges: charges.collect(),
    }
}
