//! `tidegate doctor`: checks everything that the guarantees depend on, and says what it found and what to do.
//! It changes nothing and shows no secret.

mod body_keys;
mod broker;
mod damage;
mod event_families;
mod files;
mod key_ages;
mod keys;
mod ledger;
pub mod listeners;
mod secrets;
mod settings;

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::{DoctorOptions, ElsewhereOptions};
use crate::finding::{Finding, Mark, page, worst};
use crate::{clock_skew, output, probe, stripe_account, variables};

const SICK: u8 = 1;

/// The form of `--json`.
#[derive(Serialize)]
struct Diagnosis {
    at: DateTime<Utc>,
    version: &'static str,
    /// Nothing to act on.
    well: bool,
    checks: Vec<Finding>,
}

pub async fn run(env: &Env, options: &DoctorOptions) -> anyhow::Result<ExitCode> {
    let now = clock::now();
    let checks = examine(env, &options.elsewhere, now).await;
    let well = worst(&checks) != Mark::Act;
    if options.shape.json {
        output::print_json(&Diagnosis { at: now, version: env!("CARGO_PKG_VERSION"), well, checks })?;
    } else {
        output::print(&format!("{}\n{}\n", page(&checks), summary(&checks)))?;
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(SICK) })
}

async fn examine(env: &Env, elsewhere: &ElsewhereOptions, now: DateTime<Utc>) -> Vec<Finding> {
    let mut checks = settings::check(env);
    let address = |process: &str, name| {
        let address = variables::address(env, name).ok().map(probe::reachable);
        address.filter(|_| !elsewhere.is(process))
    };
    let (gateway, worker) =
        (address("gateway", "GATEWAY_INTERNAL_ADDR"), address("worker", "WORKER_INTERNAL_ADDR"));
    let (ledger, queue, damage, stripe, gateway, worker) = tokio::join!(
        ledger::check(env, now),
        broker::check(env),
        damage::ledger(env),
        Box::pin(stripe_account::ask(env)),
        listeners::ask(gateway),
        listeners::ask(worker)
    );
    checks.extend(ledger.findings);
    checks.extend(queue);
    checks.extend(damage);
    checks.extend(stripe_account::judged(stripe.as_ref(), &stripe_account::Ours::of(env)));
    checks.extend(key_ages::check(env, now).await);
    checks.extend(keys::check(env).await);
    checks.extend(body_keys::check(env).await);
    checks.extend(files::check(env));
    if elsewhere.is("gateway") {
        checks.push(Finding::unknown(secrets::NAME, "the gateway's, which runs elsewhere"));
    } else {
        checks.extend(secrets::check(env, &gateway, now));
    }
    for (name, asked, variable) in
        [("gateway", &gateway, "GATEWAY_INTERNAL_ADDR"), ("worker", &worker, "WORKER_INTERNAL_ADDR")]
    {
        if elsewhere.is(name) {
            checks.push(Finding::unknown(name, "runs elsewhere; not checked"));
        } else {
            checks.extend(listeners::check(name, asked, variable));
        }
    }
    let signature_age_secs = listeners::samples(&gateway).and_then(clock_skew::signature_age_secs);
    checks.push(clock_skew::judged(signature_age_secs, ledger.delay_least_secs));
    checks.push(listeners::open_files(&gateway));
    checks
}

fn summary(checks: &[Finding]) -> String {
    let count = |mark| checks.iter().filter(|check| check.mark == mark).count();
    match (count(Mark::Act), count(Mark::Look)) {
        (0, 0) => "All is well.".to_owned(),
        (0, looks) => format!("No problems; {looks} to look at."),
        (acts, looks) => format!("{acts} to act on, {looks} to look at."),
    }
}
