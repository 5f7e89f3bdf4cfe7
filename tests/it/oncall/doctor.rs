//! The doctor: finds nothing in a healthy stack, and each fault by its name, with what to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use desk::staff_key::StaffKey;
use envelope::hex::hex;
use harness::postgres::Postgres;
use harness::stack::{Combination, Stack, each_combination};
use harness::stories::Stories;
use serde_json::Value;
use shared::clock;
use shared::env::Env;
use stripe_sim::Random;

use super::{json, marks, told};
use crate::attempts::tamper;

const SECRET: &str = "whsec_0123456789abcdefGHIJ";
/// As the secret for development looks.
const KEPT: &str = "whsec_6ac1f0e2b35d4789a0c1d2e3f4051627";

/// The checks, and the exit code that came with them.
fn examined(stack: &Stack, settings: &[(&str, &str)]) -> (Value, i32) {
    let output = stack.run(&["doctor", "--json"], settings);
    let all = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let given = settings.iter().filter(|(name, _)| *name == "STRIPE_WEBHOOK_SECRET").map(|(_, value)| *value);
    for secret in given.filter(|value| !value.is_empty()).chain([stack.secret(), SECRET, KEPT, "guest:"]) {
        assert!(!all.contains(secret), "a secret is shown: {all}");
    }
    (json(&output)["checks"].clone(), output.status.code().unwrap())
}

#[tokio::test]
async fn a_healthy_stack_has_nothing_to_act_on() {
    each_combination(async |combination| {
        let stack = Stack::start(combination).await;
        let event = Stories::of_seed(Random::new_seed()).succeeded_payment();
        assert!(stack.client().send(&event.body).await.accepted());
        let (checks, code) = examined(&stack, &[]);
        assert_eq!(code, 0, "{checks:#}");
        for name in
            ["configuration", "ledger", "ledger schema", "ledger durability", "queue", "gateway", "worker"]
        {
            assert_eq!(marks(&checks, name), ["ok"], "{name}: {checks:#}");
        }
        assert!(told(&checks, "signing secrets").contains("matched"), "{checks:#}");
        assert_eq!(marks(&checks, "queue topology").len(), usize::from(combination.has_broker()));
        assert_eq!(marks(&checks, "ledger connections").len(), usize::from(combination.has_postgres()));
        assert_eq!(marks(&checks, "ledger locks").len(), usize::from(combination.has_postgres()));
        let page = String::from_utf8(stack.run(&["doctor"], &[]).stdout).unwrap();
        assert!(page.contains("ok    ledger ") && page.contains("ell"), "{page}");
        stack.end().await;
    })
    .await;
}

#[tokio::test]
async fn an_older_and_a_newer_schema_are_told_apart() {
    let postgres = Postgres::shared().await.database("doctor").await.unwrap();
    let stack = Stack::start(Combination::SqliteSqlite).await;
    let at = [("DATABASE_URL", postgres.as_str())];
    let (checks, code) = examined(&stack, &at);
    assert_eq!((marks(&checks, "ledger schema"), code), (vec!["act"], 1));
    assert!(told(&checks, "ledger schema").contains("migrate"), "{checks:#}");
    assert!(stack.run(&["migrate"], &at).status.success());
    assert_eq!(examined(&stack, &at).1, 0);
    tamper(&postgres, "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1").await;
    let (checks, _) = examined(&stack, &at);
    assert!(told(&checks, "ledger schema").contains("newer"), "{checks:#}");
    stack.end().await;
}

#[tokio::test]
async fn commits_that_may_be_lost_are_found() {
    let postgres = Postgres::shared().await.database("unsafe").await.unwrap();
    let stack = Stack::start(Combination::SqliteSqlite).await;
    let at = [("DATABASE_URL", postgres.as_str())];
    assert!(stack.run(&["migrate"], &at).status.success());
    let here = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$";
    tamper(&postgres, here).await;
    let (checks, code) = examined(&stack, &at);
    assert_eq!((marks(&checks, "ledger durability"), code), (vec!["act"], 1));
    assert!(told(&checks, "ledger durability").contains("synchronous_commit is off"), "{checks:#}");
    stack.end().await;
}

#[tokio::test]
async fn secrets_that_are_missing_open_or_for_development_are_found() {
    let stack = Stack::start(Combination::SqliteSqlite).await;
    let none = ("STRIPE_WEBHOOK_SECRET", "");
    let (checks, code) = examined(&stack, &[none]);
    assert_eq!((marks(&checks, "signing secrets"), code), (vec!["act"], 1), "{checks:#}");

    let file = stack.folder().join("secret");
    fs::write(&file, SECRET).unwrap();
    let named = [none, ("STRIPE_WEBHOOK_SECRET_FILE", file.to_str().unwrap())];
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let (checks, code) = examined(&stack, &named);
    assert_eq!((marks(&checks, "secret files"), code), (vec!["act"], 1), "{checks:#}");
    assert!(told(&checks, "secret files").contains("chmod"), "{checks:#}");
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let (checks, code) = examined(&stack, &named);
    assert_eq!((marks(&checks, "secret files"), code), (vec!["ok"], 0), "{checks:#}");

    let (checks, code) = examined(&stack, &[("STRIPE_WEBHOOK_SECRET", "whsec_short")]);
    assert_eq!((marks(&checks, "configuration"), code), (vec!["act"], 1), "{checks:#}");

    fs::create_dir(stack.folder().join("data")).unwrap();
    let path = stack.folder().join("data/dev-webhook-secret");
    fs::write(&path, KEPT).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(examined(&stack, &[none]).1, 0, "on this machine alone it may be used");
    for in_use in [none, ("STRIPE_WEBHOOK_SECRET", KEPT)] {
        let (checks, code) = examined(&stack, &[in_use, ("GATEWAY_ADDR", "0.0.0.0:8080")]);
        assert!(marks(&checks, "signing secrets").contains(&"act") && code == 1, "{checks:#}");
    }
    stack.end().await;
}

#[tokio::test]
async fn a_ledger_that_others_may_read_is_found() {
    let stack = Stack::start(Combination::SqliteSqlite).await;
    fs::set_permissions(stack.folder().join("ledger.db"), Permissions::from_mode(0o644)).unwrap();
    let (checks, code) = examined(&stack, &[]);
    assert_eq!((marks(&checks, "data files"), code), (vec!["act"], 1), "{checks:#}");
    stack.end().await;
}

#[tokio::test]
async fn keys_of_our_own_are_missed_where_they_are_needed_and_must_be_closed_to_others() {
    let stack = Stack::start(Combination::SqliteSqlite).await;
    let (checks, code) = examined(&stack, &[]);
    assert_eq!((marks(&checks, "staff key"), marks(&checks, "audit key"), code), (vec!["ok"], vec!["ok"], 0));
    assert!(told(&checks, "audit key").contains("not signed"), "{checks:#}");
    let [one, other] = ["a", "b"].map(|letter| letter.repeat(40));
    let (checks, code) = examined(&stack, &[("AUDIT_KEY", "short")]);
    assert_eq!((marks(&checks, "audit key"), code), (vec!["act"], 1), "{checks:#}");

    for variable in ["STAFF_KEY_FILE", "AUDIT_KEY_FILE", "BODY_KEYS_FILE"] {
        let file = stack.folder().join(variable);
        fs::write(&file, &one).unwrap();
        let named = [(variable, file.to_str().unwrap())];
        for (mode, mark) in [(0o644, "act"), (0o640, "ok"), (0o600, "ok")] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let (checks, _) = examined(&stack, &named);
            assert_eq!(marks(&checks, "secret files"), [mark], "{variable} {mode:o}: {checks:#}");
            assert!(!checks.to_string().contains(&one), "{checks:#}");
        }
    }
    let file = stack.folder().join("AUDIT_KEY_FILE");
    let (checks, _) = examined(&stack, &[("AUDIT_KEY_FILE", file.to_str().unwrap())]);
    let public = stack.run(&["audit", "key", "--json"], &[("AUDIT_KEY", &one)]);
    assert!(told(&checks, "audit key").contains(json(&public)["key"].as_str().unwrap()), "{checks:#}");

    // A second factor that is encrypted under a key: without it, and with another, nobody gets in.
    let key = StaffKey::from_env(&Env::of(&[("STAFF_KEY", &one)])).unwrap().unwrap();
    let sealed = hex(&key.encrypt(&"JBSWY3DPEHPK3PXP".into(), "jane"));
    let now = clock::now().to_rfc3339();
    let staff = format!(
        "INSERT INTO staff (name, roles, added_by, added_at) VALUES ('jane', 'viewer', 'x', '{now}')"
    );
    tamper(&stack.ledger_url(), staff).await;
    tamper(
        &stack.ledger_url(),
        format!(
            "INSERT INTO staff_credentials (staff, password_hash, password_at, totp_secret, totp_at, totp_step) \
             VALUES ('jane', 'x', '{now}', X'{sealed}', '{now}', 0)"
        ),
    )
    .await;
    let staff_key = |key: &str| marks_of(&examined(&stack, &[("STAFF_KEY", key)]).0, "staff key");
    assert_eq!((staff_key(&one), staff_key(&other)), (vec!["ok".to_owned()], vec!["act".to_owned()]));
    fs::remove_file(stack.folder().join("dev-staff-key")).unwrap();
    let (checks, code) = examined(&stack, &[]);
    assert_eq!((marks(&checks, "staff key"), code), (vec!["act"], 1), "{checks:#}");
    assert!(told(&checks, "staff key").contains("none is set"), "{checks:#}");
    stack.end().await;
}

fn marks_of(checks: &Value, name: &str) -> Vec<String> {
    marks(checks, name).into_iter().map(str::to_owned).collect()
}
