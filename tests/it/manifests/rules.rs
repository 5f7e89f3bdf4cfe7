//! The PrometheusRule is the very file that Prometheus reads, in the form that the operator takes.

use std::process::Command;

use harness::binaries::workspace;

use super::render::{file, run};

/// Whether there are rules to be made into objects.
pub(super) fn are_there() -> bool {
    workspace().join("observability/rules").is_dir()
}

#[test]
fn the_prometheus_rule_is_made_of_the_rules_as_they_are_now() {
    let made = workspace().join("k8s/components/monitoring/prometheus-rule.yaml");
    let listed = file("k8s/components/monitoring/kustomization.yaml").contains("- prometheus-rule.yaml");
    assert_eq!((made.is_file(), listed), (are_there(), are_there()), "run scripts/prometheus-rule");
    if are_there() {
        let now = run(Command::new(workspace().join("scripts/prometheus-rule")).arg("--print"), "").unwrap();
        assert!(
            now == file("k8s/components/monitoring/prometheus-rule.yaml"),
            "stale: run scripts/prometheus-rule"
        );
    }
}
