//! How long a key has been in use is known by its fingerprint; an old one is reminded of.

use std::time::Duration;

use fake_stripe::FakeStripe;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use serde_json::Value;

use crate::attempts::tamper;

const PATIENCE: Duration = Duration::from_mins(1);

fn check(stack: &Stack, stripe: &FakeStripe) -> (String, String) {
    let settings = stripe.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let output = stack.run(&["doctor", "--json"], &settings);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = told["checks"].as_array().unwrap().iter().find(|check| check["name"] == "key age").unwrap();
    (found["mark"].as_str().unwrap().to_owned(), found["found"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_is_reminded_of_and_shown_nowhere() {
    let stripe = FakeStripe::start(false).await.unwrap();
    let settings = stripe.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        let mut stack = Stack::start_with(combination, &settings).await;
        until("a key to be noted", PATIENCE, async || {
            Ok(stack.ledger().count("SELECT count(*) FROM key_sightings").await? == 1)
        })
        .await
        .unwrap();
        let kept = "SELECT count(*) FROM key_sightings WHERE length(fingerprint) = 16";
        assert_eq!(stack.ledger().count(kept).await.unwrap(), 1);
        let (mark, found) = check(&stack, &stripe);
        assert!(mark == "ok" && found.contains("0 days, of 90"), "{mark}: {found}");
        tamper(&stack.ledger_url(), "UPDATE key_sightings SET first_seen_at = '2026-01-02T03:04:05+00:00'")
            .await;
        let (mark, found) = check(&stack, &stripe);
        assert!(mark == "look" && !found.contains(stripe.key()), "{mark}: {found}");
        let worker = if combination.has_broker() { "worker-1" } else { "tidegate" };
        until("the metric to tell", PATIENCE, async || {
            let metrics = stack.metrics(worker).await?;
            let value = |name: &str| {
                metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<i64>().ok())
            };
            let age = value("tidegate_key_age_seconds{key=\"stripe_api_key\"}").unwrap_or(0);
            Ok(age > value("tidegate_key_age_limit_seconds").unwrap_or(i64::MAX))
        })
        .await
        .unwrap();
        stack.end().await;
    }
}
