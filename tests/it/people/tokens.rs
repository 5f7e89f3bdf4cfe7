//! Tokens: their secret is shown once, they end, and they never do more than their person may.

use chrono::TimeDelta;
use desk::actor::{NotAuthenticated, authenticate_token};
use domain::permissions::Permission;
use harness::process_guard::ProcessGuard;
use serde_json::json;
use shared::clock;

use super::desk::{each_people, text};

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_shown_once_and_only_its_hash_is_kept() {
    each_people("secret", async |people| {
        let jane = people.person(None, "jane", "super_user");
        assert!(jane.starts_with("tdg_") && jane.len() > 60, "{}", jane.len());
        let secret = &jane["tdg_".len() + 8..];
        for command in [
            &["tokens", "list"][..],
            &["tokens", "list", "--json"],
            &["staff", "show", "jane"],
            &["staff", "show", "jane", "--json"],
            &["staff", "disable", "jane"],
            &["env"],
        ] {
            let output = people.run(Some(&jane), command);
            let said = text(&output.stdout) + &text(&output.stderr);
            assert!(!said.contains(secret), "{command:?} shows the secret");
        }
        let token = &people.json(None, &["tokens", "list"])["items"][0];
        assert_eq!(token["prefix"], jane[..12]);
        assert_ne!(token["last_used_at"], json!(null));
        let wrong = format!("{}0", &jane[..jane.len() - 1]);
        let other = if wrong == jane { format!("{}1", &jane[..jane.len() - 1]) } else { wrong };
        let said = people.refusal(Some(&other), &["staff", "add", "joe", "--role", "support"]);
        assert!(said.contains("the token is not known") && !said.contains(&other), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_by_its_date_or_by_hand_and_stays_ended() {
    each_people("ends", async |people| {
        let jane = people.person(None, "jane", "super_user");
        let create = ["tokens", "create", "--for", "jane", "--role", "auditor", "--expires", "1h"];
        let made = people.json(Some(&jane), &create);
        let (short, id) = (made["token"].as_str().unwrap(), made["id"].as_str().unwrap());
        let now = clock::now();
        let ledger = &people.ledger;
        let actor = authenticate_token(ledger, short, now).await.unwrap();
        assert!(actor.has(Permission::Export) && !actor.has(Permission::Request), "{actor:?}");

        let later = now + TimeDelta::minutes(61);
        let refused = authenticate_token(ledger, short, later).await;
        assert!(matches!(refused, Err(NotAuthenticated::Expired { .. })), "{refused:?}");
        let back = authenticate_token(ledger, short, now).await;
        assert!(matches!(back, Err(NotAuthenticated::Expired { .. })), "a clock set back: {back:?}");
        let audit = people.audit_of("token", id).await;
        assert_eq!(audit.iter().filter(|(what, ..)| what == "refused").count(), 1, "at most one a minute");

        let own = people.json(None, &["tokens", "list", "--for", "jane"])["items"][0]["id"].clone();
        let own = own.as_str().unwrap();
        assert!(people.refusal(None, &["tokens", "revoke", own]).contains("lacks the permission admin"));
        people.said(Some(&jane), &["tokens", "revoke", own, "--reason", "it leaked"]);
        let said = people.refusal(Some(&jane), &["staff", "add", "joe", "--role", "support"]);
        assert!(said.contains(&format!("the token {own} was revoked")), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_never_does_more_than_its_person_may() {
    each_people("bounded", async |people| {
        let jane = people.person(None, "jane", "super_user");
        people.said(Some(&jane), &["staff", "add", "joe", "--role", "support"]);
        let said =
            people.refusal(Some(&jane), &["tokens", "create", "--for", "joe", "--role", "billing_manager"]);
        assert!(said.contains("more than joe may do (support)"), "{said}");
        let token = people.token(Some(&jane), "joe", "support");
        let may = async || authenticate_token(&people.ledger, &token, clock::now()).await.unwrap();
        assert!(may().await.has(Permission::Request));
        people.said(Some(&jane), &["staff", "roles", "joe", "--role", "auditor"]);
        let actor = may().await;
        assert!(actor.has(Permission::Read) && !actor.has(Permission::Request), "{actor:?}");
        assert!(!actor.has(Permission::Export), "the token never had it");

        let program =
            ["tokens", "create", "--for", "joe", "--role", "auditor", "--program", "--expires", "90d"];
        let made = people.json(Some(&jane), &program);
        let actor = authenticate_token(&people.ledger, made["token"].as_str().unwrap(), clock::now()).await;
        let actor = actor.unwrap();
        assert!(actor.is_program() && actor.staff() == "joe", "{actor:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_a_file_proves_as_much_and_names_nobody_else() {
    let guard = ProcessGuard::new("token", rustix::process::Signal::KILL).unwrap();
    let file = guard.folder().join("token");
    each_people("file", async |people| {
        let jane = people.person(None, "jane", "super_user");
        std::fs::write(&file, format!("{jane}\n")).unwrap();
        let path = file.to_str().unwrap();
        let add = ["staff", "add", "joe", "--role", "support"];
        let output = people.run_with(&[("TIDEGATE_TOKEN_FILE", path)], &add);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(people.audit("joe").await[0].2.starts_with("jane (token"));
        let both = people.run_with(&[("TIDEGATE_TOKEN_FILE", path), ("TIDEGATE_TOKEN", &jane)], &add);
        let said = text(&both.stderr);
        assert!(!both.status.success() && said.contains("which of them counts?"), "{said}");
        assert!(!said.contains(&jane), "{said}");

        let said = people.refusal(Some(&jane), &["staff", "add", "tom", "--role", "support", "--by", "joe"]);
        assert!(said.contains("the token is jane's, not joe's"), "{said}");
        people.said(Some(&jane), &["staff", "add", "tom", "--role", "support", "--by", "jane"]);
    })
    .await;
}
