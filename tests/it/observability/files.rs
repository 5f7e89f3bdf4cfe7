//! What can be said of rules and dashboards without running anything but promtool.

use std::collections::BTreeSet;

use harness::prometheus::promtool;
use serde_json::Value;

use super::live::selectors;
use super::{RULES, RUNBOOK, alerts, dashboards, panels, path, text};

const TESTS: [&str; 8] = ["intake", "work", "money", "days", "operations", "notices", "findings", "goods"];

/// Where the runbook is published: one place, which `scripts/runbook-url` changes.
fn runbook_url() -> String {
    text("observability/runbook-url").trim().to_owned()
}

fn tests_of_rules() -> Vec<String> {
    TESTS.iter().map(|name| format!("observability/rules/tests/{name}.yaml")).collect()
}

#[test]
fn promtool_accepts_the_rules_and_their_tests_pass() {
    let rules = path(RULES);
    promtool(&["check", "rules", &rules.to_string_lossy()], "").unwrap();
    let namespaces = "observability/rules/tests/namespaces.yaml".to_owned();
    for tests in tests_of_rules().into_iter().chain([namespaces]) {
        promtool(&["test", "rules", &path(&tests).to_string_lossy()], "").unwrap();
    }
    let config = path("observability/prometheus.yml");
    promtool(&["check", "config", "--syntax-only", &config.to_string_lossy()], "").unwrap();
}

#[test]
fn each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() {
    let cases: String = tests_of_rules().iter().map(|tests| text(tests)).collect();
    for alert in alerts() {
        for word in ["fires", "does not fire"] {
            let case = format!("- name: '{alert} {word}: ");
            assert_eq!(cases.matches(&case).count(), 1, "{case}");
        }
        let expected = format!("alertname: {alert}\n");
        assert_eq!(cases.matches(&expected).count(), 2, "both cases of {alert} look at it");
    }
    assert_eq!(cases.matches("exp_alerts: []").count(), alerts().len());
}

#[test]
fn each_alert_says_how_bad_it_is_and_what_to_do() {
    let rules = text(RULES);
    let mut blocks = rules.split("- alert: ");
    blocks.next();
    let names = alerts();
    assert!(names.len() > 30 && names.iter().collect::<BTreeSet<_>>().len() == names.len());
    for (alert, block) in names.iter().zip(blocks) {
        let severities = ["critical", "warning", "info"].map(|name| format!("labels: {{severity: {name}}}"));
        assert!(severities.iter().any(|labels| block.contains(labels)), "{alert} has no severity");
        for annotation in ["summary: ", "description: "] {
            assert!(block.contains(annotation), "{alert} has no {annotation}");
        }
        let link = format!("runbook_url: {}#{}\n", runbook_url(), alert.to_lowercase());
        assert!(block.contains(&link), "{alert} lacks {link}");
    }
}

#[test]
fn dashboards_are_laid_out_well() {
    let all = dashboards();
    assert_eq!(all.len(), 5);
    let runbook = text(RUNBOOK).to_lowercase();
    for (name, dashboard) in &all {
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        assert!(
            variables.iter().any(|it| it["name"] == "datasource" && it["type"] == "datasource"),
            "{name}"
        );
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for panel in dashboard["panels"].as_array().unwrap() {
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{name}: an id is used twice");
            for cell in cells(panel) {
                assert!(taken.insert(cell), "{name}: {} overlaps another panel", panel["title"]);
            }
        }
        for panel in panels(dashboard) {
            let place = format!("{name}: {}", panel["title"]);
            assert!(panel["description"].as_str().unwrap().len() > 10, "{place} does not say what it shows");
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{place} has no unit");
            assert!(panel["fieldConfig"]["defaults"]["thresholds"]["steps"].is_array(), "{place}");
            let targets = panel["targets"].as_array().unwrap();
            assert!(!targets.is_empty(), "{place} asks nothing");
            for asked in targets.iter().chain([panel]) {
                assert_eq!(asked["datasource"]["uid"], "${datasource}", "{place}");
            }
            for link in panel["links"].as_array().into_iter().flatten() {
                let (page, anchor) = link["url"].as_str().unwrap().split_once('#').unwrap();
                assert_eq!(page, runbook_url(), "{place}");
                assert!(runbook.contains(&format!("## {anchor}\n")), "{place}: no section {anchor}");
            }
        }
    }
}

/// The cells of the grid that a panel covers; the grid is 24 wide.
fn cells(panel: &Value) -> Vec<(u64, u64)> {
    let of = |name: &str| panel["gridPos"][name].as_u64().unwrap();
    assert!(of("x") + of("w") <= 24, "{} is too wide", panel["title"]);
    (of("y")..of("y") + of("h")).flat_map(|y| (of("x")..of("x") + of("w")).map(move |x| (x, y))).collect()
}

#[test]
fn links_to_the_runbook_work_from_anywhere_and_have_one_base() {
    let base = runbook_url();
    assert!(base.starts_with("https://") && !base.ends_with('/') && !base.contains('#'), "{base}");
    let mut links = Vec::new();
    for (name, dashboard) in dashboards() {
        let of_panels =
            panels(&dashboard).into_iter().flat_map(|panel| panel["links"].as_array().into_iter().flatten());
        let of_dashboard =
            dashboard["links"].as_array().unwrap().iter().filter(|link| link["type"] == "link");
        let urls = of_panels.chain(of_dashboard).map(|link| link["url"].as_str().unwrap().to_owned());
        links.extend(urls.map(|url| (name.clone(), url)));
    }
    assert!(links.len() > 30, "{links:?}");
    for (name, url) in &links {
        assert!(*url == base || url.starts_with(&format!("{base}#")), "{name}: {url}");
    }
    let told = super::script("runbook-url", &[]).unwrap();
    assert_eq!(told.trim(), base);
    super::script("runbook-url", &["runbook.md"]).expect_err("a path works from nowhere else");
}

#[test]
fn every_panel_is_of_the_chosen_namespace_and_job() {
    for (name, dashboard) in dashboards() {
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        for (variable, everything) in [("namespace", ".*"), ("job", "tidegate.*")] {
            let found = variables.iter().find(|it| it["name"] == variable).expect(variable);
            assert_eq!(
                (&found["allValue"], &found["includeAll"]),
                (&everything.into(), &true.into()),
                "{name}"
            );
            assert_eq!(found["current"]["value"][0], "$__all", "{name}: nothing is left out unasked");
        }
        for panel in panels(&dashboard) {
            for target in panel["targets"].as_array().unwrap() {
                for selector in selectors(target["expr"].as_str().unwrap()) {
                    let place = format!("{name}: {}: {selector}", panel["title"]);
                    assert!(selector.contains("namespace=~\"$namespace"), "{place}");
                    // What rules record is of no one job.
                    let is_raw = selector.starts_with("tidegate_") || selector.starts_with("process_");
                    assert_eq!(selector.contains("job=~\"$job\""), is_raw, "{place}");
                }
            }
        }
    }
}

/// A figure of two installations together would hide the trouble of the smaller one.
#[test]
fn every_rule_keeps_namespaces_apart() {
    let rules = text(RULES);
    for sum in ["sum(", "max(", "min(", "avg(", "count("] {
        let is_whole =
            |at: usize| !rules[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        let found = rules.match_indices(sum).find(|(at, _)| is_whole(*at));
        assert!(found.is_none(), "{sum}…) has no `by (namespace)`");
    }
    for (at, grouping) in [" by (", " on ("].into_iter().flat_map(|it| rules.match_indices(it)) {
        assert!(rules[at + grouping.len()..].starts_with("namespace"), "{}", &rules[at..at + 40]);
    }
}

#[test]
fn alertmanager_takes_its_configuration_and_calls_somebody_for_every_severity() {
    const CONFIGURATION: &str = "observability/alertmanager.yml";
    let amtool = |arguments: &[&str]| {
        let output =
            std::process::Command::new("amtool").args(arguments).output().expect("amtool is installed");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let file = path(CONFIGURATION).to_string_lossy().into_owned();
    amtool(&["check-config", &file]);
    for (labels, receivers) in [
        (["severity=critical", "alertname=Other"], "page,outages"),
        (["severity=warning", "alertname=Other"], "outages"),
        (["severity=info", "alertname=Other"], "work"),
        (["severity=critical", "alertname=TidegateNewDispute"], "page,disputes"),
        (["severity=warning", "alertname=TidegateApprovalWaits"], "payments"),
        (["severity=warning", "alertname=TidegateDisputesHigh"], "fraud"),
    ] {
        let configuration = format!("--config.file={file}");
        let routed = amtool(&[&["config", "routes", "test", &configuration], &labels[..]].concat());
        assert_eq!(routed, receivers, "{labels:?}");
    }
    let (known, told) = (alerts(), text(CONFIGURATION));
    let named = told.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.starts_with("Tidegate"));
    for alert in named {
        assert!(known.iter().any(|name| name == alert), "there is no alert {alert}");
    }
}
