//! What k8s/, the Dockerfile and compose.yaml say, checked without a cluster: everything renders, the published
//! schemas accept it, and every name in it is one of the code's, both ways.

mod custom;
mod dashboards;
pub(crate) mod images;
mod names;
mod network;
mod pods;
pub(crate) mod render;
mod rules;
mod schemas;
pub(crate) mod settings;

use std::collections::BTreeSet;

use self::render::{every, kind, name, one, overlay, validate};

/// The oldest version that has all that the manifests use, as `preStop.sleep`, and the newest that is known.
const KUBERNETES: [&str; 2] = ["1.30", "1.37"];
/// Checked by our own rules, in `schemas.rs`.
const CUSTOM: [&str; 6] = [
    "RabbitmqCluster",
    "ScaledObject",
    "TriggerAuthentication",
    "PodMonitor",
    "PrometheusRule",
    "ExternalSecret",
];

#[test]
fn every_overlay_and_every_component_renders_into_objects_without_a_twin() {
    for (origin, objects) in every() {
        let mut seen = BTreeSet::new();
        for object in objects {
            let identity = (kind(object), name(object), object.pointer("/metadata/namespace"));
            assert!(seen.insert(format!("{identity:?}")), "{origin}: {identity:?} is there twice");
        }
        assert!(objects.len() >= 8, "{origin}: the base alone has more than {}", objects.len());
    }
}

#[test]
fn kubernetes_own_schemas_accept_every_built_in_object() {
    for (origin, objects) in every() {
        let (custom, built_in): (Vec<_>, Vec<_>) =
            objects.iter().partition(|object| CUSTOM.contains(&kind(object)));
        let is_custom = |api: &str| api.contains('.') && !api.split('/').next().unwrap().ends_with(".k8s.io");
        for object in &custom {
            let api = object["apiVersion"].as_str().unwrap();
            assert!(is_custom(api), "{origin}: {api} is built in");
        }
        for version in KUBERNETES {
            let (checked, verdict) = validate(&built_in, version);
            assert!(verdict.is_ok(), "{origin}, Kubernetes {version}: {}", verdict.unwrap_err());
            assert_eq!(checked, built_in.len(), "{origin}: not all were checked");
        }
    }
}

#[test]
fn every_object_is_in_the_namespace_of_its_overlay() {
    for (overlay_name, namespace) in [("dev", "tidegate-dev"), ("production", "tidegate")] {
        for object in overlay(overlay_name) {
            if kind(object) == "Namespace" {
                assert_eq!(name(object), namespace);
                assert_eq!(object["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted");
            } else {
                assert_eq!(object["metadata"]["namespace"], namespace, "{} {}", kind(object), name(object));
            }
        }
    }
}

#[test]
fn what_is_only_for_production_is_there_and_only_there() {
    let kinds = |name| overlay(name).iter().map(kind).collect::<BTreeSet<_>>();
    let (dev, production) = (kinds("dev"), kinds("production"));
    let only: Vec<&str> = production.difference(&dev).copied().collect();
    let rules = ["PrometheusRule"].into_iter().filter(|_| rules::are_there());
    let mut expected: Vec<&str> = [
        "HorizontalPodAutoscaler",
        "Ingress",
        "PodDisruptionBudget",
        "PodMonitor",
        "ScaledObject",
        "TriggerAuthentication",
    ]
    .into_iter()
    .chain(rules)
    .collect();
    expected.sort_unstable();
    assert_eq!(only, expected);
    let alone: Vec<&str> = dev.difference(&production).copied().collect();
    assert_eq!(alone, ["StatefulSet"], "development has its own Postgres");
    assert!(!production.contains("CronJob"), "every chore is in the worker");
    assert!(!production.contains("Secret") && !dev.contains("Secret"), "no secret is in the tree");
}

/// A changed setting must roll the pods: the `ConfigMap`'s name is made of its content, and the pods ask for it.
#[test]
fn settings_are_named_by_their_content() {
    let production = overlay("production");
    for role in ["gateway", "worker"] {
        let pod = one(production, "Deployment", &format!("tidegate-{role}"));
        let map = pod.pointer("/spec/template/spec/containers/0/envFrom/0/configMapRef/name").unwrap();
        let map = map.as_str().unwrap();
        assert!(map.strip_prefix(&format!("{role}-settings-")).is_some_and(|hash| hash.len() == 10), "{map}");
        one(production, "ConfigMap", map);
    }
}
