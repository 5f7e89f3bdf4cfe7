//! Dockerfile and compose.yaml, without a Docker engine: what they build is what the tree builds, bases are
//! pinned, nobody is root, and nothing listens beyond this machine.

use std::collections::{BTreeMap, BTreeSet};

use console::ConsoleConfig;
use gateway::GatewayConfig;
use harness::binaries::{binary, workspace};
use ledger::LedgerConfig;
use serde_json::Value;
use shared::queue::QueueConfig;
use worker::WorkerConfig;

use super::render::{containers, documents, file, overlay, pods, run};
use super::rules;
use super::settings::{SECRET, env_of, number, variables};

const MARGIN_SECS: u64 = 5;

/// The Dockerfile's instructions, each on one line, by stage.
fn stages() -> Vec<(String, Vec<(String, String)>)> {
    let text = file("Dockerfile").replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut stages: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for line in lines {
        let (instruction, rest) = line.split_once(' ').unwrap();
        if instruction == "FROM" {
            stages.push((rest.split(" AS ").nth(1).expect("every stage has a name").to_owned(), Vec::new()));
        }
        let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
        stages.last_mut().expect("FROM comes first").1.push((instruction.to_owned(), rest));
    }
    stages
}

fn instructions<'a>(
    stages: &'a [(String, Vec<(String, String)>)],
    wanted: &'a str,
) -> impl Iterator<Item = &'a str> {
    let all = stages.iter().flat_map(|(_, lines)| lines);
    all.filter(move |(instruction, _)| instruction == wanted).map(|(_, rest)| rest.as_str())
}

#[test]
fn bases_are_pinned_and_nothing_is_fetched_past_them() {
    let stages = stages();
    let names: BTreeSet<&str> = stages.iter().map(|(name, _)| name.as_str()).collect();
    for from in instructions(&stages, "FROM") {
        let base = from.split(' ').next().unwrap();
        let is_pinned = base.split_once("@sha256:").is_some_and(|(_, digest)| digest.len() == 64)
            || base.split_once(':').is_some_and(|(_, tag)| tag.matches('.').count() >= 2);
        assert!(names.contains(base) || is_pinned, "{base} may be another tomorrow");
    }
    assert_eq!(instructions(&stages, "ADD").count(), 0, "ADD fetches and unpacks");
    let toolchain = format!("rust:{}.0-", rust_version());
    assert!(
        instructions(&stages, "FROM").any(|from| from.starts_with(&toolchain)),
        "the build is by {toolchain}"
    );
}

#[test]
fn what_is_copied_exists_and_the_build_is_the_trees_own() {
    let stages = stages();
    let mut copied = BTreeSet::new();
    for copy in instructions(&stages, "COPY").filter(|copy| !copy.starts_with("--from=")) {
        let parts: Vec<&str> = copy.split(' ').collect();
        for source in &parts[..parts.len() - 1] {
            assert!(workspace().join(source).exists(), "{source} is not in the tree");
            copied.insert((*source).to_owned());
        }
    }
    let kept: BTreeSet<String> =
        file(".dockerignore").lines().filter_map(|line| line.strip_prefix('!')).map(str::to_owned).collect();
    assert_eq!(copied, kept, ".dockerignore lets through what is copied, and nothing else");
    assert!(file(".dockerignore").lines().any(|line| line == "*"));
    let manifest = file("Cargo.toml");
    let members = manifest.lines().find_map(|line| line.strip_prefix("members = [")).unwrap();
    for member in members.trim_end_matches(']').split(", ").map(|member| member.trim_matches('"')) {
        let manifest = format!("{member}/Cargo.toml");
        let folder = member.split('/').next().unwrap();
        assert!(
            copied.contains(folder) || copied.contains(&manifest),
            "cargo wants every member of the workspace: {member}"
        );
    }
}

/// The three binaries that images run, and nothing of benches and tests.
#[test]
fn the_build_makes_the_binaries_of_the_images_and_nothing_else() {
    let stages = stages();
    let build = instructions(&stages, "RUN").find(|run| run.contains("cargo build")).unwrap();
    let cargo = build.split("cargo build ").nth(1).unwrap().split(" && ").next().unwrap();
    assert_eq!(cargo, "--release --locked --package gateway --package worker --package ops --bins");
    let install = build.split("install -D --strip --target-directory=/out ").nth(1).unwrap();
    assert_eq!(
        install,
        "target/release/tidegate-gateway target/release/tidegate-worker target/release/tidegate"
    );
}

/// What the image's folder holds when cargo is called: the copied paths, and the stubs of what is not built.
#[test]
fn the_build_finds_its_workspace_complete() {
    let folder = workspace().join("target/repository").join(shared::trace::random_hex::<8>());
    std::fs::create_dir_all(&folder).unwrap();
    let stages = stages();
    for copy in instructions(&stages, "COPY").filter(|copy| !copy.starts_with("--from=")) {
        let parts: Vec<&str> = copy.split(' ').collect();
        let (to, sources) = parts.split_last().unwrap();
        for source in sources {
            let is_folder = workspace().join(source).is_dir();
            let to = if is_folder {
                folder.join(to)
            } else {
                folder.join(to).join(source.rsplit('/').next().unwrap())
            };
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            let from = workspace().join(source);
            std::os::unix::fs::symlink(from, to).unwrap();
        }
    }
    let stubs = instructions(&stages, "RUN").find(|run| !run.contains("cargo")).unwrap();
    let [mut cargo, mut stub] = [std::process::Command::new("cargo"), std::process::Command::new("sh")];
    run(stub.arg("-ec").arg(stubs).current_dir(&folder), "").unwrap();
    cargo.args(["metadata", "--locked", "--offline", "--format-version=1"]).current_dir(&folder);
    let told = run(&mut cargo, "");
    std::fs::remove_dir_all(&folder).unwrap();
    told.unwrap();
}

/// Each image's command for its health, by the image's name.
pub(crate) fn health_checks() -> BTreeMap<String, Vec<String>> {
    let all = stages();
    let checks = all.iter().filter_map(|(name, lines)| {
        let (_, check) = lines.iter().find(|(instruction, _)| instruction == "HEALTHCHECK")?;
        let words = check.split(" CMD ").nth(1).expect("a health check is a command");
        Some((name.clone(), serde_json::from_str(words).expect("without a shell, as there is none")))
    });
    checks.collect()
}

#[test]
fn compose_watches_each_process_by_its_images_own_check() {
    let (services, checks) = (services(), health_checks());
    assert_eq!(checks.keys().collect::<Vec<_>>(), ["gateway", "worker"], "who listens is checked");
    for (name, words) in &checks {
        let test = services[name]["healthcheck"]["test"].as_array().unwrap();
        let told: Vec<&str> = test.iter().map(|word| word.as_str().unwrap()).collect();
        assert_eq!(
            (told[0], &told[1..]),
            ("CMD", words.iter().map(String::as_str).collect::<Vec<_>>().as_slice())
        );
    }
    for (name, service) in services.iter().filter(|(_, service)| service["restart"] != "no") {
        assert!(service["healthcheck"]["test"].is_array(), "nobody knows how {name} is");
    }
}

/// By the names and ports that they have in compose.yaml.
#[test]
fn prometheus_scrapes_every_process_and_the_broker_and_tells_the_alertmanager() {
    let services = services();
    let configuration = documents(&file("observability/prometheus.yml")).remove(0);
    let targets = |of: &Value| -> BTreeSet<String> {
        let found = of["static_configs"].as_array().unwrap().iter();
        found
            .flat_map(|it| it["targets"].as_array().unwrap())
            .map(|it| it.as_str().unwrap().to_owned())
            .collect()
    };
    let scraped: BTreeSet<String> =
        configuration["scrape_configs"].as_array().unwrap().iter().flat_map(targets).collect();
    let port = |service: &str, variable: &str| {
        let address = environment(&services[service]).remove(variable).unwrap();
        format!("{service}:{}", address.rsplit(':').next().unwrap())
    };
    let expected = [
        port("gateway", "GATEWAY_INTERNAL_ADDR"),
        port("worker", "WORKER_INTERNAL_ADDR"),
        port("console", "CONSOLE_INTERNAL_ADDR"),
        "rabbitmq:15692".to_owned(),
        "alertmanager:9093".to_owned(),
    ];
    assert_eq!(scraped, expected.into());
    let told = targets(&configuration["alerting"]["alertmanagers"][0]);
    assert_eq!(told, ["alertmanager:9093".to_owned()].into());
    assert!(services.contains_key("alertmanager"));
    let plugins = services["rabbitmq"]["volumes"].to_string();
    assert!(plugins.contains("./observability/rabbitmq/enabled_plugins:/etc/rabbitmq/enabled_plugins:ro"));
    assert!(
        file("observability/rabbitmq/enabled_plugins").contains("rabbitmq_prometheus"),
        "15692 is its port"
    );
}

#[test]
fn every_image_runs_a_binary_of_ours_as_nobody() {
    let stages = stages();
    let of = |name: &str| {
        stages.iter().find(|(found, _)| found == name).map(|(_, lines)| lines.as_slice()).unwrap()
    };
    let users: Vec<&str> = instructions(&stages, "USER").collect();
    assert_eq!(users, ["65532:65532"], "a number, set once, below every image");
    for (role, program, also) in [
        ("gateway", "tidegate-gateway", None),
        ("worker", "tidegate-worker", Some("tidegate")),
        ("ops", "tidegate", None),
    ] {
        let lines = of(role);
        assert_eq!(lines[0].1, format!("runtime AS {role}"));
        let entry = lines.iter().find(|(instruction, _)| instruction == "ENTRYPOINT").unwrap();
        assert_eq!(entry.1, format!("[\"/usr/local/bin/{program}\"]"));
        for name in [Some(program), also].into_iter().flatten() {
            binary(name);
            let copy = format!("--from=build /out/{name} /usr/local/bin/{name}");
            assert!(lines.iter().any(|(_, rest)| *rest == copy), "{role} lacks {name}");
        }
        let exposed: BTreeSet<u64> = lines
            .iter()
            .filter(|(instruction, _)| instruction == "EXPOSE")
            .flat_map(|(_, ports)| ports.split(' ').map(|port| port.parse().unwrap()))
            .collect();
        let prefix = format!("{}_", role.to_uppercase());
        let listened =
            variables().iter().filter(|(name, _)| name.starts_with(&prefix) && name.ends_with("_ADDR"));
        let listened: BTreeSet<u64> =
            listened.map(|(_, address)| address.rsplit(':').next().unwrap().parse().unwrap()).collect();
        assert_eq!(exposed, listened, "{role}");
    }
}

/// With the version of the tree, and with commands that `tidegate` has.
#[test]
fn manifests_and_compose_run_images_that_the_dockerfile_makes() {
    let version = env!("CARGO_PKG_VERSION");
    let targets = ["gateway", "worker", "ops"];
    let is_made = |image: &str| {
        let (name, tag) = image.rsplit_once(':').unwrap();
        let role = name.rsplit('/').next().unwrap();
        targets.contains(&role) && tag == version
    };
    let is_command = |arguments: &Value| {
        let words = arguments.as_array().unwrap().iter().map(|word| word.as_str().unwrap());
        let told = std::process::Command::new(binary("tidegate")).arg("help").args(words).output().unwrap();
        told.status.success()
    };
    for of in ["dev", "production"] {
        for (_, template) in pods(overlay(of)).into_iter().filter(|(name, _)| name.starts_with("tidegate-")) {
            for container in containers(template) {
                let image = container["image"].as_str().unwrap();
                assert!(is_made(image), "{of}: {image}");
                assert!(container["command"].is_null(), "the image's own entry point is run");
                let is_ops = image.contains("tidegate/ops:");
                assert!(container["args"].is_null() != is_ops && (!is_ops || is_command(&container["args"])));
            }
        }
    }
    for (name, service) in services() {
        let image = service["image"].as_str().unwrap();
        if let Some(target) = service["build"]["target"].as_str() {
            assert!(is_made(image) && image.starts_with(&format!("tidegate/{target}:")), "{name}: {image}");
            assert!(service["command"].is_null() || is_command(&service["command"]), "{name}");
        } else {
            let tag = image.rsplit_once(':').expect(image).1;
            assert!(tag.contains('.'), "{name}: {image} is not pinned");
        }
    }
}

/// What compose.yaml does without: `${NAME:+…}` and `${NAME:-…}`.
const OPTIONAL: [&str; 1] = ["BODY_KEYS"];

#[test]
fn compose_publishes_to_this_machine_only_and_keeps_no_secret() {
    for (name, service) in services() {
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {port}");
        }
        if service["build"].is_object() {
            assert_eq!(
                (&service["read_only"], &service["cap_drop"][0]),
                (&true.into(), &"ALL".into()),
                "{name}"
            );
        }
        for mount in service["volumes"].as_array().into_iter().flatten() {
            let mount = mount.as_str().unwrap();
            let Some((source, rest)) = mount.strip_prefix("./").and_then(|it| it.split_once(':')) else {
                continue;
            };
            assert!(rest.ends_with(":ro"), "{name}: {mount}");
            // What observability/ brings, it brings together with its rules.
            assert!(
                !rules::are_there() || workspace().join(source).exists(),
                "{name}: {source} is not there"
            );
        }
    }
    let asked: BTreeSet<String> = file("compose.yaml")
        .split("${")
        .skip(1)
        .map(|rest| {
            let name = rest.split(':').next().unwrap();
            let is_told = rest[name.len()..].starts_with(":?");
            assert!(is_told || OPTIONAL.contains(&name), "{name}: a missing value must be told");
            name.to_owned()
        })
        .collect();
    let told = file(".env.example");
    let offered: BTreeMap<&str, &str> =
        told.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).collect();
    assert_eq!(asked, offered.keys().map(|name| (*name).to_owned()).collect());
    assert!(offered.values().all(|value| value.is_empty()), "the example holds no secret");
    assert!(file(".gitignore").lines().any(|line| line == "/.env"));
}

#[test]
fn compose_sets_what_the_processes_accept_and_waits_for_what_they_need() {
    let services = services();
    for (name, service) in services.iter().filter(|(_, service)| service["build"].is_object()) {
        let found = environment(service);
        for variable in found.keys() {
            assert!(variables().contains_key(variable), "{name}: nothing reads {variable}");
        }
        let env = env_of(&found);
        if name == "gateway" {
            assert!(
                GatewayConfig::from_env(&env)
                    .map_err(|problem| problem.to_string())
                    .unwrap()
                    .unknown
                    .is_empty()
            );
        }
        if name == "worker" {
            WorkerConfig::from_env(&env).unwrap();
        }
        if name == "console" {
            let port = service["ports"][0].as_str().unwrap().rsplit_once(':').unwrap().0;
            assert_eq!(ConsoleConfig::from_env(&env).unwrap().url, format!("http://{port}"));
        }
        // What one of them encrypts, the other reads.
        assert_eq!(found.contains_key("STAFF_KEY"), ["worker", "console"].contains(&name.as_str()), "{name}");
        QueueConfig::from_env(&env).unwrap();
        LedgerConfig::from_env(&env).unwrap();
        let waits = service["depends_on"].as_object().unwrap();
        for (on, condition) in waits {
            let expected = if services[on]["build"].is_object() {
                "service_completed_successfully"
            } else {
                assert!(services[on]["healthcheck"]["test"].is_array(), "{on} tells when it is ready");
                "service_healthy"
            };
            assert_eq!(condition["condition"], expected, "{name} on {on}");
        }
        assert_eq!(found.contains_key("QUEUE_URL"), *name != "migrate");
    }
    let grace = |name: &str| {
        let told = services[name]["stop_grace_period"].as_str().unwrap().strip_suffix('s').unwrap();
        (environment(&services[name]), told.parse::<u64>().unwrap())
    };
    let (found, granted) = grace("gateway");
    let needed = number(&found, "GATEWAY_DRAIN_DEADLINE_SECS") + number(&found, "QUEUE_DEADLINE_SECS");
    assert!(needed + MARGIN_SECS <= granted);
    let (found, granted) = grace("console");
    let closing = number(&found, "QUEUE_DEADLINE_SECS") + number(&found, "DATABASE_DEADLINE_SECS");
    assert!(number(&found, "CONSOLE_DRAIN_DEADLINE_SECS") + closing + MARGIN_SECS <= granted);
    let (found, granted) = grace("worker");
    let closing = number(&found, "QUEUE_DEADLINE_SECS") + number(&found, "DATABASE_DEADLINE_SECS");
    assert!(number(&found, "WORKER_DRAIN_SECS") + closing + MARGIN_SECS <= granted);
}

fn services() -> BTreeMap<String, Value> {
    let compose = documents(&file("compose.yaml")).remove(0);
    compose["services"].as_object().unwrap().clone().into_iter().collect()
}

/// With something in the place of each `${NAME:?…}`, and without what nobody has to set.
fn environment(service: &Value) -> BTreeMap<String, String> {
    let told = |value: &str| {
        let mut parts = value.split("${");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            let (variable, rest) = part.split_once('}').unwrap();
            let value = if variable.contains(":?") { SECRET } else { "" };
            text + value + rest
        })
    };
    let pairs = service["environment"].as_object().unwrap();
    pairs.iter().map(|(name, value)| (name.clone(), told(value.as_str().unwrap()))).collect()
}

fn rust_version() -> String {
    let manifest = file("Cargo.toml");
    let line = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
    line.trim_matches('"').to_owned()
}
