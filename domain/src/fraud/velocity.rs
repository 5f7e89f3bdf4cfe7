//! Too much within a short time: payments and declines of one user, customer or card, and cards of one user. What is too
//! much is found once a day for each of them, in its densest stretch.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use envelope::hex::hex;
use sha2::{Digest, Sha256};

use super::{Attempt, FraudFinding, FraudLimits, FraudRule};

const DAY: TimeDelta = TimeDelta::hours(24);
/// A finding names so many of its charges.
const CHARGES_LIMIT: usize = 10;
const CARD_BYTES: usize = 8;

type Whose = (&'static str, String, String, bool);

/// One attempt of somebody's: when, the charge, the card.
type Use<'a> = (DateTime<Utc>, &'a str, String);

/// What the recent attempts may be part of. Around them everything is known of their users, customers and cards, and of the
/// others only what they share with them: those are not judged by a part.
pub fn bursts(recent: &[Attempt], around: &[Attempt], limits: &FraudLimits) -> Vec<FraudFinding> {
    let mut judged: BTreeSet<(Whose, NaiveDate)> = BTreeSet::new();
    for attempt in recent {
        let Some(at) = attempt.at else { continue };
        // A stretch of at most a day ends on the day of its first attempt, or on the one after.
        let day = at.date_naive();
        for day in [day, day.checked_add_days(Days::new(1)).unwrap_or(day)] {
            judged.extend(whose(attempt).map(|whose| (whose, day)));
        }
    }
    let mut found = [velocity(around, limits), many_cards(around, limits)].concat();
    found.retain(|it| {
        let whose = (it.subject_kind, it.subject_id.clone(), it.account.clone(), it.livemode);
        it.day.is_some_and(|day| judged.contains(&(whose, day)))
    });
    found
}

/// So many payments, or declines, within the window.
pub(super) fn velocity(attempts: &[Attempt], limits: &FraudLimits) -> Vec<FraudFinding> {
    let mut found = Vec::new();
    for (rule, limit, counts) in [
        (FraudRule::PaymentVelocity, limits.payments, Attempt::is_paid as fn(&Attempt) -> bool),
        (FraudRule::DeclineVelocity, limits.declines, Attempt::is_declined as fn(&Attempt) -> bool),
    ] {
        let what = if rule == FraudRule::PaymentVelocity { "payments" } else { "declines" };
        let minutes = limits.window.num_minutes();
        for (whose, uses) in uses(attempts.iter().filter(|attempt| counts(attempt)), &Whom::Everybody) {
            for (day, stretch) in densest(&uses, limits.window, <[Use<'_>]>::len) {
                if stretch.len() >= limit {
                    let summary = format!("{} {what} within {minutes} minutes", stretch.len());
                    found.push(finding(rule, &whose, day, stretch, summary));
                }
            }
        }
    }
    found
}

/// One user pays, or tries to, by many cards within a day.
pub(super) fn many_cards(attempts: &[Attempt], limits: &FraudLimits) -> Vec<FraudFinding> {
    let mut found = Vec::new();
    for (whose, uses) in uses(attempts.iter(), &Whom::UsersOfCards) {
        for (day, stretch) in densest(&uses, DAY, cards) {
            let cards = cards(stretch);
            if cards >= limits.cards {
                let summary = format!("{cards} cards within a day");
                found.push(finding(FraudRule::ManyCards, &whose, day, stretch, summary));
            }
        }
    }
    found
}

fn cards(stretch: &[Use<'_>]) -> usize {
    stretch.iter().map(|(.., card)| card).collect::<BTreeSet<_>>().len()
}

enum Whom {
    Everybody,
    UsersOfCards,
}

/// The attempts of each user, customer and card, oldest first.
fn uses<'a>(attempts: impl Iterator<Item = &'a Attempt>, whom: &Whom) -> BTreeMap<Whose, Vec<Use<'a>>> {
    let mut uses: BTreeMap<Whose, Vec<Use<'a>>> = BTreeMap::new();
    for attempt in attempts {
        let (Some(at), card) = (attempt.at, attempt.card()) else { continue };
        let of_users_alone = matches!(whom, Whom::UsersOfCards);
        if of_users_alone && card.is_none() {
            continue;
        }
        for whose in whose(attempt).filter(|(kind, ..)| *kind == "user" || !of_users_alone) {
            let of_card = card.clone().unwrap_or_default();
            uses.entry(whose).or_default().push((at, attempt.id.as_str(), of_card));
        }
    }
    for of_one in uses.values_mut() {
        of_one.sort_unstable();
    }
    uses
}

/// The user, the customer and the card of an attempt.
fn whose(attempt: &Attempt) -> impl Iterator<Item = Whose> {
    let ids = [
        ("user", attempt.user_id.clone()),
        ("customer", attempt.customer.clone()),
        ("card", attempt.card().as_deref().map(named)),
    ];
    ids.into_iter().filter_map(|(kind, id)| Some((kind, id?, attempt.account.clone(), attempt.livemode)))
}

/// A name for a card that shows nothing of it: what a card looks like is not for everybody who reads findings.
fn named(card: &str) -> String {
    format!("card_{}", hex(&Sha256::digest(card.as_bytes())[..CARD_BYTES]))
}

/// For each day on which a stretch of this length ends, the one that measures most; of equal ones the first.
fn densest<'a, 'u>(
    uses: &'a [Use<'u>],
    length: TimeDelta,
    measure: fn(&[Use<'u>]) -> usize,
) -> BTreeMap<NaiveDate, &'a [Use<'u>]> {
    let mut days: BTreeMap<NaiveDate, (usize, &'a [Use<'u>])> = BTreeMap::new();
    let mut first = 0;
    for (last, (at, ..)) in uses.iter().enumerate() {
        while uses[first].0 <= *at - length {
            first += 1;
        }
        let stretch = &uses[first..=last];
        let most = measure(stretch);
        let of_day = days.entry(at.date_naive()).or_insert((0, stretch));
        if most > of_day.0 {
            *of_day = (most, stretch);
        }
    }
    days.into_iter().map(|(day, (_, stretch))| (day, stretch)).collect()
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
