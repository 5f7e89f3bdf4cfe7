//! Stories of listings, each told in every order of its payments.

use chrono::{DateTime, TimeDelta, Utc};
use domain::Key;
use domain::fulfilments::{Fulfilment, Money};
use domain::goods::Terms;

use super::*;
use crate::record::Word;
use crate::terms::{BUMP, FEATURED, USUAL};

const DAY: i64 = 86_400;

pub(super) fn at(secs: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000 + secs, 0).unwrap()
}

fn payment(id: &str, what: &str, paid_at: i64, money: Money) -> Fulfilment {
    let amount = if what == BUMP { 200 } else { 500 };
    Fulfilment {
        payment: Key { id: id.to_owned(), ..Key::default() },
        what: what.to_owned(),
        user: Some("user_1".to_owned()),
        category: Some("Housing".to_owned()),
        amount,
        currency: "usd".to_owned(),
        money,
        made_at: Some(at(paid_at)),
        paid_at: (!matches!(money, Money::Awaited | Money::Canceled)).then(|| at(paid_at)),
    }
}

pub(super) fn paid(id: &str, what: &str, paid_at: i64) -> Fulfilment {
    payment(id, what, paid_at, Money::Here)
}

pub(super) fn record() -> Record {
    Record {
        category: "Housing".to_owned(),
        currency: "usd".to_owned(),
        categorised_at: at(-60),
        ..Record::default()
    }
}

fn word(secs: i64) -> Word {
    Word { at: at(secs), by: "jane".to_owned(), reason: "spam".to_owned() }
}

/// The same whatever the order of the payments, and however often each is there.
pub(super) fn derived(record: &Record, payments: &[Fulfilment]) -> Derived {
    let terms = ListingTerms::of(Terms::of(USUAL, []));
    let asked = BTreeMap::new();
    let of = |payments: &[Fulfilment]| {
        derive(&Known {
            record,
            user: "user_1",
            terms: &terms,
            asked: &asked,
            returning: &BTreeSet::new(),
            payments,
        })
    };
    let first = of(payments);
    let mut turned = payments.to_vec();
    for _ in 0..payments.len() {
        turned.rotate_left(1);
        assert_eq!(of(&turned), first);
        let backwards: Vec<Fulfilment> = turned.iter().rev().chain(&turned).cloned().collect();
        assert_eq!(of(&backwards), first, "turned round, and each twice");
    }
    first
}

pub(super) fn verdicts(derived: &Derived) -> Vec<(&str, Verdict)> {
    derived.payments.iter().map(|judged| (judged.payment.as_str(), judged.verdict)).collect()
}

/// The first fee went back, and the second one was paid within its time: what makes the listing active carries promotions.
#[test]
fn a_promotion_rests_on_the_fee_that_counts_also_where_the_one_before_it_went_back() {
    let first = payment("pi_1", LISTING_FEE, 0, Money::Returned);
    let payments = [first, paid("pi_2", LISTING_FEE, 29 * DAY), paid("pi_3", FEATURED, 35 * DAY)];
    let derived = derived(&record(), &payments);
    assert_eq!(derived.active_until, Some(at(59 * DAY)));
    assert!(verdicts(&derived).contains(&("pi_3", Verdict::Granted)), "{derived:?}");
}

/// Name, payments, verdicts, state an hour after the first payment.
type Story = (&'static str, Vec<Fulfilment>, Vec<(&'static str, Verdict)>, State);

fn stories() -> Vec<Story> {
    use Verdict::{Awaited, Gone, Granted, Held, Owed, Wrong};
    let fee = |id, secs| paid(id, LISTING_FEE, secs);
    let fee_is = |money| payment("pi_1", LISTING_FEE, 0, money);
    let other = |change: fn(&mut Fulfilment)| {
        let mut payment = paid("pi_1", LISTING_FEE, 0);
        change(&mut payment);
        payment
    };
    vec![
        ("nothing paid", vec![], vec![], State::PendingPayment),
        ("unpaid", vec![fee_is(Money::Awaited)], vec![("pi_1", Awaited)], State::PendingPayment),
        ("paid", vec![fee("pi_1", 0)], vec![("pi_1", Granted)], State::Active),
        ("canceled", vec![fee_is(Money::Canceled)], vec![("pi_1", Gone)], State::PendingPayment),
        ("refunded", vec![fee_is(Money::Returned)], vec![("pi_1", Gone)], State::PendingPayment),
        ("disputed", vec![fee_is(Money::Held)], vec![("pi_1", Held)], State::PendingPayment),
        ("charged back", vec![fee_is(Money::Lost)], vec![("pi_1", Gone)], State::PendingPayment),
        (
            "paid twice",
            vec![fee("pi_1", 0), fee("pi_2", 5)],
            vec![("pi_1", Granted), ("pi_2", Owed(Why::PaidTwice))],
            State::Active,
        ),
        (
            "paid twice in one second",
            vec![fee("pi_1", 0), fee("pi_2", 0)],
            vec![("pi_1", Granted), ("pi_2", Owed(Why::PaidTwice))],
            State::Active,
        ),
        (
            "paid again after a refund",
            vec![fee_is(Money::Returned), fee("pi_2", 5)],
            vec![("pi_1", Gone), ("pi_2", Granted)],
            State::Active,
        ),
        (
            "paid again while the first is disputed",
            vec![fee_is(Money::Held), fee("pi_2", 5)],
            vec![("pi_1", Held), ("pi_2", Granted)],
            State::Active,
        ),
        (
            "wrong amount",
            vec![other(|paid| paid.amount = 499), Fulfilment { amount: 199, ..paid("pi_2", BUMP, 5) }],
            vec![("pi_1", Wrong(Fault::Amount)), ("pi_2", Wrong(Fault::Amount))],
            State::PendingPayment,
        ),
        (
            "wrong currency",
            vec![other(|paid| paid.currency = "eur".to_owned())],
            vec![("pi_1", Wrong(Fault::Currency))],
            State::PendingPayment,
        ),
        (
            "another user",
            vec![other(|paid| paid.user = Some("user_2".to_owned()))],
            vec![("pi_1", Wrong(Fault::User))],
            State::PendingPayment,
        ),
        (
            "nothing that is sold",
            vec![other(|paid| paid.what = "poster".to_owned())],
            vec![("pi_1", Wrong(Fault::Unknown))],
            State::PendingPayment,
        ),
        (
            "two bumps within a day",
            vec![fee("pi_1", 0), paid("pi_2", BUMP, 10), paid("pi_3", BUMP, DAY + 9)],
            vec![("pi_1", Granted), ("pi_2", Granted), ("pi_3", Owed(Why::TooSoon))],
            State::Active,
        ),
        (
            "two bumps a day apart",
            vec![fee("pi_1", 0), paid("pi_2", BUMP, 10), paid("pi_3", BUMP, DAY + 10)],
            vec![("pi_1", Granted), ("pi_2", Granted), ("pi_3", Granted)],
            State::Active,
        ),
        (
            "a bump after one that was refunded",
            vec![fee("pi_1", 0), payment("pi_2", BUMP, 10, Money::Returned), paid("pi_3", BUMP, 20)],
            vec![("pi_1", Granted), ("pi_2", Gone), ("pi_3", Granted)],
            State::Active,
        ),
        (
            "a promotion before the fee",
            vec![paid("pi_1", FEATURED, 0), fee("pi_2", 10)],
            vec![("pi_1", Owed(Why::NotActive)), ("pi_2", Granted)],
            State::Active,
        ),
        (
            "a promotion of a listing whose fee went back later",
            vec![fee_is(Money::Returned), paid("pi_2", FEATURED, 10)],
            vec![("pi_1", Gone), ("pi_2", Granted)],
            State::PendingPayment,
        ),
    ]
}

#[test]
fn every_story_ends_the_same_in_every_order() {
    for (name, payments, expected, state) in stories() {
        let derived = derived(&record(), &payments);
        assert_eq!(verdicts(&derived), expected, "{name}");
        assert_eq!(derived.state_at(&record(), at(3_600)), state, "{name}");
    }
}

#[test]
fn a_listing_is_active_for_its_time_and_is_paid_for_again_after_it() {
    let first = derived(&record(), &[paid("pi_1", LISTING_FEE, 0)]);
    let end = 30 * DAY;
    let states = [end - 1, end].map(|secs| first.state_at(&record(), at(secs)));
    assert_eq!(states, [State::Active, State::Expired]);
    assert_eq!((first.turns_at(at(0)), first.turns_at(at(end))), (Some(at(end)), None));
    let again = [paid("pi_1", LISTING_FEE, 0), paid("pi_2", LISTING_FEE, end + 5)];
    let again = derived(&record(), &again);
    assert_eq!(verdicts(&again), [("pi_1", Verdict::Granted), ("pi_2", Verdict::Granted)]);
    assert_eq!((again.active_from, again.active_until), (Some(at(end + 5)), Some(at(2 * end + 5))));
    // Paid a second before the end, it buys nothing.
    let early = derived(&record(), &[paid("pi_1", LISTING_FEE, 0), paid("pi_2", LISTING_FEE, end - 1)]);
    assert_eq!(verdicts(&early)[1].1, Verdict::Owed(Why::PaidTwice));
}

#[test]
fn featured_lasts_seven_days_and_a_second_follows_the_first() {
    let payments = [paid("pi_1", LISTING_FEE, 0), paid("pi_2", FEATURED, 10), paid("pi_3", FEATURED, 20)];
    let derived = derived(&record(), &payments);
    assert_eq!(derived.featured_until, Some(at(10 + 14 * DAY)));
    let featured = [at(10 + 14 * DAY - 1), at(10 + 14 * DAY)].map(|now| derived.is_featured(&record(), now));
    assert_eq!(featured, [true, false]);
}

#[test]
fn after_a_rejection_all_that_runs_is_owed_back_and_what_is_over_is_not() {
    let payments = [
        paid("pi_1", LISTING_FEE, 0),
        paid("pi_2", BUMP, 10),
        paid("pi_3", FEATURED, 20),
        paid("pi_4", BUMP, 2 * DAY),
        paid("pi_5", LISTING_FEE, 3 * DAY + 1),
    ];
    let rejected = Record { rejected: Some(word(3 * DAY)), ..record() };
    let owed = Verdict::Owed(Why::Rejected);
    let derived = derived(&rejected, &payments);
    let expected = [
        ("pi_1", owed),
        ("pi_2", Verdict::Granted),
        ("pi_3", owed),
        ("pi_4", Verdict::Granted),
        ("pi_5", owed),
    ];
    assert_eq!(verdicts(&derived), expected, "the bump of two days ago has had its day");
    assert_eq!(derived.state_at(&rejected, at(3 * DAY)), State::Rejected);
    assert!(!derived.is_listed);
}

#[test]
fn a_deleted_listing_keeps_its_fee_and_owes_what_is_paid_later() {
    let deleted = Record { deleted: Some(word(100)), ..record() };
    let late = derived(&deleted, &[paid("pi_1", LISTING_FEE, 0), paid("pi_2", FEATURED, 101)]);
    assert_eq!(verdicts(&late), [("pi_1", Verdict::Granted), ("pi_2", Verdict::Owed(Why::Deleted))]);
    assert_eq!(late.state_at(&deleted, at(200)), State::Deleted);
    let unpaid = derived(&deleted, &[paid("pi_1", LISTING_FEE, 100)]);
    assert_eq!(verdicts(&unpaid)[0].1, Verdict::Owed(Why::Deleted));
}

#[test]
fn a_free_listing_is_active_at_once_and_a_fee_for_it_is_wrong() {
    let free = Record { category: "Free stuff".to_owned(), ..record() };
    let listed = derived(&free, &[paid("pi_1", LISTING_FEE, 0)]);
    assert_eq!((listed.fee, listed.active_until), (0, Some(at(30 * DAY - 60))));
    assert_eq!(listed.state_at(&free, at(0)), State::Active);
    let of_that_category = Fulfilment { category: None, ..paid("pi_1", LISTING_FEE, 0) };
    let wrong = derived(&free, &[of_that_category]);
    assert_eq!(verdicts(&wrong)[0].1, Verdict::Wrong(Fault::Amount));
}

#[test]
fn what_a_checkout_asked_for_is_the_price_whatever_the_terms_say_since() {
    let terms = ListingTerms::of(Terms::of(USUAL, []));
    let of_ours =
        Asked { at: at(0), category: "Housing".to_owned(), amount: 400, currency: "usd".to_owned() };
    let asked = BTreeMap::from([("pi_1".to_owned(), of_ours)]);
    let mut payment = paid("pi_1", LISTING_FEE, 0);
    payment.amount = 400;
    let known = |asked| {
        derive(&Known {
            record: &record(),
            user: "user_1",
            terms: &terms,
            asked,
            returning: &BTreeSet::new(),
            payments: &[payment.clone()],
        })
    };
    assert_eq!(verdicts(&known(&asked))[0].1, Verdict::Granted);
    assert_eq!(verdicts(&known(&BTreeMap::new()))[0].1, Verdict::Wrong(Fault::Amount));
}

/// Whatever is paid when, no two bumps of a day are granted, nothing is granted twice, and every payment is granted, held,
/// gone, awaited, wrong, or owed back: all subsets of a history with every kind of trouble in it.
#[test]
fn no_subset_of_a_history_breaks_a_promise() {
    let history = [
        paid("pi_01", LISTING_FEE, 0),
        paid("pi_02", LISTING_FEE, 5),
        payment("pi_03", LISTING_FEE, -5, Money::Held),
        payment("pi_04", LISTING_FEE, -9, Money::Returned),
        paid("pi_05", LISTING_FEE, 31 * DAY),
        paid("pi_06", BUMP, 7),
        paid("pi_07", BUMP, DAY),
        paid("pi_08", BUMP, DAY + 7),
        payment("pi_09", BUMP, 6, Money::Lost),
        paid("pi_10", FEATURED, 8),
        paid("pi_11", FEATURED, 40 * DAY),
        payment("pi_12", FEATURED, 9, Money::Awaited),
    ];
    let records = [
        record(),
        Record { rejected: Some(word(DAY + 8)), ..record() },
        Record { deleted: Some(word(6)), ..record() },
        Record { category: "Free stuff".to_owned(), ..record() },
    ];
    let terms = ListingTerms::of(Terms::of(USUAL, []));
    for record in &records {
        for subset in 0_u32..1 << history.len() {
            let payments: Vec<Fulfilment> = history
                .iter()
                .enumerate()
                .filter(|(place, _)| subset & (1 << place) != 0)
                .map(|(_, payment)| payment.clone())
                .collect();
            let backwards: Vec<Fulfilment> = payments.iter().rev().cloned().collect();
            let asked = BTreeMap::new();
            let of = |payments: &[Fulfilment]| {
                derive(&Known {
                    record,
                    user: "user_1",
                    terms: &terms,
                    asked: &asked,
                    returning: &BTreeSet::new(),
                    payments,
                })
            };
            let derived = of(&payments);
            assert_eq!(of(&backwards), derived);
            holds(record, &payments, &derived);
        }
    }
}

fn holds(record: &Record, payments: &[Fulfilment], derived: &Derived) {
    assert_eq!(derived.payments.len(), payments.len());
    let granted = |what: &str| -> Vec<&Judged> {
        let of_it = derived.payments.iter().filter(|judged| judged.what == what);
        of_it.filter(|judged| judged.verdict == Verdict::Granted).collect()
    };
    for pair in granted(BUMP).windows(2) {
        assert!(pair[1].from.unwrap() - pair[0].from.unwrap() >= TimeDelta::hours(24), "{payments:?}");
    }
    for pair in granted(LISTING_FEE).windows(2) {
        assert!(pair[1].from >= pair[0].until, "one fee at a time: {payments:?}");
    }
    let is_free = record.category != "Housing";
    let has_money = |judged: &&Judged| {
        let of_it = payments.iter().find(|paid| paid.payment.id == judged.payment);
        of_it.is_some_and(|paid| paid.money == Money::Here)
    };
    if derived.is_listed && !is_free {
        assert!(granted(LISTING_FEE).iter().any(&has_money), "active without money: {payments:?}");
    }
    for judged in derived.payments.iter().filter(has_money) {
        let is_settled = matches!(judged.verdict, Verdict::Granted | Verdict::Owed(_) | Verdict::Wrong(_));
        assert!(is_settled, "money that nobody accounts for: {judged:?}");
    }
}
