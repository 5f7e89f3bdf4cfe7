//! A variable of ours that is misspelt refuses to start, in every group, binary and command; one of somebody else's,
//! as Kubernetes sets them for every Service, never does.

use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};

use harness::binaries::binary;
use harness::process_guard::ProcessGuard;
use rustix::process::Signal;
use serde_json::Value;
use shared::env::{Env, Names};

/// In an empty folder below the guardian's.
fn run(guard: &ProcessGuard, program: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let home = guard.folder().join("home");
    std::fs::create_dir_all(&home).unwrap();
    let mut command = Command::new(binary(program));
    command.args(arguments).current_dir(home).stdin(Stdio::null());
    command.env_clear().envs(settings.iter().copied()).output().expect("it can be started")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it is text")
}

/// Every variable that some process reads.
fn known(guard: &ProcessGuard) -> Vec<String> {
    let told = run(guard, "tidegate", &["env", "--json"], &[]).stdout;
    let told: Value = serde_json::from_slice(&told).expect("it prints JSON");
    let rows = told["items"].as_array().expect("it lists them");
    rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

/// The name without a letter in the middle of its longest word.
fn slip(name: &str) -> String {
    let longest = name.split('_').max_by_key(|word| word.len()).unwrap();
    let at = name.find(longest).unwrap() + longest.len() / 2;
    format!("{}{}", &name[..at], &name[at + 1..])
}

#[test]
fn a_slip_in_any_variable_is_refused_with_the_right_name() {
    let guard = ProcessGuard::new("misspelt", Signal::KILL).unwrap();
    let known = known(&guard);
    assert!(known.len() > 50 && known.iter().any(|name| name == "BAN_CHARGEBACKS"), "{known:?}");
    let slips: Vec<String> = known.iter().map(|name| slip(name)).collect();
    let settings: Vec<(&str, &str)> = slips.iter().map(|name| (name.as_str(), "hunter2")).collect();
    let output = run(&guard, "tidegate", &["invoices", "list"], &settings);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for (name, slip) in known.iter().zip(&slips) {
        let line = said.lines().find(|line| line.contains(&format!("{slip} is set")));
        assert!(line.is_some_and(|line| line.contains(&format!("Did you mean {name}?"))), "{slip}: {said}");
    }
    assert!(!said.contains("hunter2"), "no value is echoed: {said}");
}

#[test]
fn every_command_that_reads_the_environment_refuses_and_makes_nothing() {
    let guard = ProcessGuard::new("misspelt", Signal::KILL).unwrap();
    for arguments in [
        &[][..],
        &["up"],
        &["gateway"],
        &["worker"],
        &["worker", "pause", "--reason", "a drill"],
        &["migrate"],
        &["topology"],
        &["queue"],
        &["send"],
        &["status"],
        &["trace", "evt_1"],
        &["events", "list"],
        &["payments", "list"],
        &["disputes", "list"],
        &["bans", "list"],
        &["anomalies"],
    ] {
        let output = run(&guard, "tidegate", arguments, &[("BAN_CHARGEBACK", "3")]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains("BAN_CHARGEBACK is set") && said.contains("BAN_CHARGEBACKS?"), "{said}");
    }
    assert_eq!(std::fs::read_dir(guard.folder().join("home")).unwrap().count(), 0, "nothing was made");
    for (program, name, meant) in [
        ("tidegate-gateway", "GATEWAY_ADR", "GATEWAY_ADDR"),
        ("tidegate-gateway", "STRIPE_WEBHOOK_MODES__EU", "STRIPE_WEBHOOK_MODE__EU"),
        ("tidegate-worker", "BAN_CHARGEBACK", "BAN_CHARGEBACKS"),
        ("tidegate-worker", "DATABASE_URI", "DATABASE_URL"),
    ] {
        let output = run(&guard, program, &[], &[(name, "x")]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{program}: {said}");
        assert!(
            said.contains(&format!("{name} is set")) && said.contains(&format!("mean {meant}?")),
            "{said}"
        );
    }
}

#[test]
fn the_table_and_the_doctor_still_answer_and_point_at_the_slip() {
    let guard = ProcessGuard::new("misspelt", Signal::KILL).unwrap();
    let slip = [("WORKER_LANE", "4")];
    let table = run(&guard, "tidegate", &["env"], &slip);
    assert_eq!(table.status.code(), Some(2));
    assert!(
        text(&table.stdout).contains("WORKER_LANES") && text(&table.stderr).contains("WORKER_LANE is set")
    );
    let doctor = run(&guard, "tidegate", &["doctor", "--json"], &slip);
    let checks: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let found = checks["checks"].as_array().unwrap().iter().find(|check| check["name"] == "configuration");
    let found = found.expect("the configuration is judged");
    assert_eq!((&found["mark"], doctor.status.code()), (&Value::from("act"), Some(1)));
    assert!(found["advice"].as_str().unwrap().contains("WORKER_LANES"), "{found}");
}

/// For a Service of any name, also of one like our own prefixes.
#[test]
fn the_links_of_services_and_the_variables_of_our_other_processes_pass() {
    let guard = ProcessGuard::new("misspelt", Signal::KILL).unwrap();
    let known = known(&guard);
    let services: BTreeSet<&str> = known
        .iter()
        .flat_map(|name| name.match_indices('_').map(|(at, _)| &name[..at]).chain([name.as_str()]))
        .chain(["TIDEGATE", "TIDEGATE_GATEWAY", "TIDEGATE_WORKER", "POSTGRES", "RABBITMQ"])
        .collect();
    let links: Vec<String> = services
        .iter()
        .flat_map(|service| {
            [
                "SERVICE_HOST",
                "SERVICE_PORT",
                "SERVICE_PORT_HTTP",
                "PORT",
                "PORT_8080_TCP",
                "PORT_8080_TCP_PROTO",
                "PORT_8080_TCP_PORT",
                "PORT_8080_TCP_ADDR",
            ]
            .map(|end| format!("{service}_{end}"))
        })
        .collect();
    let settings: Vec<(&str, &str)> = links.iter().map(|name| (name.as_str(), "tcp://10.0.0.1:80")).collect();
    let output = run(&guard, "tidegate", &["env"], &settings);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));

    let all: Vec<(&str, &str)> = known.iter().map(|name| (name.as_str(), "x")).collect();
    let all = Env::of(&all);
    let both = [shared::queue::VARIABLES, shared::telemetry::VARIABLES, shared::spans::VARIABLES];
    let gateway = [&[gateway::VARIABLES][..], &both].concat();
    let of_worker = [worker::VARIABLES, ledger::VARIABLES, ledger::POLICY_VARIABLES, stripe_api::VARIABLES];
    let worker = [&of_worker[..], &both].concat();
    assert_eq!(Names { groups: &gateway, families: gateway::ENDPOINT_VARIABLES }.slips(&all), []);
    assert_eq!(Names { groups: &worker, families: &[] }.slips(&all), []);
}
