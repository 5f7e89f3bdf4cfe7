//! Stories of buyers, and what each rule makes of them, in any order.

use std::collections::BTreeSet;

use chrono::DateTime;

use super::velocity::{many_cards, velocity};
use super::*;

fn at(minute: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(1_780_000_000 + minute * 60, 0)
}

fn attempt(id: u64, minute: i64, status: &str, user: &str, last4: &str) -> Attempt {
    Attempt {
        id: format!("ch_{id}"),
        payment: Some(format!("pi_{id}")),
        at: at(minute),
        status: status.to_owned(),
        amount: 2_000,
        currency: "usd".to_owned(),
        user_id: Some(user.to_owned()),
        card_brand: Some("visa".to_owned()),
        card_last4: Some(last4.to_owned()),
        ..Attempt::default()
    }
}

fn names() -> CardNames {
    CardNames::under("drawn once")
}

fn kinds(found: &[FraudFinding]) -> Vec<(&str, &str, &str)> {
    found.iter().map(|it| (it.rule.as_str(), it.subject_kind, it.summary.as_str())).collect()
}

/// Minutes at which one user pays or is declined, and what is found.
#[test]
fn histories_and_what_is_found_in_them() {
    let limits = FraudLimits::default();
    let of = |status: &str, minutes: &[i64]| {
        let attempts: Vec<Attempt> = (0..)
            .zip(minutes)
            .map(|(id, minute)| attempt(id, *minute, status, "u1", &format!("{id:04}")))
            .collect();
        velocity(&attempts, &limits, &names()).into_iter().map(|it| it.summary).collect::<Vec<_>>()
    };
    assert_eq!(of("succeeded", &[0, 2, 4, 6]), Vec::<String>::new());
    assert_eq!(of("succeeded", &[0, 2, 4, 6, 8]), ["5 payments within 10 minutes"]);
    assert_eq!(of("succeeded", &[0, 2, 4, 6, 10]), Vec::<String>::new(), "the first is ten minutes ago");
    assert_eq!(of("failed", &[0, 9]), Vec::<String>::new());
    assert_eq!(of("failed", &[0, 5, 9, 30, 50]), ["3 declines within 10 minutes"]);
    assert_eq!(of("pending", &[0, 1, 2, 3, 4, 5]), Vec::<String>::new());
    // Once a day: the densest of each. Minute 0 is 20:26 in UTC.
    assert_eq!(
        of("failed", &[0, 1, 2, 30, 31, 32, 33, 300, 301, 302]),
        ["4 declines within 10 minutes", "3 declines within 10 minutes"]
    );
}

/// The rows of a stretch of time are enough: what is found of a day does not depend on what else was read.
#[test]
fn a_day_reads_the_same_whatever_else_is_known() {
    let limits = FraudLimits::default();
    let all: Vec<Attempt> = [0, 3, 6, 9, 1_500, 1_501, 1_502, 2_900]
        .into_iter()
        .zip(0..)
        .map(|(minute, id)| attempt(id, minute, "failed", "u1", &format!("{id:04}")))
        .collect();
    let of = |attempts: &[Attempt]| {
        let mut found =
            [velocity(attempts, &limits, &names()), many_cards(attempts, &limits, &names())].concat();
        found.sort();
        found.iter().map(|it| it.clone().found()).collect::<Vec<_>>()
    };
    let whole = of(&all);
    assert_eq!(whole.len(), 5, "{whole:#?}");
    let whole_ids: Vec<String> = whole.iter().map(|it| it.id(Check::FraudDesk, &Key::default())).collect();
    for one in of(&all[4..]) {
        let id = one.id(Check::FraudDesk, &Key::default());
        assert_eq!(whole[whole_ids.iter().position(|it| *it == id).unwrap()], one);
    }
}

#[test]
fn whoever_shares_a_card_with_a_recent_attempt_is_not_judged_by_what_they_share() {
    let limits = FraudLimits::default();
    let recent = [attempt(9, 9, "failed", "u1", "4242")];
    // Three of a stranger's, of whom nothing else was read; a day that no recent attempt is part of.
    let mut around: Vec<Attempt> = (0..3).map(|id| attempt(id, 9, "failed", "stranger", "4242")).collect();
    around.extend((10..13).map(|id| attempt(id, -2_880, "failed", "u1", "4242")));
    around.push(recent[0].clone());
    let found = bursts(&recent, &around, &limits, &names());
    assert_eq!(kinds(&found), [("decline_velocity", "card", "4 declines within 10 minutes")]);
}

#[test]
fn a_finding_shows_nothing_of_a_card_and_names_the_charges() {
    let of_card: Vec<Attempt> =
        (0..3).map(|id| attempt(id, 0, "failed", &format!("u{id}"), "4242")).collect();
    let found = velocity(&of_card, &FraudLimits::default(), &names()).remove(0).found();
    assert_eq!((found.kind, found.subject_kind), ("decline_velocity", "card"));
    assert!(!format!("{found:?}").contains("4242"), "{found:?}");
    assert_eq!(found.details["charges"], serde_json::json!(["ch_2", "ch_1", "ch_0"]));
    assert_eq!(found.item, "2026-05-28");
}

#[test]
fn one_card_of_many_users_and_many_cards_of_one() {
    let limits = FraudLimits::default();
    let of_card: Vec<Attempt> =
        (0..3).map(|id| attempt(id, 0, "failed", &format!("u{id}"), "4242")).collect();
    assert_eq!(
        kinds(&velocity(&of_card, &limits, &names())),
        [("decline_velocity", "card", "3 declines within 10 minutes")]
    );
    let cards = |minutes: [i64; 3]| {
        let attempts: Vec<Attempt> = (0..)
            .zip(minutes)
            .map(|(id, minute)| attempt(id, minute, "failed", "u1", &format!("{id:04}")))
            .collect();
        many_cards(&attempts, &limits, &names()).len()
    };
    assert_eq!((cards([0, 600, 1_400]), cards([0, 600, 1_440])), (1, 0), "within a day");
}

#[test]
fn a_payment_is_large_by_itself_or_beside_what_the_user_usually_pays() {
    let limits = FraudLimits::default();
    let paid = |amount, currency: &str, before: usize| {
        let paid =
            Attempt { amount, currency: currency.to_owned(), ..attempt(1, 0, "succeeded", "u1", "4242") };
        let usual = PaidBefore {
            user_id: "u1".to_owned(),
            currency: "usd".to_owned(),
            amount: 1_000,
            at: at(-60),
            ..PaidBefore::default()
        };
        large_payments(&[paid], &vec![usual; before], &limits).first().map(|it| it.rule.as_str())
    };
    for (amount, currency, before, rule) in [
        (500_000, "usd", 0, None),
        (500_001, "usd", 0, Some("large_payment")),
        (5_001, "jpy", 0, Some("large_payment")),
        (5_000, "usd", 3, Some("unusual_payment")),
        (4_999, "usd", 3, None),
        (5_000, "usd", 2, None),
        (5_000, "eur", 3, None),
    ] {
        assert_eq!(paid(amount, currency, before), rule, "{amount} {currency}, {before} before");
    }
    // What came later, or long ago, or is this very payment, was not usual then.
    let usual = |minute, id: &str| PaidBefore {
        id: id.to_owned(),
        user_id: "u1".to_owned(),
        currency: "usd".to_owned(),
        amount: 1_000,
        at: at(minute),
        ..PaidBefore::default()
    };
    let paid = Attempt { amount: 5_000, ..attempt(1, 0, "succeeded", "u1", "4242") };
    for (minute, id, is_found) in
        [(-1, "pi_7", true), (1, "pi_7", false), (-129_601, "pi_7", false), (-1, "pi_1", false)]
    {
        let before = vec![usual(minute, id); 3];
        assert_eq!(
            !large_payments(std::slice::from_ref(&paid), &before, &limits).is_empty(),
            is_found,
            "{minute} {id}"
        );
    }
    let of_policy = FraudLimits { large_amounts: [("usd".to_owned(), 4_999)].into(), ..limits };
    assert_eq!(large_payments(&[paid], &[], &of_policy).len(), 1, "by policy");
}

#[test]
fn losses_say_what_is_at_stake() {
    let limits = FraudLimits::default();
    let warned = |amount_refunded| WarnedCharge {
        at: at(0),
        amount: 2_000,
        amount_refunded,
        currency: "usd".to_owned(),
        ..WarnedCharge::default()
    };
    let found = warnings(&[warned(0), warned(2_000), warned(500)], &limits);
    assert_eq!(found.iter().map(|it| it.amount).collect::<Vec<_>>(), [Some(2_000), Some(1_500)]);
    let loss = |amount_refunded, amount_charged_back| Loss {
        lost_at: at(0),
        amount: 2_000,
        amount_refunded,
        amount_charged_back,
        currency: "usd".to_owned(),
        ..Loss::default()
    };
    let found = double_losses(&[
        loss(2_000, 2_000),
        loss(500, 1_500),
        loss(500, 2_000),
        loss(0, 2_000),
        loss(2_000, 0),
    ]);
    assert_eq!(found.iter().map(|it| it.amount).collect::<Vec<_>>(), [Some(2_000), Some(500)]);
    for (lost, refunded, later) in [(0, 7, 7), (7, 0, 7)] {
        let loss = Loss { lost_at: at(lost), refunded_at: at(refunded), ..loss(2_000, 2_000) };
        assert_eq!(Some(double_losses(&[loss])[0].at), at(later), "the second makes it a double loss");
    }
}

/// Rows come in whatever order the database likes.
#[test]
fn the_order_of_rows_changes_nothing() {
    let limits = FraudLimits::default();
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..200 {
        let mut attempts: Vec<Attempt> = (0..30)
            .map(|id| {
                let status = if random(2) == 0 { "failed" } else { "succeeded" };
                let minute = i64::try_from(random(60)).unwrap();
                attempt(id, minute, status, &format!("u{}", random(3)), &format!("{:04}", random(4)))
            })
            .collect();
        let all = |attempts: &[Attempt]| {
            let mut found =
                [velocity(attempts, &limits, &names()), many_cards(attempts, &limits, &names())].concat();
            found.sort();
            found
        };
        let before = all(&attempts);
        for last in (1..attempts.len()).rev() {
            attempts.swap(last, usize::try_from(random(last as u64 + 1)).unwrap());
        }
        assert_eq!(all(&attempts), before);
    }
}

/// Whoever reads findings must not try all cards until one has the name.
#[test]
fn a_cards_name_rests_on_a_value_that_only_the_ledger_has() {
    let limits = FraudLimits::default();
    let declined: Vec<Attempt> =
        (0..3).map(|id| attempt(id, 0, "failed", &format!("u{id}"), "4242")).collect();
    let name = |value: &str| velocity(&declined, &limits, &CardNames::under(value)).remove(0).subject_id;
    assert_eq!(name("one"), name("one"));
    assert_ne!(name("one"), name("another"), "without the value, nobody can work it out");
}

/// By the plainest code there is.
#[test]
fn what_is_counted_in_one_pass_is_what_there_is() {
    let limits = FraudLimits { cards: 1, ..FraudLimits::default() };
    let mut state = 11_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..100 {
        let attempts: Vec<Attempt> = (0..40)
            .map(|id| {
                let minute = i64::try_from(random(6_000)).unwrap();
                attempt(id, minute, "succeeded", "u1", &format!("{:04}", random(6)))
            })
            .collect();
        let mut most: BTreeMap<NaiveDate, usize> = BTreeMap::new();
        for last in &attempts {
            let at = last.at.unwrap();
            let stretch =
                attempts.iter().filter(|it| it.at.unwrap() <= at && it.at.unwrap() > at - TimeDelta::days(1));
            let cards = stretch.map(|it| it.card_last4.as_deref()).collect::<BTreeSet<_>>().len();
            let of_day = most.entry(at.date_naive()).or_default();
            *of_day = cards.max(*of_day);
        }
        let found = many_cards(&attempts, &limits, &names());
        let found: BTreeMap<NaiveDate, String> =
            found.into_iter().map(|it| (it.day.unwrap(), it.summary)).collect();
        let expected = most.into_iter().map(|(day, cards)| (day, format!("{cards} cards within a day")));
        assert_eq!(found, expected.collect());

        let before: Vec<PaidBefore> = (0..40)
            .map(|id| PaidBefore {
                id: format!("pi_{id}"),
                user_id: "u1".to_owned(),
                currency: "usd".to_owned(),
                amount: i64::try_from(random(9)).unwrap() * 100,
                at: at(-i64::try_from(random(140_000)).unwrap() + 6_000),
                ..PaidBefore::default()
            })
            .collect();
        let expected: Vec<String> = attempts
            .iter()
            .filter_map(|attempt| {
                let at = attempt.at.unwrap();
                let is_before = |it: &&PaidBefore| {
                    it.id != attempt.paid_by() && it.at.unwrap() < at && it.at.unwrap() > at - USUAL_SPAN
                };
                let mut amounts: Vec<i64> = before.iter().filter(is_before).map(|it| it.amount).collect();
                amounts.sort_unstable();
                let usual = *amounts.get(amounts.len() / 2).filter(|_| amounts.len() >= 3)?;
                (usual > 0 && attempt.amount >= usual * 5).then(|| attempt.paid_by().to_owned())
            })
            .collect();
        let found = large_payments(&attempts, &before, &limits);
        assert_eq!(found.into_iter().map(|it| it.subject_id).collect::<Vec<_>>(), expected);
    }
}
