//! The `PrometheusRule` is the very file that Prometheus reads, in the form that the operator takes.

use std::process::Command;

use harness::binaries::workspace;

use super::custom::faults;
use super::render::{documents, file, run};

const SAMPLE: &str = "\
# What stands before the groups.
groups:
  - name: sample

    rules:
      - record: sample:events:rate5m
        expr: |
          sum(
            rate(sample_total[5m])
          )
      - alert: Sample
        expr: sample:events:rate5m > 1
        for: 5m
        labels: { severity: page }
        annotations:
          summary: 'More than {{ $value | humanize }}: \"look\"'
";

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

#[test]
fn any_file_of_rules_becomes_an_object_that_says_the_same() {
    let folder = std::env::temp_dir().join(format!("tidegate-rules-{}", shared::trace::random_hex::<8>()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("sample.yaml");
    std::fs::write(&path, SAMPLE).unwrap();
    let print =
        Command::new(workspace().join("scripts/prometheus-rule")).arg("--print").arg(&path).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let made = documents(&String::from_utf8(print.stdout).unwrap());
    assert_eq!(made.len(), 1);
    assert_eq!(faults(&made[0]), [""; 0]);
    assert_eq!((&made[0]["metadata"]["name"], &made[0]["spec"]), (&"sample".into(), &documents(SAMPLE)[0]));
}
