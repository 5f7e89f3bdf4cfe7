//! Checks how long the key of Stripe's API has been in use. Shows its age, never the key.

use chrono::{DateTime, Utc};
use domain::key_ages::{KeyAge, KeyName};
use shared::env::Env;
use stripe_api::StripeConfig;

use crate::finding::Finding;
use crate::open;

const NAME: &str = "key age";

/// Nothing where no key is set; what is wrong with it, and an unreachable ledger, are said elsewhere.
pub async fn check(env: &Env, now: DateTime<Utc>) -> Vec<Finding> {
    let Ok(Some(config)) = StripeConfig::from_env(env) else { return Vec::new() };
    let Ok(ledger) = open::patient(env).await else { return Vec::new() };
    let known = ledger.keys_in_use(now).await;
    ledger.close().await;
    let Ok((keys, limit)) = known else { return Vec::new() };
    let fingerprint = config.key.fingerprint();
    let ours = keys.iter().find(|key| key.name == KeyName::StripeApiKey && key.fingerprint == fingerprint);
    let Some(key) = ours else {
        return vec![Finding::ok(NAME, "no worker has used this key of Stripe's API within a day")];
    };
    let (age, limit_days) = (key.age(now).num_days(), limit.num_days());
    let found =
        format!("the key of Stripe's API has been in use for {age} days, of {limit_days} (keys.stripe_days)");
    let advice =
        "make another key in Stripe's dashboard, set STRIPE_SECRET_KEY, restart, then revoke the old one";
    vec![match key.judge(limit, now) {
        KeyAge::Fresh => Finding::ok(NAME, found),
        KeyAge::Due | KeyAge::Overdue => Finding::look(NAME, found, advice),
    }]
}
