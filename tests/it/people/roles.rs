//! Who may change who may do what; the first administrator; and an end that counts at once.

use serde_json::json;

use super::desk::{each_people, text};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_the_ledger_makes_the_first_administrator_and_nobody_after_that() {
    each_people("first", async |people| {
        people.said(None, &["staff", "add", "Jane", "--role", "super_user"]);
        let said = people.refusal(None, &["staff", "add", "JANE", "--role", "support"]);
        assert!(said.contains("jane is a member of staff already"), "{said}");
        let jane = people.token(None, "jane", "super_user");
        let said = people.refusal(None, &["staff", "add", "eve", "--role", "super_user"]);
        assert!(said.contains("cli:ops lacks the permission admin: set TIDEGATE_TOKEN"), "{said}");
        let said = people.refusal(None, &["tokens", "create", "--for", "jane", "--role", "super_user"]);
        assert!(said.contains("lacks the permission admin"), "{said}");
        people.said(Some(&jane), &["staff", "add", "joe", "--role", "support"]);

        let listed = &people.json(None, &["staff", "list"])["items"];
        let names: Vec<_> = listed.as_array().unwrap().iter().map(|row| &row["name"]).collect();
        assert_eq!(names, ["jane", "joe"]);
        assert_eq!((&listed[0]["can_act"], &listed[1]["can_act"]), (&json!(true), &json!(false)));

        let audit = people.audit("jane").await;
        assert_eq!(audit[0], ("added".to_owned(), "super_user".to_owned(), "cli:ops".to_owned()));
        assert_eq!((audit[1].0.as_str(), audit[1].2.as_str()), ("refused", "cli:ops"), "{audit:?}");
        let eve = people.audit("eve").await;
        assert!(
            matches!(&eve[..], [(what, why, _)] if what == "refused" && why.contains("lacks")),
            "{eve:?}"
        );
        let joe = people.audit("joe").await;
        assert!(joe[0].2.starts_with("jane (token tok_"), "{joe:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_ledger_is_set_up_whoever_holds_it_adds_people_and_decides_nothing() {
    each_people("setup", async |people| {
        let setting_up = [("STAFF_SETUP_MINS", "60")];
        let run = |arguments: &[&str]| people.run_with(&setting_up, arguments);
        for (name, role) in [("jane", "super_user"), ("joe", "super_user"), ("bill", "billing_manager")] {
            for act in [
                &["staff", "add", name, "--role", role][..],
                &["tokens", "create", "--for", name, "--role", role],
            ] {
                let output = run(act);
                assert!(output.status.success(), "{act:?}: {}", text(&output.stderr));
            }
        }
        for act in [
            &["staff", "disable", "joe", "--reason", "left"][..],
            &["policy", "set", "operations.approval_days", "3", "--reason", "x", "--yes"],
        ] {
            let said = text(&run(act).stderr);
            assert!(said.contains("lacks the permission admin"), "{act:?}: {said}");
        }
        let said = people.refusal(None, &["staff", "add", "eve", "--role", "support"]);
        assert!(said.contains("lacks the permission admin"), "afterwards it takes an administrator: {said}");
        assert_eq!(people.audit("bill").await[0].2, "cli:ops");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_change_people_and_each_attempt_is_in_the_audit() {
    each_people("matrix", async |people| {
        let jane = people.person(None, "jane", "super_user");
        for (name, role) in [("sue", "support"), ("bill", "billing_manager"), ("ada", "auditor")] {
            let token = people.person(Some(&jane), name, role);
            for act in [
                &["staff", "add", "new", "--role", "support"][..],
                &["staff", "roles", name, "--role", "super_user"],
                &["staff", "disable", "jane"],
                &["tokens", "create", "--for", name, "--role", role],
            ] {
                let said = people.refusal(Some(&token), act);
                assert!(said.contains(&format!("{name} lacks the permission admin")), "{said}");
            }
            let audit = people.audit(name).await;
            let refused = audit.iter().filter(|(what, _, by)| what == "refused" && by.starts_with(name));
            assert_eq!(refused.count(), 2, "{audit:?}");
        }
        assert_eq!(people.audit("new").await.len(), 3, "one line an attempt");
        let said = people.refusal(Some(&jane), &["staff", "disable", "jane"]);
        assert!(said.contains("the last administrator"), "{said}");
        let said = people.refusal(Some(&jane), &["staff", "roles", "jane", "--role", "support"]);
        assert!(said.contains("the last administrator"), "{said}");
        let report = people.run(None, &["audit", "verify"]);
        assert!(report.status.success(), "{}", text(&report.stdout));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_disabled_can_do_nothing_from_then_on() {
    each_people("disabled", async |people| {
        let jane = people.person(None, "jane", "super_user");
        let joe = people.person(Some(&jane), "joe", "super_user");
        people.said(Some(&joe), &["staff", "add", "sue", "--role", "support"]);
        people.said(Some(&jane), &["staff", "disable", "joe", "--reason", "left"]);
        let said = people.refusal(Some(&joe), &["staff", "add", "tom", "--role", "support"]);
        assert!(said.contains("joe is disabled, and so are all tokens for them"), "{said}");
        let said = people.refusal(Some(&jane), &["tokens", "create", "--for", "joe", "--role", "support"]);
        assert!(said.contains("joe is disabled"), "{said}");
        let page = people.json(None, &["staff", "show", "joe"]);
        assert_eq!((&page["can_act"], &page["all_tokens"][0]["state"]), (&json!(false), &json!("ended")));
        assert_eq!(people.audit("joe").await[1].0, "disabled");
    })
    .await;
}
