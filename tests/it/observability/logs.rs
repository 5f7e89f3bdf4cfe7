//! The fields of the log are the documented ones: in the lines of a running stack, and in the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::Bytes;
use harness::client::Client;
use harness::load::{SendLog, send_all};
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use harness::stories::Stories;
use serde_json::Value;

use super::{path, text};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(90);
const CRATES: [&str; 8] = [
    "shared/src",
    "gateway/src",
    "ledger/src",
    "stripe-api/src",
    "desk/src",
    "worker/src",
    "console/src",
    "ops/src",
];
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_of_a_running_stack_is_json_with_documented_fields_and_each_event_has_one() {
    let levels = [("LOG_LEVEL", "info,tidegate_gateway=debug,gateway=debug,worker=debug,shared=debug")];
    let mut stack = Stack::start_with(Combination::RabbitPostgres, &levels).await;
    let (events, _) = Stories::of_seed(11).history(200);
    let ids: BTreeSet<String> = events.iter().map(|event| event.id.clone()).collect();
    let twice = events.clone();
    let log = SendLog::default();
    for events in [events, twice] {
        let answers = send_all(&log, events, 4, || stack.client()).await;
        assert!(answers.iter().all(|answer| answer.accepted()));
    }
    let mut stranger = Client::new(stack.gateway(), "whsec_00000000000000000000");
    assert!(!stranger.send(&Bytes::from_static(b"{}")).await.accepted());
    let folder = stack.folder().to_owned();
    until("a line for every event", PATIENCE, async || Ok(handled(&folder).len() >= ids.len()))
        .await
        .unwrap();
    stack.halt().await;

    let documented = documented();
    let told = handled(&folder);
    assert_eq!(told.keys().cloned().collect::<BTreeSet<_>>(), ids);
    assert!(told.values().all(|lines| *lines == 1), "a repetition has no line of its own at info");
    let mut refused = false;
    for line in lines(&folder) {
        let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        for field in line.as_object().unwrap().keys() {
            assert!(documented.contains(field), "{field} is not in docs/logs.md: {line}");
        }
        refused |= line["message"] == "webhook not accepted" && line["reason"] == "wrong_mac";
    }
    assert!(refused, "the forged webhook has a line");
}

#[test]
fn the_documented_fields_are_those_of_the_code() {
    let mut used: BTreeMap<String, String> = BTreeMap::new();
    for folder in CRATES {
        for (file, source) in sources(&path(folder)) {
            for field in fields(&source) {
                used.entry(field).or_insert_with(|| file.clone());
            }
        }
    }
    // What the formatter adds to every line.
    for field in ["timestamp", "level", "target", "message"] {
        used.insert(field.to_owned(), "shared/src/telemetry.rs".to_owned());
    }
    let documented = documented();
    let missing: Vec<_> = used.iter().filter(|(field, _)| !documented.contains(*field)).collect();
    assert!(missing.is_empty(), "not in docs/logs.md: {missing:?}");
    let gone: Vec<_> = documented.iter().filter(|field| !used.contains_key(*field)).collect();
    assert!(gone.is_empty(), "in docs/logs.md and nowhere in the code: {gone:?}");
}

#[test]
fn fields_are_found_in_the_code_as_people_write_them() {
    let source =
        r#"tracing::info!(a, %b, c = x.y(1, "p, q"), ?d, e = ?f(), "text, {g}"); tracing::debug!("none");"#;
    assert_eq!(fields(source), ["a", "b", "c", "d", "e"]);
}

/// The first column of the tables in docs/logs.md.
fn documented() -> BTreeSet<String> {
    let page = text("docs/logs.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned())).collect()
}

/// How many lines each handled event has.
fn handled(folder: &Path) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for line in lines(folder) {
        let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
        if line["message"] == "event handled" {
            *told.entry(line["event_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    told
}

fn lines(folder: &Path) -> Vec<String> {
    let files = ["gateway", "worker-1", "worker-2"].map(|name| folder.join(format!("{name}.log")));
    let read = |file: &std::path::PathBuf| std::fs::read_to_string(file).unwrap_or_default();
    files.iter().flat_map(|file| read(file).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap().path();
        if entry.is_dir() {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push((entry.display().to_string(), std::fs::read_to_string(&entry).unwrap()));
        }
    }
    found
}

/// The names of all fields in calls of `tracing`'s macros.
fn fields(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for level in LEVELS {
        let call = format!("tracing::{level}!(");
        for (at, _) in source.match_indices(&call) {
            for part in arguments(&source[at + call.len()..]) {
                let name = part.split('=').next().unwrap_or_default().trim().trim_start_matches(['%', '?']);
                let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
                if is_name && !name.is_empty() {
                    found.push(name.to_owned());
                }
            }
        }
    }
    found.sort();
    found
}

/// The arguments of a call, given what follows its opening parenthesis.
fn arguments(rest: &str) -> Vec<String> {
    let (mut depth, mut in_text, mut part, mut parts) = (0, false, String::new(), Vec::new());
    let mut before = ' ';
    for c in rest.chars() {
        match c {
            '"' if before != '\\' => in_text = !in_text,
            '(' | '[' | '{' if !in_text => depth += 1,
            ')' if !in_text && depth == 0 => break,
            ')' | ']' | '}' if !in_text => depth -= 1,
            ',' if !in_text && depth == 0 => {
                parts.push(std::mem::take(&mut part));
                before = c;
                continue;
            }
            _ => {}
        }
        part.push(c);
        before = c;
    }
    parts.push(part);
    parts
}
