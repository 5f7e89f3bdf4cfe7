//! Logs: text for a person at a terminal, JSON lines for everything else, always to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::env::{Env, Problem, Variable};

pub const LOG_LEVEL: Variable = Variable {
    name: "LOG_LEVEL",
    default: "info",
    example: "info,worker=debug",
    help: "What is logged: error, warn, info, debug or trace, also per module.",
};
pub const LOG_FORMAT: Variable = Variable {
    name: "LOG_FORMAT",
    default: "auto",
    example: "json",
    help: "`text`, `json`, or `auto`: text at a terminal, JSON elsewhere.",
};
pub const VARIABLES: &[Variable] = &[LOG_LEVEL, LOG_FORMAT];

/// Starts logging for this process.
pub fn init(env: &Env) -> Result<(), Problem> {
    // lapin and sqlx tell of every hiccup that our own supervisors already report once.
    let filter = env.parse(&LOG_LEVEL, |text| {
        EnvFilter::try_new(format!("{text},lapin=off,sqlx=off")).map_err(|e| e.to_string())
    })?;
    let json = env.parse(&LOG_FORMAT, |text| match text {
        "json" => Ok(true),
        "text" => Ok(false),
        "auto" => Ok(!std::io::stderr().is_terminal()),
        _ => Err("neither text, json nor auto".to_owned()),
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
    } else {
        lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).init();
    }
    Ok(())
}
