//! The dashboards reach Grafana as they are: each in a `ConfigMap` that its sidecar finds.

use std::collections::BTreeSet;

use harness::binaries::workspace;
use serde_json::Value;

use super::render::{file, kind, name, overlay};

const FOLDER: &str = "observability/grafana/dashboards";
/// What `kubectl apply` may keep of an object in its annotations.
const APPLIED_LIMIT_BYTES: usize = 256 * 1024;

#[test]
fn every_dashboard_is_in_a_config_map_that_grafanas_sidecar_finds() {
    let is_one =
        |object: &&Value| kind(object) == "ConfigMap" && name(object).starts_with("tidegate-dashboard-");
    let mut given = BTreeSet::new();
    for map in overlay("production").iter().filter(is_one) {
        assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1", "{}", name(map));
        assert!(map.to_string().len() < APPLIED_LIMIT_BYTES, "{} cannot be applied", name(map));
        for (file_name, content) in map["data"].as_object().unwrap() {
            assert_eq!(content.as_str().unwrap(), file(&format!("{FOLDER}/{file_name}")), "{file_name}");
            given.insert(file_name.clone());
        }
    }
    let there = std::fs::read_dir(workspace().join(FOLDER)).unwrap().flatten();
    let there: BTreeSet<String> = there.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(given, there);
    assert_eq!(overlay("dev").iter().filter(is_one).count(), 0, "development has no Grafana");
}
