//! The doctor: finds nothing in a healthy stack, and each fault by its name, with what to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use harness::postgres::Postgres;
use harness::stack::{Combination, Stack, each_combination};
use harness::stories::Stories;
use serde_json::Value;
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
