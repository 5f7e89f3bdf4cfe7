//! What happens in one second, and what comes in another order than it happened.

use chrono::TimeDelta;
use domain::goods::Terms;

use super::tests::{at, derived, paid, record, verdicts};
use super::*;
use crate::terms::{BUMP, FEATURED, USUAL};

/// Stripe stamps whole seconds, and acts know the moment: what was paid within the second of an act was paid in it.
#[test]
fn a_promotion_that_was_paid_in_the_second_in_which_a_free_listing_was_put_is_granted() {
    let put = at(0) + TimeDelta::milliseconds(400);
    let free = Record { category: "Free stuff".to_owned(), categorised_at: put, ..record() };
    for what in [FEATURED, BUMP] {
        let told = |secs| derived(&free, &[paid("pi_1", what, secs)]);
        assert_eq!(verdicts(&told(0)), [("pi_1", Verdict::Granted)], "{what}");
        assert_eq!(
            verdicts(&told(-1)),
            [("pi_1", Verdict::Owed(Why::NotActive))],
            "{what}, before it was put"
        );
    }
    let left = at(10) + TimeDelta::milliseconds(400);
    let was_free = vec![Span { from: put, until: left }];
    let dear = Record { was_free, categorised_at: left, ..record() };
    let told = |secs| derived(&dear, &[paid("pi_1", FEATURED, secs)]);
    assert_eq!(verdicts(&told(10)), [("pi_1", Verdict::Granted)]);
    assert_eq!(verdicts(&told(11)), [("pi_1", Verdict::Owed(Why::NotActive))], "it waits for its fee");
}

/// The second of two was asked back; then an event says that it was the first.
#[test]
fn what_was_asked_back_stays_asked_back_when_the_order_of_two_turns() {
    let (terms, asked) = (ListingTerms::of(Terms::of(USUAL, [])), BTreeMap::new());
    let of = |returning: &BTreeSet<String>, payments: &[Fulfilment]| {
        derive(&Known {
            record: &record(),
            user: "user_1",
            terms: &terms,
            asked: &asked,
            returning,
            payments,
        })
    };
    for what in [LISTING_FEE, BUMP] {
        let others = (what == BUMP).then(|| paid("pi_0", LISTING_FEE, 0));
        let told =
            |first| others.clone().into_iter().chain([paid("pi_1", what, first), paid("pi_2", what, 10)]);
        let verdict =
            |derived: &Derived, id: &str| verdicts(derived).into_iter().find(|it| it.0 == id).unwrap().1;
        let before = of(&BTreeSet::new(), &told(11).collect::<Vec<_>>());
        assert!(matches!(verdict(&before, "pi_1"), Verdict::Owed(_)));
        let after = of(&["pi_1".to_owned()].into(), &told(9).collect::<Vec<_>>());
        assert!(matches!(verdict(&after, "pi_1"), Verdict::Owed(_)), "{after:?}");
        assert_eq!(verdict(&after, "pi_2"), Verdict::Granted);
        let alone = of(
            &["pi_1".to_owned()].into(),
            &told(9).filter(|it| it.payment.id != "pi_2").collect::<Vec<_>>(),
        );
        assert_eq!(verdict(&alone, "pi_1"), Verdict::Granted, "it is here until it went back");
    }
}
