//! `tidegate env`: every environment variable in one table, gathered from the crates that read them. The
//! README's table is printed by the same code.

use std::fmt::Write;

use serde::Serialize;
use shared::env::{Env, Variable, redacted};

use crate::cli::EnvOptions;
use crate::table::Table;
use crate::{failure, output};

/// The variables by what they configure. One that two crates read is listed once, where it comes first.
pub fn groups() -> Vec<(&'static str, Vec<&'static Variable>)> {
    let sources: [(&'static str, &'static [Variable]); 5] = [
        ("Gateway", gateway::VARIABLES),
        ("Queue", shared::queue::VARIABLES),
        ("Ledger", worker::ledger::VARIABLES),
        ("Worker", worker::VARIABLES),
        ("Logs", shared::telemetry::VARIABLES),
    ];
    let mut seen: Vec<&str> = Vec::new();
    let mut once = |variable: &&'static Variable| {
        let new = !seen.contains(&variable.name);
        seen.push(variable.name);
        new
    };
    sources.map(|(title, variables)| (title, variables.iter().filter(&mut once).collect())).into()
}

/// The variable of that name, which one of the crates reads.
pub fn variable(name: &str) -> anyhow::Result<&'static Variable> {
    let found =
        groups().into_iter().flat_map(|(_, variables)| variables).find(|variable| variable.name == name);
    found.ok_or_else(|| anyhow::anyhow!("this build reads no variable {name}"))
}

/// The form of `--json`.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    group: &'static str,
    default: &'static str,
    example: &'static str,
    help: &'static str,
    /// `set`, `file`, `default` or `unset`.
    state: State,
    /// What counts now, where it may be shown.
    value: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Set,
    File,
    Default,
    Unset,
}

pub fn run(env: &Env, options: &EnvOptions) -> anyhow::Result<()> {
    if options.markdown {
        return output::print(&markdown());
    }
    let rows = rows(env);
    if options.shape.json {
        return output::print_json(&rows);
    }
    output::print(&for_people(&rows))?;
    for name in unread(env) {
        output::remark(&format!("warning: {name} is set, but nothing reads a variable of that name"));
    }
    Ok(())
}

/// The variables with their defaults and meaning, for the help.
pub fn described() -> String {
    let mut text = String::new();
    for (title, variables) in groups() {
        writeln!(text, "{title}").expect("a String takes every write");
        for variable in variables {
            let default = if variable.default.is_empty() { "" } else { " = " };
            writeln!(text, "  {}{default}{}\n      {}", variable.name, variable.default, variable.help)
                .expect("a String takes every write");
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

fn markdown() -> String {
    let mut text = String::from("| Variable | Default | Meaning |\n|---|---|---|\n");
    let code = |value: &str| if value.is_empty() { String::new() } else { format!("`{value}`") };
    for variable in groups().into_iter().flat_map(|(_, variables)| variables) {
        let (default, help) = (code(variable.default), variable.help.replace('|', "\\|"));
        writeln!(text, "| `{}` | {default} | {help} |", variable.name).expect("a String takes every write");
    }
    text
}

fn rows(env: &Env) -> Vec<Row> {
    let mut rows = Vec::new();
    for (group, variables) in groups() {
        for &Variable { name, default, example, help } in variables {
            let state = match env.given(name) {
                Some(_) => State::Set,
                None if env.given(&format!("{name}_FILE")).is_some() => State::File,
                None if default.is_empty() => State::Unset,
                None => State::Default,
            };
            let value = match state {
                State::Set => env.given(name).filter(|_| !is_secret(name)),
                State::Default => Some(default),
                State::File | State::Unset => None,
            };
            rows.push(Row { name, group, default, example, help, state, value: value.map(redacted) });
        }
    }
    rows
}

fn for_people(rows: &[Row]) -> String {
    let mut table = Table::default().text("VARIABLE").text("STATE").prose("VALUE", 44).prose("MEANING", 110);
    for row in rows {
        let state = match row.state {
            State::Set => "set",
            State::File => "file",
            State::Default => "default",
            State::Unset => "not set",
        };
        let value = match (&row.value, row.state) {
            (Some(value), _) => value.clone(),
            (None, State::Set) => "(hidden)".to_owned(),
            (None, _) => "-".to_owned(),
        };
        table.row([row.name.to_owned(), state.to_owned(), value, row.help.to_owned()]);
    }
    table.render()
}

/// Whether the value itself must never be shown.
fn is_secret(name: &str) -> bool {
    !name.ends_with("_FILE") && ["SECRET", "KEY", "TOKEN", "PASSWORD"].iter().any(|word| name.contains(word))
}

/// Names that look as if they were meant for us, but that nothing reads: probably misspelt.
fn unread(env: &Env) -> Vec<String> {
    let known: Vec<&str> =
        groups().into_iter().flat_map(|(_, variables)| variables).map(|v| v.name).collect();
    let is_read = |name: &str| {
        let base = name.split("__").next().unwrap_or(name);
        let base = base.strip_suffix("_FILE").unwrap_or(base);
        known.contains(&base)
    };
    let ours = ["GATEWAY_", "WORKER_", "QUEUE_", "STRIPE_WEBHOOK_", "LEDGER_", "TIDEGATE_"];
    let names = ours.iter().flat_map(|prefix| env.with_prefix(prefix)).map(|(name, _)| name);
    names.filter(|name| !is_read(name)).map(str::to_owned).collect()
}

/// An address that must be on this machine for what the caller wants to do.
pub fn address(env: &Env, name: &str) -> anyhow::Result<std::net::SocketAddr> {
    env.address(variable(name)?).map_err(|problem| failure::wrongly_called(problem.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_passwords_are_not_shown() {
        let env = Env::of(&[
            ("STRIPE_WEBHOOK_SECRET", "whsec_hunter2"),
            ("DATABASE_URL", "postgres://user:hunter2@db.example/tidegate"),
            ("QUEUE_URL", "amqp://user:hunter2@mq.example/"),
        ]);
        let shown = for_people(&rows(&env)) + &serde_json::to_string(&rows(&env)).unwrap();
        assert!(!shown.contains("hunter2"));
        assert!(shown.contains("postgres://db.example/tidegate"));
    }

    #[test]
    fn every_variable_is_listed_once() {
        let names: Vec<&str> = rows(&Env::of(&[])).iter().map(|row| row.name).collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
        assert!(names.contains(&"QUEUE_URL") && names.contains(&"LOG_LEVEL"));
    }

    #[test]
    fn a_misspelt_variable_is_pointed_out() {
        let env =
            Env::of(&[("QUEUE_ULR", "x"), ("QUEUE_URL__EU", "x"), ("QUEUE_URL_FILE", "x"), ("PATH", "x")]);
        assert_eq!(unread(&env), ["QUEUE_ULR"]);
    }
}
