//! Checks the signing secrets: whether there are any, whether they are valid, and when each last matched. Shows
//! names, never secrets.

use chrono::{DateTime, Utc};
use gateway::GatewayConfig;
use gateway::endpoints::Endpoint;
use gateway::secrets::Secret;
use secrecy::ExposeSecret;
use shared::env::Env;

use super::listeners::{Asked, samples};
use crate::finding::Finding;
use crate::output::me;
use crate::{dev_secret, variables, when};

pub const NAME: &str = "signing secrets";
const VARIABLE: &str = "STRIPE_WEBHOOK_SECRET";

pub fn check(env: &Env, gateway: &Asked, now: DateTime<Utc>) -> Vec<Finding> {
    let is_public = variables::address(env, "GATEWAY_ADDR").is_ok_and(|it| !it.ip().is_loopback());
    let for_development = match dev_secret::kept(env) {
        Ok(kept) => kept,
        Err(error) => {
            return vec![Finding::act(NAME, format!("{error:#}"), "a new one is made at the next start")];
        }
    };
    let env = match &for_development {
        _ if dev_secret::is_configured(env) => env.clone(),
        Some(kept) if !is_public => env.clone().or(VARIABLE, kept.expose_secret()),
        _ => return vec![missing(is_public)],
    };
    // A secret that is no good is found with the configuration.
    let Ok(config) = GatewayConfig::from_env(&env) else { return Vec::new() };
    let mut findings = Vec::new();
    if for_development.is_some_and(|kept| is_public && is_in_use(&env, kept.expose_secret())) {
        findings.push(Finding::act(
            NAME,
            format!(
                "the development secret signs webhooks at {}, which other machines can reach",
                config.address
            ),
            format!("set {VARIABLE} to the endpoint's secret from Stripe's dashboard"),
        ));
    }
    for endpoint in config.endpoints.values() {
        for secret in endpoint.secrets.current().iter() {
            findings.push(one(endpoint, secret, gateway, now));
        }
    }
    findings
}

fn missing(is_public: bool) -> Finding {
    let advice = if is_public {
        format!("set {VARIABLE}, or {VARIABLE}_FILE, to the endpoint's secret from Stripe's dashboard")
    } else {
        format!("set {VARIABLE}, or start `{} up` here, which makes one for development", me())
    };
    Finding::act(
        NAME,
        format!("{VARIABLE} is not set, and neither is {VARIABLE}_FILE: no webhook can be verified"),
        advice,
    )
}

/// Whether one of the variables, or a file that one names, holds it.
fn is_in_use(env: &Env, secret: &str) -> bool {
    env.with_prefix(VARIABLE).any(|(name, value)| {
        let is_file = name.starts_with(&format!("{VARIABLE}_FILE"));
        let read = || std::fs::read_to_string(value).is_ok_and(|text| text.contains(secret));
        if is_file { read() } else { value.contains(secret) }
    })
}

fn one(endpoint: &Endpoint, secret: &Secret, gateway: &Asked, now: DateTime<Utc>) -> Finding {
    let name = format!("`{}` of endpoint {}", secret.name(), endpoint.name);
    if !secret.is_live(now) {
        return Finding::look(NAME, format!("{name} has expired"), "remove it from the configuration");
    }
    let Some(samples) = samples(gateway) else {
        return Finding::ok(
            NAME,
            format!("{name} is well-formed; only a gateway on this machine could say when it last matched"),
        );
    };
    let series = format!(
        "tidegate_signature_last_match_timestamp_seconds{{endpoint=\"{}\",secret=\"{}\"}}",
        endpoint.name,
        secret.name()
    );
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
    let matched = samples.value(&series).and_then(|at| DateTime::from_timestamp(at as i64, 0));
    Finding::ok(
        NAME,
        match matched {
            Some(at) => format!("{name} is well-formed and matched {}", when::age(at, now)),
            None => format!("{name} is well-formed; it has not matched since the gateway started"),
        },
    )
}
