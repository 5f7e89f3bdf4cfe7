//! What runs at GitHub, which cannot run here: judged by the published schemas, by actionlint, and by what a workflow
//! of ours must never be.

use std::fs;
use std::process::Command;

use harness::binaries::workspace;
use serde_json::Value;

use super::{path, script};
use crate::manifests::render::{documents, file, peer, run};

const WORKFLOWS: [&str; 2] = ["ci", "release"];
/// What actionlint 2.0.6, which is older than they are, does not know.
const YOUNGER: [&str; 3] = [
    "label \"ubuntu-24.04\" is unknown",
    "label \"ubuntu-24.04-arm\" is unknown",
    "unknown permission scope \"attestations\"",
];

fn workflow(name: &str) -> (String, Value) {
    let text = file(&format!(".github/workflows/{name}.yml"));
    let parsed = documents(&text).remove(0);
    (text, parsed)
}

fn jobs(workflow: &Value) -> impl Iterator<Item = (&String, &Value)> {
    workflow["jobs"].as_object().expect("a workflow has jobs").iter()
}

fn steps(job: &Value) -> impl Iterator<Item = &Value> {
    job["steps"].as_array().expect("a job has steps").iter()
}

fn schema(name: &str, of: &std::path::Path) -> Result<String, String> {
    run(Command::new(peer("python/bin/check-jsonschema")).args(["--builtin-schema", name]).arg(of), "")
}

/// What actionlint finds, without what it cannot know.
fn faults(of: &[std::path::PathBuf]) -> Vec<String> {
    let mut node = Command::new("node");
    node.arg(workspace().join("tests/peers/lint.mjs")).arg(path("target/peers/node")).args(of);
    let found: Vec<Value> = serde_json::from_str(&run(&mut node, "").unwrap()).unwrap();
    let messages = found.iter().map(|fault| {
        format!(
            "{}:{}: {}",
            fault["file"].as_str().unwrap(),
            fault["line"],
            fault["message"].as_str().unwrap()
        )
    });
    messages.filter(|message| !YOUNGER.iter().any(|known| message.contains(known))).collect()
}

#[test]
fn the_published_schemas_take_every_file() {
    for (name, of) in [
        ("vendor.github-workflows", ".github/workflows/ci.yml"),
        ("vendor.github-workflows", ".github/workflows/release.yml"),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/bug.yml"),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/feature.yml"),
        ("vendor.github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
        ("vendor.dependabot", ".github/dependabot.yml"),
        ("vendor.compose-spec", "compose.yaml"),
    ] {
        schema(name, &path(of)).unwrap();
    }
    schema("vendor.github-workflows", &path("compose.yaml")).expect_err("the schemas are looked at");
    let there = fs::read_dir(path(".github/workflows")).unwrap().count();
    assert_eq!(there, WORKFLOWS.len(), "every workflow is judged");
}

#[test]
fn actionlint_finds_no_fault_in_the_workflows_and_one_where_there_is_one() {
    let files = WORKFLOWS.map(|name| path(&format!(".github/workflows/{name}.yml")));
    assert_eq!(faults(&files), [""; 0]);
    let folder = path("target/repository").join(shared::trace::random_hex::<8>());
    fs::create_dir_all(&folder).unwrap();
    let spoiled = folder.join("release.yml");
    let text = file(".github/workflows/release.yml");
    fs::write(
        &spoiled,
        text.replace("matrix.role", "matrix.rolle").replace("[evidence, binaries, images]", "[binary]"),
    )
    .unwrap();
    let found = faults(&[spoiled]);
    fs::remove_dir_all(folder).unwrap();
    assert!(found.iter().any(|fault| fault.contains("\"rolle\"")), "{found:?}");
    assert!(found.iter().any(|fault| fault.contains("needs job \"binary\"")), "{found:?}");
}

#[test]
fn nothing_of_others_is_run_but_what_was_pinned() {
    for name in WORKFLOWS {
        let (text, _) = workflow(name);
        for used in text.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses: "))
        {
            let (action, version) =
                used.split_once(" # v").unwrap_or_else(|| panic!("{used}: which version?"));
            let pin = action.split_once('@').expect("an action has a version").1;
            assert!(pin.len() == 40 && pin.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}: {used}");
            assert_eq!(version.split('.').count(), 3, "{name}: {used}");
        }
    }
}

#[test]
fn jobs_end_in_time_have_few_rights_and_do_not_hide_a_failure() {
    for name in WORKFLOWS {
        let (_, workflow) = workflow(name);
        assert_eq!(workflow["permissions"], serde_json::json!({ "contents": "read" }), "{name}");
        assert_eq!(
            workflow["defaults"]["run"]["shell"], "bash",
            "{name}: `| tee` would hide a failure without"
        );
        for (job, told) in jobs(&workflow) {
            assert!(told["timeout-minutes"].as_u64().is_some_and(|minutes| minutes <= 120), "{name}: {job}");
            let writes =
                told["permissions"].as_object().into_iter().flatten().filter(|(_, right)| *right == "write");
            let publishes = name == "release" && ["images", "publish"].contains(&job.as_str());
            assert!(publishes || writes.count() == 0, "{name}: {job} may write");
            for step in steps(told) {
                let is_checkout =
                    step["uses"].as_str().is_some_and(|used| used.starts_with("actions/checkout@"));
                assert!(
                    !is_checkout || step["with"]["persist-credentials"] == false,
                    "{name}: {job} keeps its token"
                );
                let run = step["run"].as_str().unwrap_or_default();
                let asks_others =
                    ["github.event.", "github.head_ref", "inputs."].iter().any(|it| run.contains(it));
                assert!(!asks_others, "{name}: {job}: somebody else's text would be run");
            }
        }
    }
}

/// The same checks as for everybody, by the compiler that Cargo.toml and the images name.
#[test]
fn both_workflows_run_what_a_change_is_judged_by() {
    let manifest = file("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")).unwrap();
    let toolchain = format!("{}.0", version.trim_end_matches('"'));
    for (name, job) in [("ci", "run"), ("release", "evidence")] {
        let (_, workflow) = workflow(name);
        let job = &workflow["jobs"][job];
        let runs: Vec<&str> = steps(job).filter_map(|step| step["run"].as_str()).collect();
        assert!(
            runs.iter().any(|run| run.contains(".ci/run 2>&1 | tee target/evidence/")),
            "{name}: {runs:?}"
        );
        assert!(runs.iter().any(|run| run.contains(&format!("rustup default {toolchain}\n"))), "{name}");
    }
    let (_, release) = workflow("release");
    let container = release["jobs"]["binaries"]["container"].as_str().unwrap();
    assert!(
        file("Dockerfile").contains(&format!("FROM {container} AS build")),
        "binaries and images are of one build"
    );
}

#[test]
fn a_release_publishes_only_what_was_tested_and_all_of_its_parts() {
    let (text, release) = workflow("release");
    let publish = &release["jobs"]["publish"];
    assert_eq!(publish["needs"], serde_json::json!(["evidence", "binaries", "images"]));
    assert_eq!(publish["if"], "github.ref_type == 'tag'");
    assert_eq!(
        release["jobs"]["images"]["needs"],
        serde_json::json!(["evidence"]),
        "no image before the tests"
    );
    let roles = release.pointer("/jobs/images/strategy/matrix/role").unwrap();
    assert_eq!(*roles, serde_json::json!(["gateway", "worker", "ops"]), "one image a role");
    let runs: String =
        jobs(&release).flat_map(|(_, job)| steps(job)).filter_map(|step| step["run"].as_str()).collect();
    for part in [
        "scripts/release check \"$GITHUB_REF_NAME\"",
        "scripts/release build",
        "scripts/release evidence target/evidence",
        "scripts/demo --binary target/release/tidegate --folder target/evidence",
        "--sbom=true --provenance=mode=max",
        "$image@$digest",
        "scripts/release sums",
        "gh release create",
    ] {
        assert!(runs.contains(part), "{part}");
    }
    let usage = script("release", &[]).unwrap_err();
    for command in
        text.split("scripts/release ").skip(1).map(|rest| rest.split([' ', '\n', ')']).next().unwrap())
    {
        assert!(
            usage.contains(&format!("scripts/release {command}")),
            "{command} is no command of scripts/release"
        );
    }
    for name in ["release", "demo", "runbook-url"] {
        let first = file(&format!("scripts/{name}")).lines().next().unwrap().to_owned();
        assert!(first.ends_with("bash") || first.ends_with("python3"), "{name}: {first}");
    }
    run(Command::new("bash").arg("-n").arg(path("scripts/release")), "").unwrap();
}

#[test]
fn owners_own_paths_that_there_are() {
    let owners = file(".github/CODEOWNERS");
    let rules: Vec<(&str, Vec<&str>)> = owners
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split_whitespace();
            (words.next().expect("a path"), words.collect())
        })
        .collect();
    assert_eq!(rules[0].0, "*", "everything has an owner");
    for (owned, by) in &rules {
        assert!(!by.is_empty() && by.iter().all(|owner| owner.starts_with('@')), "{owned}: {by:?}");
        assert!(*owned == "*" || path(owned.trim_start_matches('/')).exists(), "{owned} is not in the tree");
    }
}

#[test]
fn a_demo_is_recorded_as_a_terminal_shows_it() {
    let folder = path("target/repository").join(shared::trace::random_hex::<8>());
    let binary = harness::binaries::binary("tidegate");
    let arguments = ["--binary", binary.to_str().unwrap(), "--folder", folder.to_str().unwrap()];
    script("demo", &arguments).unwrap();
    let (text, cast) =
        ["demo.txt", "demo.cast"].map(|name| fs::read_to_string(folder.join(name)).unwrap()).into();
    fs::remove_dir_all(folder).unwrap();
    for shown in [
        "$ tidegate send dispute-lost\n",
        "$ tidegate show invoice in_",
        "charged_back",
        "$ tidegate status\n",
    ] {
        assert!(text.contains(shown), "{shown} is not in\n{text}");
    }
    assert!(!text.contains(workspace().to_str().unwrap()), "it shows no path of this machine");
    let mut lines = cast.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(lines.next().unwrap()["version"], 2);
    let moments: Vec<f64> = lines.map(|event| event[0].as_f64().unwrap()).collect();
    assert!(moments.len() > 10 && moments.is_sorted(), "{moments:?}");
}
