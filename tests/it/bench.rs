//! The bench runs, and its report has every figure that it is for. What the figures are worth is no matter of a
//! test: they are taken from a release build on a quiet machine.

use std::process::Command;

use anyhow::{Context, ensure};
use harness::binaries::binary;
use serde_json::Value;

const GATEWAY: &[&str] = &[
    "gateway confirmed at 64 connections / raw lapin publishing at 64 in flight",
    "gateway CPU per event / (bare hyper + HMAC + raw lapin client)",
    "accept p99, open loop at 70 % of capacity, RabbitMQ",
    "embedded gateway accepted at 64 connections / raw SQLite group commit of 64",
    "embedded accept p99, open loop at 5,000/s",
    "flushes per event at 64 connections, RabbitMQ",
    "flushes before the 200 at 1 connection, RabbitMQ",
    "flushes per event at 64 connections, queue.db",
    "flushes before the 200 at 1 connection, queue.db",
    "memory of the gateway, idle",
    "the same under load, at most",
    "the same with 10,000 idle connections",
    "start to ready, gateway",
    "start to ready, `tidegate up` on an existing ledger",
];

#[test]
fn a_quick_bench_of_the_gateway_has_every_figure() -> anyhow::Result<()> {
    let report = quick("gateway")?;
    let found = figures(&report)?;
    for what in GATEWAY {
        let figure = found.iter().find(|figure| figure["what"] == *what);
        let figure = figure.with_context(|| format!("there is no figure for: {what}"))?;
        let median = figure["value"]["median"].as_f64();
        ensure!(median.is_some_and(|median| median > 0.0), "nothing was measured for: {what}");
        ensure!(
            figure["reach"].is_object() && figure["reached"].is_boolean(),
            "nothing is to be reached: {what}"
        );
    }
    Ok(())
}

#[test]
fn the_bench_tells_people_what_it_can_do() -> anyhow::Result<()> {
    let help = String::from_utf8(Command::new(binary("bench")).arg("--help").output()?.stdout)?;
    for word in ["gateway", "queue", "all", "release"] {
        ensure!(help.contains(word), "the help does not speak of {word}:\n{help}");
    }
    let serve = help.lines().any(|line| line.trim_start().starts_with("serve "));
    ensure!(!serve, "the help speaks of what is for the bench alone");
    Ok(())
}

fn quick(command: &str) -> anyhow::Result<Value> {
    let output = Command::new(binary("bench")).args([command, "--quick", "--json"]).output()?;
    let progress = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "bench {command} failed:\n{progress}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Of all sections.
fn figures(report: &Value) -> anyhow::Result<Vec<&Value>> {
    let sections = report.as_array().context("a report is a list of sections")?;
    Ok(sections.iter().filter_map(|section| section["figures"].as_array()).flatten().collect())
}
