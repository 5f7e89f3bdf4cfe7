//! Too much within a short time: payments and declines of one user, customer or card, and cards of one user.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Attempt, FraudFinding, FraudLimits, FraudRule};

const DAY: TimeDelta = TimeDelta::hours(24);

type Whose = (&'static str, String, String, bool);

/// So many payments, or declines, within the window.
pub fn velocity(attempts: &[Attempt], limits: &FraudLimits) -> Vec<FraudFinding> {
    let mut found = Vec::new();
    for (rule, limit, counts) in [
        (FraudRule::PaymentVelocity, limits.payments, Attempt::is_paid as fn(&Attempt) -> bool),
        (FraudRule::DeclineVelocity, limits.declines, Attempt::is_declined as fn(&Attempt) -> bool),
    ] {
        for (whose, mut moments) in moments(attempts, counts) {
            moments.sort_unstable();
            let Some((at, most)) = densest(&moments, limits.window).filter(|(_, most)| *most >= limit) else {
                continue;
            };
            let what = if rule == FraudRule::PaymentVelocity { "payments" } else { "declines" };
            let summary = format!("{most} {what} within {} minutes", limits.window.num_minutes());
            found.push(finding(rule, whose, at, summary));
        }
    }
    found
}

/// One user pays, or tries to, by many cards within a day.
pub fn many_cards(attempts: &[Attempt], limits: &FraudLimits) -> Vec<FraudFinding> {
    let mut uses: BTreeMap<Whose, Vec<(DateTime<Utc>, String)>> = BTreeMap::new();
    for attempt in attempts {
        if let (Some(at), Some(user), Some(card)) = (attempt.at, &attempt.user_id, attempt.card()) {
            uses.entry(("user", user.clone(), attempt.account.clone(), attempt.livemode))
                .or_default()
                .push((at, card));
        }
    }
    let mut found = Vec::new();
    for (whose, mut uses) in uses {
        uses.sort_unstable();
        // A window of a day over the uses, with how often each card is in it.
        let (mut first, mut inside, mut most) = (0, BTreeMap::<&str, usize>::new(), None);
        for (last, (at, card)) in uses.iter().enumerate() {
            *inside.entry(card.as_str()).or_default() += 1;
            while uses[first].0 <= *at - DAY {
                let left = uses[first].1.as_str();
                let count = inside.remove(left).unwrap_or_default();
                if count > 1 {
                    inside.insert(left, count - 1);
                }
                first += 1;
            }
            most = most.max(Some((inside.len(), std::cmp::Reverse(last))));
        }
        if let Some((cards, std::cmp::Reverse(last))) = most
            && cards >= limits.cards
        {
            found.push(finding(
                FraudRule::ManyCards,
                whose,
                uses[last].0,
                format!("{cards} cards within a day"),
            ));
        }
    }
    found
}

/// When each user, customer and card did what counts.
fn moments(attempts: &[Attempt], counts: fn(&Attempt) -> bool) -> BTreeMap<Whose, Vec<DateTime<Utc>>> {
    let mut moments: BTreeMap<Whose, Vec<DateTime<Utc>>> = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| counts(attempt)) {
        let Some(at) = attempt.at else { continue };
        for (kind, id) in [
            ("user", attempt.user_id.clone()),
            ("customer", attempt.customer.clone()),
            ("card", attempt.card()),
        ] {
            if let Some(id) = id {
                moments.entry((kind, id, attempt.account.clone(), attempt.livemode)).or_default().push(at);
            }
        }
    }
    moments
}

/// The window with the most of them: when its last one was, and how many. Of equal windows the first.
fn densest(moments: &[DateTime<Utc>], window: TimeDelta) -> Option<(DateTime<Utc>, usize)> {
    let (mut first, mut densest) = (0, None);
    for (last, at) in moments.iter().enumerate() {
        while moments[first] <= *at - window {
            first += 1;
        }
        let count = last - first + 1;
        if densest.is_none_or(|(_, most)| count > most) {
            densest = Some((*at, count));
        }
    }
    densest
}

fn finding(rule: FraudRule, whose: Whose, at: DateTime<Utc>, summary: String) -> FraudFinding {
    let (subject_kind, subject_id, account, livemode) = whose;
    FraudFinding {
        at,
        rule,
        subject_kind,
        subject_id,
        account,
        livemode,
        amount: None,
        currency: String::new(),
        summary,
    }
}
