//! `tidegate doctor`: looks at everything that the promise rests on, and says of each what it found and what
//! to do. It changes nothing and shows no secret.

mod broker;
mod damage;
mod files;
mod ledger;
mod listeners;
mod secrets;
mod settings;

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::Shape;
use crate::finding::{Finding, Mark, page, worst};
use crate::{configuration, output, probe, skew};

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

pub async fn run(env: &Env, options: &Shape) -> anyhow::Result<ExitCode> {
    let now = clock::now();
    let checks = examine(env, now).await;
    let well = worst(&checks) != Mark::Act;
    if options.json {
        output::print_json(&Diagnosis { at: now, version: env!("CARGO_PKG_VERSION"), well, checks })?;
    } else {
        output::print(&format!("{}\n{}\n", page(&checks), summary(&checks)))?;
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(SICK) })
}

async fn examine(env: &Env, now: DateTime<Utc>) -> Vec<Finding> {
    let mut checks = settings::check(env);
    let address = |name| configuration::address(env, name).ok().map(probe::reachable);
    let (gateway, worker) = (address("GATEWAY_INTERNAL_ADDR"), address("WORKER_INTERNAL_ADDR"));
    let (ledger, queue, damage, gateway, worker) = tokio::join!(
        ledger::check(env, now),
        broker::check(env),
        damage::ledger(env),
        listeners::ask(gateway),
        listeners::ask(worker)
    );
    checks.extend(ledger.findings);
    checks.extend(queue);
    checks.extend(damage);
    checks.extend(files::check(env));
    checks.extend(secrets::check(env, &gateway, now));
    checks.extend(listeners::check("gateway", &gateway, "GATEWAY_INTERNAL_ADDR"));
    checks.extend(listeners::check("worker", &worker, "WORKER_INTERNAL_ADDR"));
    let signature_age_secs = listeners::samples(&gateway).and_then(skew::signature_age_secs);
    checks.push(skew::judged(signature_age_secs, ledger.delay_least_secs));
    checks.push(listeners::open_files(&gateway));
    checks
}

fn summary(checks: &[Finding]) -> String {
    let count = |mark| checks.iter().filter(|check| check.mark == mark).count();
    match (count(Mark::Act), count(Mark::Look)) {
        (0, 0) => "All is well.".to_owned(),
        (0, looks) => format!("Well; {looks} to look at."),
        (acts, looks) => format!("{acts} to act on, {looks} to look at."),
    }
}
