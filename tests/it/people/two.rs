//! What loosens a rule takes two administrators; each way around it is refused, and is in the audit.

use chrono::TimeDelta;
use desk::actor::{Actor, KnownBy};
use desk::acts::invitations::{Acceptance, accept, asking};
use desk::acts::second_administrator;
use domain::permissions::Role;
use serde_json::{Value, json};
use shared::clock;

use super::desk::{People, each_people};

/// Nobody decided in time: what was asked for long ago is no longer what anybody thinks of.
async fn assert_lapses(people: &People, change: &str) {
    let joe = Actor::known("joe", [Role::SuperUser].into(), KnownBy::Session, false);
    let in_a_month = clock::now() + TimeDelta::days(30);
    let refused = second_administrator::approve(&people.ledger, change, &joe, in_a_month).await;
    assert!(refused.unwrap_err().to_string().contains("has lapsed"));
}

fn waiting(changed: &Value) -> String {
    assert_eq!(changed["pending"]["state"], json!("waiting"), "{changed}");
    changed["pending"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn power_over_money_is_given_by_two() {
    each_people("two", async |people| {
        let jane = people.person(None, "jane", "super_user");
        let joe = people.person(Some(&jane), "joe", "super_user");
        let (jane, joe) = (Some(jane.as_str()), Some(joe.as_str()));

        let added = people.json(jane, &["staff", "add", "bill", "--role", "billing_manager"]);
        let change = waiting(&added);
        assert_eq!(added["roles"], json!([]), "until then bill may do nothing");
        assert!(people.said(None, &["staff", "pending"]).contains(&change));
        let said = people.refusal(jane, &["staff", "approve", &change]);
        assert!(said.contains("jane asked for this change: another administrator must approve it"), "{said}");
        let said = people.refusal(None, &["staff", "approve", &change]);
        assert!(said.contains("lacks the permission admin"), "{said}");
        people.said(joe, &["staff", "approve", &change]);
        assert!(people.refusal(joe, &["staff", "approve", &change]).contains("does not wait any more"));
        assert_eq!(people.json(None, &["staff", "show", "bill"])["roles"], json!(["billing_manager"]));

        let made = people.json(jane, &["tokens", "create", "--for", "bill", "--role", "billing_manager"]);
        let bill = made["token"].as_str().unwrap();
        let change = waiting(&made);
        let said = people.refusal(Some(bill), &["staff", "disable", "joe"]);
        assert!(said.contains("waits for a second administrator"), "{said}");
        people.said(joe, &["staff", "approve", &change]);
        let said = people.refusal(Some(bill), &["staff", "disable", "joe"]);
        assert!(said.contains("bill lacks the permission admin"), "{said}");

        let support = people.json(jane, &["staff", "add", "sue", "--role", "support"]);
        assert_eq!(support["pending"], json!(null), "sue has nothing to ask by yet");

        // Whoever makes what sue asks by could ask as sue, and approve as themselves: a token, an invitation, a role for
        // somebody who has a token.
        for more in [&["--program"][..], &[]] {
            let token = ["tokens", "create", "--for", "sue", "--role", "support"];
            waiting(&people.json(jane, &[&token[..], more].concat()));
        }
        waiting(&people.json(jane, &["staff", "invite", "sue"]));
        let reader = people.json(jane, &["staff", "add", "rita", "--role", "auditor"]);
        assert_eq!(reader["pending"], json!(null));
        let made = people.json(jane, &["tokens", "create", "--for", "rita", "--role", "auditor"]);
        assert_eq!(made["pending"], json!(null), "to read takes one");
        waiting(&people.json(jane, &["staff", "roles", "rita", "--role", "support"]));

        let trail: Vec<String> =
            people.audit_of("change", &change).await.into_iter().map(|(what, ..)| what).collect();
        assert_eq!(trail, ["asked", "approved"]);
    })
    .await;
}

/// What somebody logs in by is made while they may do little, so that nobody else looks at it; then they get the roles.
#[tokio::test(flavor = "multi_thread")]
async fn what_opens_more_later_takes_two_as_well_and_a_program_is_not_the_second() {
    each_people("later", async |people| {
        let jane = people.person(None, "jane", "super_user");
        let joe = people.person(Some(&jane), "joe", "super_user");
        let (jane, joe) = (Some(jane.as_str()), Some(joe.as_str()));
        let roles = waiting(&people.json(jane, &["staff", "add", "bill", "--role", "billing_manager"]));
        let invited = people.json(jane, &["staff", "invite", "bill"]);
        let invitation = waiting(&invited);
        assert!(invited["pending"]["after"].as_str().unwrap().contains("billing_manager"), "{invited}");
        people.said(joe, &["staff", "approve", &invitation]);
        people.said(joe, &["staff", "approve", &roles]);
        let asks = async |invited: &Value| {
            asking(&people.ledger, invited["code"].as_str().unwrap(), clock::now()).await.is_ok()
        };
        assert!(asks(&invited).await, "what was approved stays");

        people.said(jane, &["staff", "add", "rita", "--role", "auditor"]);
        let invited = people.json(jane, &["staff", "invite", "rita"]);
        assert!(invited["pending"].is_null() && asks(&invited).await, "to read takes one");
        let roles = waiting(&people.json(jane, &["staff", "roles", "rita", "--role", "billing_manager"]));
        assert!(asks(&invited).await);
        people.said(joe, &["staff", "approve", &roles]);
        assert!(!asks(&invited).await, "nobody but jane has looked at it");

        let token = ["tokens", "create", "--for", "joe", "--role", "super_user", "--program"];
        let made = people.json(jane, &token);
        people.said(joe, &["staff", "approve", &waiting(&made)]);
        let change = waiting(&people.json(jane, &["staff", "invite", "rita"]));
        let said = people.refusal(made["token"].as_str(), &["staff", "approve", &change]);
        assert!(said.contains("a program has no second look: a person approves"), "{said}");
        people.said(joe, &["staff", "approve", &change]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_could_not_approve_is_not_waited_for_and_nobody_is_locked_out() {
    each_people("unable", async |people| {
        let jane = people.person(None, "jane", "super_user");
        let jane = Some(jane.as_str());
        people.said(jane, &["staff", "add", "joe", "--role", "super_user"]);
        people.json(jane, &["tokens", "create", "--for", "joe", "--role", "super_user", "--program"]);
        let added = people.json(jane, &["staff", "add", "bill", "--role", "billing_manager"]);
        assert_eq!(added["pending"], json!(null), "a program would never approve it");

        let require = |value| ["policy", "set", "staff.totp_required", value, "--reason", "phones", "--yes"];
        people.said(jane, &require("off"));
        people.said(jane, &["staff", "add", "ann", "--role", "super_user"]);
        let invited = people.json(jane, &["staff", "invite", "ann"]);
        let code = invited["code"].as_str().unwrap();
        let acceptance = Acceptance { code, name: None, password: "tall ship at dusk".into(), totp: None };
        accept(&people.ledger, acceptance, None, clock::now()).await.unwrap();
        waiting(&people.json(jane, &["staff", "roles", "bill", "--role", "super_user", "--reason", "more"]));
        let said = people.refusal(jane, &require("on"));
        assert!(said.contains("ann is an administrator without a second factor"), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_changed_meanwhile_is_not_approved() {
    each_people("moved", async |people| {
        let jane = people.person(None, "jane", "super_user");
        let joe = people.person(Some(&jane), "joe", "super_user");
        let (jane, joe) = (Some(jane.as_str()), Some(joe.as_str()));
        people.said(jane, &["staff", "add", "sue", "--role", "support"]);
        let change = waiting(&people.json(jane, &["staff", "roles", "sue", "--role", "billing_manager"]));
        let again = people.refusal(jane, &["staff", "roles", "sue", "--role", "super_user"]);
        assert!(again.contains("a change of sue waits already"), "{again}");
        people.said(jane, &["staff", "roles", "sue", "--role", "auditor"]);
        let said = people.refusal(joe, &["staff", "approve", &change]);
        assert!(said.contains("is not as it was when the change was asked for"), "{said}");
        people.said(joe, &["staff", "reject", &change, "--reason", "asked for too early"]);
        assert_eq!(people.json(None, &["staff", "show", "sue"])["roles"], json!(["auditor"]));
        assert_lapses(
            &people,
            &waiting(&people.json(jane, &["staff", "roles", "sue", "--role", "super_user"])),
        )
        .await;
        let lines = people.audit_of("change", &change).await;
        let lines: Vec<&str> = lines.iter().map(|(what, ..)| what.as_str()).collect();
        assert_eq!(lines, ["asked", "refused", "rejected"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_removes_the_other_administrator_does_not_act_alone_for_a_day() {
    each_people("alone", async |people| {
        let jane = people.person(None, "jane", "super_user");
        let joe = people.person(Some(&jane), "joe", "super_user");
        let (jane, joe) = (Some(jane.as_str()), Some(joe.as_str()));
        people.said(jane, &["staff", "disable", "joe"]);
        let said = people.refusal(jane, &["staff", "add", "bill", "--role", "billing_manager"]);
        assert!(said.contains("joe could act until less than 24 h ago"), "{said}");
        let said = people.refusal(jane, &["staff", "enable", "joe"]);
        assert!(said.contains("joe could act until"), "{said}");
        people.said(jane, &["staff", "add", "sue", "--role", "support"]);
        assert!(people.refusal(joe, &["staff", "enable", "joe"]).contains("joe is disabled"));
        let audit = people.audit("bill").await;
        assert!(matches!(&audit[..], [(what, ..)] if what == "refused"), "{audit:?}");
    })
    .await;
}
