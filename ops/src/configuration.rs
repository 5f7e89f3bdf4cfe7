//! `tidegate env`: every environment variable, gathered from the crates that read them. The tables of
//! docs/configuration.md are printed by the same code.

use std::fmt::Write;

use console::ConsoleConfig;
use gateway::GatewayConfig;
use ledger::LedgerConfig;
use serde::Serialize;
use shared::env::{Env, Misspelt, Names, Slip, Variable, redacted};
use shared::queue::QueueConfig;
use worker::WorkerConfig;

use crate::cli::EnvOptions;
use crate::variables::SOURCES;
use crate::{dev_secret, output, table};

const OUR_PREFIXES: [&str; 10] = [
    "GATEWAY_",
    "WORKER_",
    "CONSOLE_",
    "QUEUE_",
    "STRIPE_WEBHOOK_",
    "LEDGER_",
    "TIDEGATE_",
    "OTLP_",
    "ENVELOPE_",
    "BAN_",
];

/// One that two crates read is listed once, where it comes first.
pub fn groups() -> Vec<(&'static str, Vec<&'static Variable>)> {
    let mut seen: Vec<&str> = Vec::new();
    let mut once = |variable: &&'static Variable| {
        let new = !seen.contains(&variable.name);
        seen.push(variable.name);
        new
    };
    SOURCES.map(|(title, variables)| (title, variables.iter().filter(&mut once).collect())).into()
}

/// The form of `--json`.
#[derive(Serialize)]
struct Row {
    /// With its suffix, where the variable of a further endpoint is set.
    name: String,
    group: &'static str,
    default: &'static str,
    example: &'static str,
    help: &'static str,
    state: State,
    /// What counts now, where it may be shown.
    value: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Set,
    Default,
    Unset,
}

pub fn run(env: &Env, options: &EnvOptions) -> anyhow::Result<()> {
    if options.markdown {
        return output::print(&markdown());
    }
    let rows = rows(env);
    if options.shape.json {
        output::print_json(&rows)?;
    } else {
        output::print(&for_people(&rows))?;
    }
    for name in unread(env) {
        output::remark(&format!("warning: {name} is set, but nothing reads a variable of that name"));
    }
    check(env)
}

/// Reads everything as the processes would, so that a bad value is found before one starts.
fn check(env: &Env) -> anyhow::Result<()> {
    check_names(env)?;
    QueueConfig::from_env(env)?;
    LedgerConfig::from_env(env)?;
    WorkerConfig::from_env(env)?;
    ConsoleConfig::from_env(env)?;
    if dev_secret::is_configured(env) {
        GatewayConfig::from_env(env)?;
    }
    Ok(())
}

/// The variables with their defaults and meaning, for the help.
pub fn described() -> String {
    for_people(&rows(&Env::of(&[]))).trim_end().to_owned()
}

/// Which processes read the variables of a group.
fn readers(group: &str) -> &'static str {
    match group {
        "Gateway" => "the gateway; also `doctor` and `status`",
        "Queue" => "the gateway, the worker, the console, and commands that use the queue",
        "Ledger" => "the worker, the console, and commands that use the ledger",
        "Policies" => "the worker, and commands that apply the rules, such as `rebuild`",
        "Worker" | "Notices" => "the worker",
        "Console" => "the console",
        "Staff" => "commands that record a decision",
        "Stripe" => "the worker, the console, `backfill`, `doctor` and `status`",
        "Files" => "`tidegate`",
        _ => "every process",
    }
}

fn markdown() -> String {
    let mut tables = Vec::new();
    for (group, variables) in groups() {
        let mut text = format!("## {group}\n\nRead by {}.\n\n", readers(group));
        text.push_str("| Variable | Default | Meaning |\n|---|---|---|\n");
        for variable in variables {
            let default = match variable.default {
                "" => String::new(),
                value => format!("`{value}`"),
            };
            let help = variable.help.replace('|', "\\|");
            writeln!(text, "| `{}` | {default} | {help} |", variable.name)
                .expect("a String takes every write");
        }
        tables.push(text);
    }
    tables.join("\n")
}

fn rows(env: &Env) -> Vec<Row> {
    let mut rows = Vec::new();
    for (group, variables) in groups() {
        for &Variable { name, default, example, help } in variables {
            let suffixed = format!("{name}__");
            let further = env.with_prefix(&suffixed).map(|(name, _)| name.to_owned());
            for name in std::iter::once(name.to_owned()).chain(further) {
                let (state, value) = match env.given(&name) {
                    Some(value) => (State::Set, Some(value).filter(|_| !is_secret(&name))),
                    None if default.is_empty() => (State::Unset, None),
                    None => (State::Default, Some(default)),
                };
                rows.push(Row { value: value.map(redacted), name, group, default, example, help, state });
            }
        }
    }
    rows
}

fn for_people(rows: &[Row]) -> String {
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        if index == 0 || rows[index - 1].group != row.group {
            let gap = if index == 0 { "" } else { "\n" };
            writeln!(text, "{gap}{}", row.group).expect("a String takes every write");
        }
        let value = match (&row.value, row.state) {
            (Some(value), State::Set) => format!(" = {}  (set)", table::clean(value)),
            (Some(value), _) => format!(" = {value}"),
            (None, State::Set) => "  (set, hidden)".to_owned(),
            (None, _) => "  (not set)".to_owned(),
        };
        writeln!(text, "  {}{value}", row.name).expect("a String takes every write");
        text.push_str(&table::filled("      ", &row.help.split_whitespace().collect::<Vec<_>>()));
    }
    text
}

/// Whether the value itself must never be shown.
pub fn is_secret(name: &str) -> bool {
    !name.ends_with("_FILE") && ["SECRET", "KEY", "TOKEN", "PASSWORD"].iter().any(|word| name.contains(word))
}

/// Refuses an environment with a misspelt variable of ours.
pub fn check_names(env: &Env) -> Result<(), Misspelt> {
    Names { groups: &SOURCES.map(|(_, variables)| variables), families: gateway::ENDPOINT_VARIABLES }
        .check(env)
}

/// Misspelt variables of ours, each with the one that was probably meant.
pub fn slips(env: &Env) -> Vec<Slip> {
    check_names(env).err().map(|Misspelt(slips)| slips).unwrap_or_default()
}

/// Other variables that begin like ours, and that nothing reads.
pub fn unread(env: &Env) -> Vec<&str> {
    let slips = slips(env);
    let names =
        Names { groups: &SOURCES.map(|(_, variables)| variables), families: gateway::ENDPOINT_VARIABLES };
    let unread = names.unread(env, &OUR_PREFIXES).into_iter();
    unread.filter(|name| slips.iter().all(|slip| slip.name != *name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_passwords_are_not_shown() {
        let env = Env::of(&[
            ("STRIPE_WEBHOOK_SECRET", "whsec_hunter2"),
            ("STRIPE_WEBHOOK_SECRET__EU", "whsec_hunter2"),
            ("DATABASE_URL", "postgres://user:hunter2@db.example/tidegate"),
            ("QUEUE_URL", "amqp://user:hunter2@mq.example/"),
        ]);
        let shown = for_people(&rows(&env)) + &serde_json::to_string(&rows(&env)).unwrap();
        assert!(!shown.contains("hunter2"));
        assert!(shown.contains("postgres://db.example/tidegate"));
        assert!(shown.contains("STRIPE_WEBHOOK_SECRET__EU  (set, hidden)"));
    }

    #[test]
    fn every_variable_is_listed_once() {
        let names: Vec<String> = rows(&Env::of(&[])).into_iter().map(|row| row.name).collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
        assert!(["QUEUE_URL", "LOG_LEVEL"].iter().all(|name| names.iter().any(|listed| listed == name)));
    }

    #[test]
    fn what_nothing_reads_is_pointed_out_and_a_slip_is_refused() {
        let env =
            Env::of(&[("QUEUE_ULR", "x"), ("QUEUE_COLOUR", "x"), ("QUEUE_URL__EU", "x"), ("PATH", "x")]);
        assert_eq!(unread(&env), ["QUEUE_COLOUR", "QUEUE_URL__EU"]);
        let words = check_names(&env).unwrap_err().to_string();
        assert!(words.contains("QUEUE_ULR is set") && words.contains("Did you mean QUEUE_URL?"), "{words}");
    }
}
