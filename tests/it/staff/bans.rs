//! `tidegate bans`: derived from disputes, overridden by staff, judged by the clock, answered to programs.

use chrono::TimeDelta;
use desk::acts::Person;
use desk::acts::bans::{Decision, decide_on_user};
use domain::Key;
use domain::bans::{Act, Ban};
use harness::histories::agreeing;
use serde_json::json;
use shared::clock;

use super::desk::{each_desk, steps, text};
use super::sales::sale;

const BANNED: i32 = 3;

fn user(id: &str) -> Key {
    Key { id: id.to_owned(), account: String::new(), livemode: true }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lost_disputes_ban_and_a_late_win_lifts() {
    each_desk("bans", async |desk| {
        let (one, two) = (sale("one", "user_1", 1_000, 0), sale("two", "user_1", 2_000, 5_000));
        desk.hears(&one.lost()).await;
        assert_eq!(desk.check(&["user_1"]).0, 0, "one chargeback is too few");
        desk.hears(&two.lost()).await;
        let (code, answer) = desk.check(&["user_1"]);
        assert_eq!((code, &answer["banned"], &answer["by"]), (BANNED, &json!(true), &json!("disputes")));
        assert_eq!(desk.ids(&["bans", "list"]), ["user_1"]);

        let explained = &desk.json(&["bans", "explain", "user_1"])[0];
        assert_eq!((&explained["status"], &explained["chargebacks"]), (&json!("banned"), &json!(2)));
        let disputes = explained["disputes"].as_array().unwrap();
        assert!(disputes.iter().all(|dispute| dispute["counts"] == true), "{disputes:?}");
        assert_eq!(steps(&explained["timeline"], "ban"), [("banned", "evt_two_dispute_needs_response")]);
        assert_eq!(explained["stale"], false);

        desk.hears(&[one.dispute(9_000, "won", &json!({}))]).await;
        assert_eq!(desk.check(&["user_1"]).0, 0, "lifted");
        let explained = &desk.json(&["bans", "explain", "user_1"])[0];
        let because: Vec<_> =
            explained["disputes"].as_array().unwrap().iter().map(|d| &d["because"]).collect();
        assert_eq!(because, ["it was won", "it was lost"]);
        let ban = steps(&explained["timeline"], "ban");
        assert_eq!(ban.last(), Some(&("clear", "evt_one_dispute_won")), "the history stays");
        assert!(desk.ids(&["bans", "list"]).is_empty());
        assert_eq!(desk.ids(&["bans", "list", "--all"]), ["user_1"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_of_staff_stands_against_the_disputes_until_it_is_taken_back() {
    each_desk("override", async |desk| {
        let sold = sale("one", "user_1", 1_000, 0);
        desk.hears(&sold.lost()).await;
        desk.said(&["bans", "ban", "user_1", "--reason", "stolen cards", "--for", "30d"]);
        let (code, answer) = desk.check(&["user_1"]);
        assert_eq!((code, &answer["by"]), (BANNED, &json!("staff")));
        assert!(answer["until"].is_string(), "{answer}");
        desk.hears(&[sold.dispute(9_000, "won", &json!({}))]).await;
        assert_eq!(desk.check(&["user_1"]).0, BANNED, "a win changes nothing about it");
        let page = desk.said(&["bans", "explain", "user_1"]);
        for part in ["cli:jane banned the user", "stolen cards", "it was won", "banned by hand until"] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }

        desk.said(&["bans", "clear", "user_1", "--reason", "cards were replaced", "--by", "joe"]);
        assert_eq!(desk.check(&["user_1"]).0, 0);
        let refusal = desk.refusal(&["bans", "clear", "user_1", "--reason", "again"], 2);
        assert!(refusal.contains("no staff decision about this user"), "{refusal}");
        let explained = &desk.json(&["bans", "explain", "user_1"])[0];
        let by: Vec<_> =
            explained["overrides"].as_array().unwrap().iter().map(|o| &o["decided_by"]).collect();
        assert_eq!(by, ["cli:jane", "cli:joe"]);
        desk.said(&["bans", "ban", "stranger", "--live", "--reason", "no event tells of this one"]);
        assert_eq!(
            desk.json(&["rebuild"])["identical"],
            true,
            "the events and staff's words are all there is"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_ends_at_its_moment_and_the_disputes_decide_again() {
    each_desk("until", async |desk| {
        desk.hears(&sale("one", "user_1", 1_000, 0).lost()).await;
        desk.hears(&sale("two", "user_1", 1_000, 0).lost()).await;
        let then = clock::now() - TimeDelta::hours(2);
        let until = Some(then + TimeDelta::hours(1));
        let lift = Decision { act: Act::Lift, until, reason: "a chance".to_owned() };
        let by = Person::named("jane").unwrap();
        let ban = decide_on_user(&desk.ledger, &user("user_1"), &lift, &by, then).await.unwrap();
        assert!(!ban.is_banned(then));
        let (code, answer) = desk.check(&["user_1"]);
        assert_eq!((code, &answer["by"], &answer["until"]), (BANNED, &json!("disputes"), &json!(null)));
        assert!(desk.said(&["bans", "explain", "user_1"]).contains("lift (ended)"));
        let refusal = desk.refusal(&["bans", "lift", "user_1", "--reason", "x", "--until", "2020-01-01"], 2);
        assert!(refusal.contains("not in the future"), "{refusal}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_in_test_mode_is_no_ban_in_live_mode() {
    each_desk("modes", async |desk| {
        for name in ["one", "two"] {
            let mut sold = sale(name, "user_1", 1_000, 0);
            sold.livemode = false;
            desk.hears(&sold.lost()).await;
        }
        assert_eq!(desk.check(&["user_1"]).0, 0);
        assert_eq!(desk.check(&["user_1", "--test-mode"]).0, BANNED);
        assert_eq!(desk.check(&["user_1", "--test-mode", "--account", "acct_1"]).0, 0);
        assert!(desk.ids(&["bans", "list", "--live"]).is_empty());
        let elsewhere = desk.run(&["bans", "check", "user_1"]);
        assert!(text(&elsewhere.stderr).contains("banned elsewhere: test mode"));

        desk.said(&["bans", "ban", "user_1", "--live", "--reason", "also here"]);
        assert_eq!(desk.check(&["user_1"]).0, BANNED);
        let refusal = desk.refusal(&["bans", "lift", "user_1", "--reason", "which?"], 2);
        assert!(refusal.contains("--live or --test-mode"), "{refusal}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whom_nobody_has_heard_of_is_not_banned_and_can_be() {
    each_desk("unknown", async |desk| {
        let (code, answer) = desk.check(&["stranger"]);
        assert_eq!((code, &answer["banned"]), (0, &json!(false)));
        assert!(
            desk.refusal(&["bans", "explain", "stranger"], 1).contains("has nothing about a user stranger")
        );
        assert!(desk.refusal(&["bans", "ban", "stranger", "--reason", "x"], 2).contains("--live"));
        desk.refusal(&["bans", "check", ""], 2);
        desk.said(&["bans", "ban", "stranger", "--reason", "x", "--live"]);
        assert_eq!(desk.check(&["stranger"]).0, BANNED);
        assert_eq!(desk.check(&["stranger", "--test-mode"]).0, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acts_without_a_name() {
    each_desk("names", async |desk| {
        desk.hears(&sale("a", "user_1", 1_000, 0).lost()).await;
        for arguments in [
            &["bans", "ban", "user_1", "--reason", "x"][..],
            &["disputes", "note", "dp_a", "x"],
            &["disputes", "resolve", "dp_a", "--reason", "x"],
        ] {
            for more in [["--by", " "], ["--by", "stripe"]] {
                let output = desk.run(&[arguments, &more].concat());
                let said = text(&output.stderr);
                assert_eq!(output.status.code(), Some(2), "{arguments:?} {more:?}: {said}");
                assert!(said.contains("--by NAME") && said.contains("TIDEGATE_STAFF"), "{said}");
            }
        }
        assert!(desk.refusal(&["bans", "ban", "user_1", "--reason", " "], 2).contains("reason is empty"));
        let shown = &desk.json(&["show", "dispute", "dp_a"])[0];
        assert!(shown["notes"].as_array().unwrap().is_empty(), "nothing was written");
        assert_eq!(desk.check(&["user_1"]).0, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_environment_does_not_name_acts_by_the_number_of_the_user() {
    each_desk("uid", async |desk| {
        desk.hears(&sale("a", "user_1", 1_000, 0).lost()).await;
        let output = desk.run_as(None, &["disputes", "note", "dp_a", "seen", "--json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let uid = format!("cli:uid {}", rustix::process::getuid().as_raw());
        let shown = &desk.json(&["show", "dispute", "dp_a"])[0];
        assert_eq!(shown["notes"][0]["written_by"], uid);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_where_else_the_user_is_known() {
    each_desk("elsewhere", async |desk| {
        desk.hears(&sale("a", "user_1", 1_000, 0).lost()).await;
        let (code, answer) = desk.check(&["user_1"]);
        assert_eq!((code, &answer["known"], &answer["known_elsewhere"]), (0, &json!(true), &json!([])));
        let (code, answer) = desk.check(&["user_1", "--test-mode"]);
        assert_eq!((code, &answer["known"]), (0, &json!(false)));
        assert_eq!(answer["known_elsewhere"], json!([{"account": "", "livemode": true}]));
        let said = desk.run(&["bans", "check", "user_1", "--test-mode"]);
        assert!(text(&said.stderr).contains("known in test mode, but in live"), "{}", text(&said.stderr));
        let (_, answer) = desk.check(&["stranger"]);
        assert_eq!((&answer["known"], &answer["known_elsewhere"]), (&json!(false), &json!([])));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_decision_and_no_step_is_lost_between_staff_and_workers() {
    const DECISIONS: i64 = 12;
    each_desk("races", async |desk| {
        desk.hears(&sale("one", "user_1", 1_000, 0).lost()).await;
        let sold = sale("two", "user_1", 1_000, 0);
        desk.hears(&sold.paid()).await;
        let mut events = Vec::new();
        for round in 0..20_i64 {
            let status = if round % 2 == 0 { "lost" } else { "won" };
            let mut event = sold.dispute(300 + round, status, &json!({}));
            event.header.id = format!("evt_round_{round}");
            events.push(agreeing(event));
        }
        let ledger = desk.ledger.clone();
        let staff = tokio::spawn(async move {
            let by = Person::named("jane").unwrap();
            for number in 0..DECISIONS {
                let act = if number % 2 == 0 { Act::Lift } else { Act::Ban };
                let decision = Decision { act, until: None, reason: format!("decision {number}") };
                decide_on_user(&ledger, &user("user_1"), &decision, &by, clock::now()).await.unwrap();
            }
        });
        desk.hears(&events).await;
        staff.await.unwrap();

        let ban = &desk.ledger.find::<Ban>("user_1").await.unwrap()[0];
        let last = format!("decision {}", DECISIONS - 1);
        assert_eq!((ban.override_act, ban.override_reason.as_deref()), (Act::Ban, Some(last.as_str())));
        assert_eq!(ban.chargebacks, 1, "the last word of the bank was a win");
        let explained = &desk.json(&["bans", "explain", "user_1"])[0];
        assert_eq!(explained["overrides"].as_array().unwrap().len(), usize::try_from(DECISIONS).unwrap());
        let lines = desk.ledger.audit_of("ban", &user("user_1")).await.unwrap();
        assert_eq!(i64::try_from(lines.len()).unwrap(), ban.revision, "each step has its line");
        assert_eq!(lines.len(), usize::try_from(DECISIONS).unwrap() + 20);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn charges_that_are_their_own_payments_count_across_batches() {
    each_desk("charges", async |desk| {
        for (name, second) in [("one", 0), ("two", 5_000)] {
            let sold = sale(name, "user_1", 1_000, second);
            let alone = json!({"payment_intent": null, "customer": "cus_shared"});
            desk.hears(&[
                sold.charge("succeeded", 1, "succeeded", &alone),
                sold.dispute(100, "lost", &json!({"payment_intent": null})),
            ])
            .await;
        }
        assert_eq!(desk.check(&["cus_shared"]).0, BANNED, "the customer stands for the user");
        let page = desk.said(&["show", "charge", "ch_one"]);
        assert!(page.contains("itself") && page.contains("cus_shared"), "{page}");
        let linked = sale("three", "user_9", 1_000, 0);
        let mut customer = linked.customer(Some("user_9"));
        customer.body =
            String::from_utf8(customer.body.to_vec()).unwrap().replace("cus_three", "cus_shared").into();
        desk.hears(&[customer]).await;
        assert_eq!(desk.check(&["user_9"]).0, BANNED, "now the customer's user is known");
        assert_eq!(desk.check(&["cus_shared"]).0, 0);
    })
    .await;
}
