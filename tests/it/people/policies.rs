//! Policies: rehearsed, versioned, read by the acts, and loosened by two.

use domain::operations::Limits;
use serde_json::json;

use super::desk::{People, each_people};

async fn limits(people: &People) -> Limits {
    people.ledger.read().await.unwrap().policies().await.unwrap().limits()
}

const RAISE: [&str; 8] =
    ["policy", "set", "refunds.approve_above", "7500.00", "--currency", "usd", "--reason", "growth"];

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_rehearsed_set_and_kept_with_its_history() {
    each_people("policy", async |people| {
        let jane = people.person(None, "jane", "super_user");
        let jane = Some(jane.as_str());
        assert_eq!(limits(&people).await, Limits::default());
        let plan = people.json(None, &RAISE);
        assert_eq!((&plan["before"], &plan["after"]), (&json!("5,000.00 USD"), &json!("7,500.00 USD")));
        assert_eq!((&plan["loosens"], &plan["rehearsal"]["operations"]), (&json!(true), &json!(0)));
        assert_eq!(limits(&people).await, Limits::default(), "a rehearsal changes nothing");
        let said = people.refusal(None, &[&RAISE[..], &["--yes"]].concat());
        assert!(said.contains("cli:ops lacks the permission admin"), "{said}");

        people.said(jane, &[&RAISE[..], &["--yes"]].concat());
        assert_eq!(limits(&people).await.of("usd").unwrap().approve_above, 750_000);
        let said = people.refusal(jane, &[&RAISE[..], &["--yes"]].concat());
        assert!(said.contains("has this value already"), "{said}");
        people.said(jane, &["policy", "set", "refunds.age_rule", "on", "--reason", "fraud", "--yes"]);
        assert!(limits(&people).await.age_rule);
        let lower = ["policy", "set", "refunds.approve_above", "10.00", "--currency", "usd", "--reason", "x"];
        people.said(jane, &[&lower[..], &["--yes"]].concat());
        let history = people.json(None, &["policy", "history", "refunds.approve_above"]);
        let values: Vec<_> = history["items"].as_array().unwrap().iter().map(|row| &row["value"]).collect();
        assert_eq!(values, ["1000", "750000"]);
        assert!(history["items"][0]["set_by"].as_str().unwrap().starts_with("jane (token tok_"));
        let trail: Vec<String> = people
            .audit_of("policy", "refunds.approve_above usd")
            .await
            .into_iter()
            .map(|(what, ..)| what)
            .collect();
        assert_eq!(trail, ["refused", "set", "refused", "set"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threshold_is_raised_by_two_and_lowered_by_one() {
    each_people("raise", async |people| {
        let jane = people.person(None, "jane", "super_user");
        let joe = people.person(Some(&jane), "joe", "super_user");
        let (jane, joe) = (Some(jane.as_str()), Some(joe.as_str()));
        let set = people.json(jane, &[&RAISE[..], &["--yes"]].concat());
        let change = set["pending"]["id"].as_str().unwrap();
        assert_eq!(limits(&people).await, Limits::default());
        assert!(people.refusal(jane, &["staff", "approve", change]).contains("jane asked for this change"));
        let lower = ["policy", "set", "refunds.approve_above", "10.00", "--currency", "usd", "--reason", "x"];
        assert_eq!(people.json(jane, &[&lower[..], &["--yes"]].concat())["pending"], json!(null));
        let said = people.refusal(joe, &["staff", "approve", change]);
        assert!(said.contains("is not as it was when the change was asked for"), "{said}");
        people.said(joe, &["staff", "reject", change, "--reason", "lowered meanwhile"]);
        let set = people.json(jane, &[&RAISE[..], &["--yes"]].concat());
        people.said(joe, &["staff", "approve", set["pending"]["id"].as_str().unwrap()]);
        assert_eq!(limits(&people).await.of("usd").unwrap().approve_above, 750_000);
        let off = ["policy", "set", "staff.totp_required", "off", "--reason", "no phones", "--yes"];
        assert_eq!(people.json(jane, &off)["pending"]["state"], json!("waiting"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_does_not_take_is_said_with_its_bounds() {
    each_people("bounds", async |people| {
        for (arguments, wanted) in [
            (&["refunds.approve_above", "10.00"][..], "add --currency usd"),
            (&["refunds.age_rule", "sometimes"], "it is on or off"),
            (&["operations.approval_days", "400"], "a whole number of days from 1 to 30"),
            (&["refunds.fun", "1"], "there is no policy refunds.fun"),
            (&["refunds.approve_above", "1,000", "--currency", "usd"], "without thousands separators"),
        ] {
            let said = people.refusal(None, &[&["policy", "set"], arguments, &["--reason", "x"]].concat());
            assert!(said.contains(wanted), "{said}");
        }
    })
    .await;
}
