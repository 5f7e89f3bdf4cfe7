//! What can be said of rules and dashboards without running anything but promtool.

use std::collections::BTreeSet;

use harness::prometheus::promtool;
use serde_json::Value;

use super::{RULES, RUNBOOK, alerts, dashboards, panels, path, text};

const TESTS: [&str; 4] = ["intake", "work", "money", "days"];

fn tests_of_rules() -> Vec<String> {
    TESTS.iter().map(|name| format!("observability/rules/tests/{name}.yaml")).collect()
}

#[test]
fn promtool_accepts_the_rules_and_their_tests_pass() {
    let rules = path(RULES);
    promtool(&["check", "rules", &rules.to_string_lossy()], "").unwrap();
    for tests in tests_of_rules() {
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
        let link = format!("runbook_url: {RUNBOOK}#{}\n", alert.to_lowercase());
        assert!(block.contains(&link), "{alert} lacks {link}");
    }
}

#[test]
fn dashboards_are_laid_out_well() {
    let all = dashboards();
    assert_eq!(all.len(), 4);
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
                assert_eq!(page, RUNBOOK, "{place}");
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
