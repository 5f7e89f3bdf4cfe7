//! Custom resources against the rules of their operators' schemas, and what those schemas cannot say.

use harness::autoscaler::MESSAGES_PER_WORKER;
use serde_json::{Value, json};

use super::CUSTOM;
use super::render::{every, file, kind, name, one, overlay};
use super::schemas::schema;

/// A field of a schema.
pub(super) struct Field {
    pub(super) path: &'static str,
    pub(super) form: Form,
    pub(super) must: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Form {
    Text,
    /// A whole number, and the least that it may be.
    Whole(u64),
    Flag,
    OneOf(&'static [&'static str]),
    /// As Prometheus writes it: 15s, 1h30m.
    Span,
    /// A quantity, or an expression.
    NumberOrText,
    /// An object or a list; what may be in it has fields again.
    Many,
}

impl Form {
    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Whole(least) => value.as_u64().is_some_and(|number| number >= least),
            Self::Flag => value.is_boolean(),
            Self::OneOf(known) => value.as_str().is_some_and(|text| known.contains(&text)),
            Self::Span => value.as_str().is_some_and(is_span),
            Self::NumberOrText => value.is_number() || value.is_string(),
            Self::Many => {
                value.as_object().is_some_and(|it| !it.is_empty())
                    || value.as_array().is_some_and(|it| !it.is_empty())
            }
        }
    }
}

fn is_span(text: &str) -> bool {
    let mut rest = text;
    for unit in ["y", "w", "d", "h", "m", "s", "ms"] {
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        if digits > 0
            && rest[digits..].starts_with(unit)
            && !(unit == "m" && rest[digits..].starts_with("ms"))
        {
            rest = &rest[digits + unit.len()..];
        }
    }
    rest.is_empty() && !text.is_empty() || text == "0"
}

/// What a schema has against an object, by path.
pub(super) fn faults(object: &Value) -> Vec<String> {
    let (api, fields) = schema(kind(object));
    let mut faults = Vec::new();
    if object["apiVersion"] != api {
        faults.push(format!("apiVersion is not {api}"));
    }
    let top = object.as_object().expect("an object").keys();
    let strange = top.filter(|key| !["apiVersion", "kind", "metadata", "spec"].contains(&key.as_str()));
    faults.extend(strange.map(|key| format!("{key} is not a field")));
    let mut path = vec!["spec".to_owned()];
    walk(&object["spec"], &mut path, &mut |path, value| {
        let known: Vec<&Field> = fields.iter().filter(|field| fits(field.path, path)).collect();
        let is_leaf = !(value.is_object() || value.is_array());
        match known.as_slice() {
            [] if is_leaf => faults.push(format!("{} is not a field", path.join("."))),
            known => {
                let bad = known.iter().any(|field| !field.form.takes(value));
                faults.extend(bad.then(|| format!("{} must not be {value}", path.join("."))));
            }
        }
        for field in fields.iter().filter(|field| field.must) {
            let (parent, key) = field.path.rsplit_once('.').expect("below spec");
            if fits(parent, path) && value.get(key).is_none() {
                faults.push(format!("{} lacks {key}", path.join(".")));
            }
        }
    });
    faults
}

/// Every value below, with its path; the items of a list are called `[]`.
fn walk(value: &Value, path: &mut Vec<String>, see: &mut impl FnMut(&[String], &Value)) {
    see(path, value);
    let below: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().map(|item| ("[]".to_owned(), item)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in below {
        path.push(key);
        walk(value, path, see);
        path.pop();
    }
}

fn fits(pattern: &str, path: &[String]) -> bool {
    let wanted: Vec<&str> = pattern.split('.').collect();
    wanted.len() == path.len()
        && wanted.iter().zip(path).all(|(wanted, found)| *wanted == "*" || wanted == found)
}

#[test]
fn the_operators_schemas_accept_every_custom_resource() {
    let mut seen: Vec<&str> = Vec::new();
    for (origin, objects) in every() {
        for object in objects.iter().filter(|object| CUSTOM.contains(&kind(object))) {
            let faults = faults(object);
            assert!(faults.is_empty(), "{origin}, {} {}: {faults:#?}", kind(object), name(object));
            seen.push(kind(object));
        }
    }
    for kind in CUSTOM.iter().filter(|kind| **kind != "PrometheusRule" || super::rules::are_there()) {
        assert!(seen.contains(kind), "there is no {kind} to check");
    }
}

/// What KEDA checks beyond its schema when it starts the scaler.
#[test]
fn keda_never_stops_all_workers_and_takes_none_away_when_it_is_blind() {
    let spec = &one(overlay("production"), "ScaledObject", "tidegate-worker")["spec"];
    let number = |key: &str| spec[key].as_u64().unwrap();
    assert!(number("minReplicaCount") >= 2 && number("minReplicaCount") < number("maxReplicaCount"));
    assert_eq!(spec["fallback"]["behavior"], "currentReplicasIfHigher");
    assert!(spec["fallback"]["replicas"].as_u64().unwrap() >= number("minReplicaCount"));
    let down = &spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"];
    assert!(down["stabilizationWindowSeconds"].as_u64().unwrap() >= 60);
    let told = &spec["triggers"][0]["metadata"];
    assert_ne!(told["excludeUnacknowledged"], "true", "unacknowledged events are work that is not done");
    told["value"].as_str().unwrap().parse::<f64>().unwrap();
}

/// What is asked of KEDA is what was tried with real processes, and what the documents say.
#[test]
fn one_number_of_messages_starts_a_worker_in_the_cluster_in_the_trial_and_in_the_documents() {
    let trigger = &one(overlay("production"), "ScaledObject", "tidegate-worker")["spec"]["triggers"][0];
    let asked: u64 = trigger["metadata"]["value"].as_str().unwrap().parse().unwrap();
    assert_eq!(asked, MESSAGES_PER_WORKER);
    assert!(file("docs/scale.md").contains(&format!("**{asked} messages per worker**")), "docs/scale.md");
    assert!(
        file("k8s/README.md").contains(&format!("unacknowledged of events) / {asked})`")),
        "k8s/README.md"
    );
    let ahead = super::pods::PREFETCHED_MESSAGES;
    assert!(asked > ahead, "a worker prefetches {ahead}: those alone would start another worker");
}

#[test]
fn three_brokers_never_share_a_machine_and_their_queues_grow_to_all_of_them() {
    let spec = &one(overlay("production"), "RabbitmqCluster", "rabbitmq")["spec"];
    assert_eq!(spec["replicas"], 3);
    let apart = &spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0];
    assert_eq!(apart["topologyKey"], "kubernetes.io/hostname");
    assert_eq!(spec["resources"]["requests"]["memory"], spec["resources"]["limits"]["memory"]);
    let config = spec["rabbitmq"]["additionalConfig"].as_str().unwrap();
    for line in [
        "disk_free_limit.absolute = 4GB",
        "quorum_queue.continuous_membership_reconciliation.enabled = true",
        "quorum_queue.continuous_membership_reconciliation.target_group_size = 3",
    ] {
        assert!(config.lines().any(|found| found == line), "{line}");
    }
}

/// The checks can fail.
#[test]
fn a_misspelt_a_missing_and_an_ill_formed_field_are_found() {
    let good = one(overlay("production"), "ScaledObject", "tidegate-worker");
    let spoiled = |change: fn(&mut Value)| {
        let mut object = good.clone();
        change(&mut object);
        faults(&object)
    };
    assert_eq!(spoiled(|_| {}), [""; 0]);
    assert_eq!(spoiled(|it| it["spec"]["minReplicas"] = json!(2)), ["spec.minReplicas is not a field"]);
    assert_eq!(
        spoiled(|it| it["spec"]["maxReplicaCount"] = json!("8")),
        ["spec.maxReplicaCount must not be \"8\""]
    );
    let nameless = spoiled(|it| drop(it["spec"]["scaleTargetRef"].as_object_mut().unwrap().remove("name")));
    assert!(nameless.contains(&"spec.scaleTargetRef lacks name".to_owned()), "{nameless:?}");
    assert_eq!(spoiled(|it| it["spec"]["triggers"] = json!([])), ["spec.triggers must not be []"]);
    assert_eq!(spoiled(|it| it["apiVersion"] = json!("keda.sh/v1")), ["apiVersion is not keda.sh/v1alpha1"]);
    for (text, expected) in
        [("15s", true), ("1h30m", true), ("500ms", true), ("0", true), ("15", false), ("", false)]
    {
        assert_eq!(is_span(text), expected, "{text}");
    }
}
