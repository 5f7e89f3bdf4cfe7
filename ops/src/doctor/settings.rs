//! Checks that the configuration can be read as the processes would read it.

use gateway::GatewayConfig;
use ledger::LedgerConfig;
use shared::env::{Env, Problem};
use shared::queue::QueueConfig;
use worker::WorkerConfig;

use crate::finding::Finding;
use crate::output::me;
use crate::{configuration, dev_secret};

const NAME: &str = "configuration";

pub fn check(env: &Env) -> Vec<Finding> {
    let mut problems: Vec<Problem> = Vec::new();
    problems.extend(QueueConfig::from_env(env).err());
    problems.extend(LedgerConfig::from_env(env).err());
    problems.extend(WorkerConfig::from_env(env).err());
    // Without a secret the gateway's cannot be read; that is found with the secrets.
    if dev_secret::is_configured(env) {
        problems.extend(GatewayConfig::from_env(env).err());
    }
    let mut findings: Vec<Finding> = problems
        .iter()
        .map(|problem| {
            let advice =
                format!("{}={}, for example; `{} env` explains it", problem.name, problem.example, me());
            Finding::act(NAME, format!("{}: {}", problem.name, problem.fault), advice)
        })
        .collect();
    findings.extend(configuration::slips(env).into_iter().map(|slip| {
        let advice = format!("rename it to {}, or unset it: no process starts with it", slip.meant);
        Finding::act(NAME, format!("{} is set, but nothing reads a variable of that name", slip.name), advice)
    }));
    let unread = configuration::unread(env);
    if !unread.is_empty() {
        let advice = format!("`{} env` lists what is read", me());
        findings.push(Finding::look(NAME, format!("nothing reads {}", unread.join(", ")), advice));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(NAME, "every variable that is set has a valid value"));
    }
    findings
}
