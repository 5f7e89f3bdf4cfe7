//! The variables that this build reads, and the addresses among them.

use std::net::SocketAddr;

use shared::env::{Env, Variable};

use crate::failure;

/// What each crate reads, by what it configures.
pub const SOURCES: [(&str, &[Variable]); 12] = [
    ("Gateway", gateway::VARIABLES),
    ("Queue", shared::queue::VARIABLES),
    ("Ledger", ledger::VARIABLES),
    ("Policies", ledger::POLICY_VARIABLES),
    ("Worker", worker::VARIABLES),
    ("Notices", worker::NOTICE_VARIABLES),
    ("Console", console::VARIABLES),
    ("Staff", desk::acts::VARIABLES),
    ("Stripe", stripe_api::VARIABLES),
    ("Logs", shared::telemetry::VARIABLES),
    ("Traces", shared::spans::VARIABLES),
    ("Files", shared::env::VARIABLES),
];
/// The variable of that name, which one of the crates reads.
pub fn variable(name: &str) -> anyhow::Result<&'static Variable> {
    let mut variables = SOURCES.iter().flat_map(|(_, variables)| variables.iter());
    let found = variables.find(|variable| variable.name == name);
    found.ok_or_else(|| anyhow::anyhow!("this build reads no variable {name}"))
}

/// One of the addresses, whichever role it belongs to.
pub fn address(env: &Env, name: &str) -> anyhow::Result<SocketAddr> {
    env.address(variable(name)?).map_err(|problem| failure::wrongly_called(problem.to_string()))
}
