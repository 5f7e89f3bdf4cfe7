//! What people watch: metrics, rules, dashboards, logs and the runbook. Each is held against the running
//! product, so that none of them can speak of what is not there.

mod backfill;
mod files;
mod live;
mod logs;
mod runbook;
mod scrapes;
mod types;

use std::path::PathBuf;

use harness::binaries::workspace;

const RULES: &str = "observability/rules/tidegate.yaml";
const DASHBOARDS: &str = "observability/grafana/dashboards";
const RUNBOOK: &str = "docs/runbook.md";

fn path(of: &str) -> PathBuf {
    workspace().join(of)
}

/// What a script of the repository says, or why it refuses.
fn script(name: &str, arguments: &[&str]) -> Result<String, String> {
    crate::manifests::render::run(std::process::Command::new(path("scripts").join(name)).args(arguments), "")
}

fn text(of: &str) -> String {
    std::fs::read_to_string(path(of)).unwrap_or_else(|error| panic!("{of}: {error}"))
}

/// The names of all alerts, in the order of the file.
fn alerts() -> Vec<String> {
    let rules = text(RULES);
    rules.lines().filter_map(|line| Some(line.trim().strip_prefix("- alert: ")?.to_owned())).collect()
}

/// Every dashboard by the name of its file.
fn dashboards() -> Vec<(String, serde_json::Value)> {
    let files = std::fs::read_dir(path(DASHBOARDS)).expect("there are dashboards");
    let mut found: Vec<(String, serde_json::Value)> = files
        .map(|file| {
            let file = file.expect("a folder can be listed").path();
            let name = file.file_name().expect("a file has a name").to_string_lossy().into_owned();
            let json = std::fs::read_to_string(&file).expect("a dashboard can be read");
            (name, serde_json::from_str(&json).expect("a dashboard is JSON"))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// The panels of a dashboard that show something.
fn panels(dashboard: &serde_json::Value) -> Vec<&serde_json::Value> {
    let panels = dashboard["panels"].as_array().expect("a dashboard has panels");
    panels.iter().filter(|panel| panel["type"] != "row").collect()
}
