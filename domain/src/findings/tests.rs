//! A finding from the first run that turns it up to its end, and back.

use chrono::TimeDelta;

use super::*;

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap() + TimeDelta::hours(hours)
}

fn whose() -> Key {
    Key { livemode: true, ..Key::default() }
}

fn found(subject: &str, amount: i64) -> Found {
    Found {
        kind: "amount_differs",
        severity: Severity::Warning,
        subject_kind: "charge",
        subject_id: subject.to_owned(),
        item: "txn_1".to_owned(),
        currency: "usd".to_owned(),
        amount: Some(amount),
        stripe_amount: Some(1_000 + amount),
        ledger_amount: Some(1_000),
        summary: "differs".to_owned(),
        details: [("transaction", json!("txn_1"))].into(),
    }
}

fn first() -> Finding {
    Finding::first(Check::Reconciliation, &whose(), "2026-11-27", &found("ch_1", 5), at(0))
}

#[test]
fn one_thing_has_one_id_whatever_it_amounts_to() {
    let id = |found: &Found, whose: &Key| found.id(Check::Reconciliation, whose);
    assert_eq!(id(&found("ch_1", 5), &whose()), id(&found("ch_1", 9), &whose()));
    assert_ne!(id(&found("ch_1", 5), &whose()), id(&found("ch_2", 5), &whose()));
    assert_ne!(id(&found("ch_1", 5), &whose()), id(&found("ch_1", 5), &Key::default()));
    assert_ne!(id(&found("ch_1", 5), &whose()), found("ch_1", 5).id(Check::FraudDesk, &whose()));
    let other = Found { item: "txn_2".to_owned(), ..found("ch_1", 5) };
    assert_ne!(id(&found("ch_1", 5), &whose()), id(&other, &whose()));
}

#[test]
fn what_is_gone_or_fixed_and_found_again_is_open_again() {
    let mut finding = first();
    assert_eq!(finding.found_again(&found("ch_1", 5), at(1)), None, "still there");
    assert_eq!(finding.gone(at(2)).unwrap().kind, StepKind::Gone);
    assert_eq!(finding.gone(at(3)), None, "it goes once");
    let again = finding.found_again(&found("ch_1", 5), at(4)).unwrap();
    assert_eq!((again.kind, finding.state, finding.reopened), (StepKind::Reopened, FindingState::Open, 1));
    finding.fix("ticket 12".to_owned(), None, "jane", at(5)).unwrap();
    assert_eq!(finding.reference.as_deref(), Some("ticket 12"));
    assert_eq!(finding.fix("ticket 13".to_owned(), None, "jane", at(5)), Err(OutOfPlace::Resolved));
    finding.found_again(&found("ch_1", 5), at(6)).unwrap();
    assert_eq!((finding.reopened, finding.reference, finding.resolved_at), (2, None, None));
}

#[test]
fn what_is_accepted_stays_so_until_it_is_something_else() {
    let mut finding = first();
    finding.accept("the bank's fee".to_owned(), "jane", at(1)).unwrap();
    assert_eq!(finding.found_again(&found("ch_1", 5), at(2)), None);
    assert_eq!(finding.resolution, Resolution::Accepted);
    assert!(finding.found_again(&found("ch_1", 6), at(3)).is_some(), "another amount was not accepted");
    assert_eq!((finding.state, finding.resolution), (FindingState::Open, Resolution::None));
}

/// A burst of declines stays a burst: whoever blocked the user has done with it, until there is more.
#[test]
fn what_the_fraud_desk_found_is_opened_again_by_news_alone() {
    let mut finding = Finding { found_by: Check::FraudDesk, ..first() };
    finding.fix("blocked the user".to_owned(), None, "jane", at(1)).unwrap();
    assert_eq!(finding.found_again(&found("ch_1", 5), at(2)), None);
    let more = Found { details: [("at", json!("later"))].into(), ..found("ch_1", 5) };
    assert!(finding.found_again(&more, at(3)).is_some());
    finding.gone(at(4)).unwrap();
    assert!(finding.found_again(&more, at(5)).is_some(), "what was gone by itself is back");
}

#[test]
fn a_pause_ends_by_itself_and_a_run_does_not_end_it() {
    let mut finding = first();
    assert_eq!(finding.snooze(at(1), "later".to_owned(), at(1)), Err(OutOfPlace::PauseIsOver));
    finding.snooze(at(5), "later".to_owned(), at(1)).unwrap();
    assert_eq!(finding.found_again(&found("ch_1", 5), at(2)), None);
    assert_eq!(finding.state_at(at(4)), FindingState::Snoozed);
    assert_eq!(finding.state_at(at(5)), FindingState::Open);
    finding.acknowledge("known".to_owned()).unwrap();
    assert_eq!((finding.state_at(at(9)), finding.snoozed_until), (FindingState::Acknowledged, None));
}

#[test]
fn whoever_has_it_and_what_was_said_stand_apart() {
    let mut finding = first();
    finding.noted("asked the bank".to_owned());
    assert_eq!(finding.assign(Some("ed".to_owned())).note.as_deref(), Some("ed"));
    assert_eq!((finding.assignee.as_deref(), finding.note.as_deref()), (Some("ed"), Some("asked the bank")));
    finding.assign(None);
    assert_eq!(finding.assignee, None);
    assert_eq!(finding.reopen("no".to_owned()), Err(OutOfPlace::NotResolved));
}

#[test]
fn more_new_ones_than_anybody_works_through_are_one_and_known_ones_stay() {
    let many: Vec<Found> = (0..4).map(|number| found(&format!("ch_{number}"), 1)).collect();
    let is_known = |found: &Found| found.subject_id == "ch_0";
    assert_eq!(bounded("d", many.clone(), is_known, 3).len(), 4, "three are new");
    let kept = bounded("d", many, is_known, 2);
    let kinds: Vec<_> = kept.iter().map(|found| (found.kind, found.subject_id.as_str())).collect();
    assert_eq!(kinds, [("amount_differs", "ch_0"), (TOO_MANY, "d")]);
    assert!(kept[1].summary.contains("3 amount differs"), "{}", kept[1].summary);
}
