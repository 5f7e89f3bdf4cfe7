//! What every pod of ours is and is not allowed, how long it may take to end, and that what it may use together
//! fits into what there is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::render::{containers, every, one, overlay, pods};
use super::settings::{environment, number};

/// For what nobody has thought of.
const MARGIN_SECS: u64 = 5;
const MIB: u64 = 1024 * 1024;
/// A request's head on one connection: `BUFFER_LIMIT_BYTES` of the gateway's server.
const CONNECTION_BYTES: u64 = 16_384;
/// Measured under load.
const GATEWAY_BYTES: u64 = 32 * MIB;
const WORKER_BYTES: u64 = 150 * MIB;
/// `max_locks_per_transaction` times `max_connections`, by default.
const POSTGRES_LOCKS: u64 = 6_400;
/// How many messages of RabbitMQ's a worker holds at most.
pub(super) const PREFETCHED_MESSAGES: u64 = 256;
/// Postgres' own default of `max_connections`, less what it keeps for its owner.
const POSTGRES_CONNECTIONS: u64 = 97;
/// For `tidegate` in the hands of people on call, and for the Job.
const SPARE_PROCESSES: u64 = 2;

#[test]
fn every_pod_is_restricted_and_has_no_token() {
    for (origin, objects) in every() {
        for (name, template) in pods(objects) {
            let pod = &template["spec"];
            let at = format!("{origin}, {name}");
            assert_eq!(pod["automountServiceAccountToken"], false, "{at}");
            assert_eq!(pod["enableServiceLinks"], false, "{at}: Services would look like settings");
            let context = &pod["securityContext"];
            assert_eq!(context["runAsNonRoot"], true, "{at}");
            assert!(context["runAsUser"].as_u64().is_some_and(|user| user > 0), "{at}: a number, not root");
            assert_eq!(context["seccompProfile"], json!({ "type": "RuntimeDefault" }), "{at}");
            for shared in ["hostNetwork", "hostPID", "hostIPC"] {
                assert!(pod[shared].is_null(), "{at}: {shared}");
            }
            for container in containers(template) {
                let expected = json!({
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] },
                });
                assert_eq!(container["securityContext"], expected, "{at}");
                let resources = &container["resources"];
                assert!(
                    resources["requests"]["cpu"].is_string() && resources["requests"]["memory"].is_string()
                );
                assert!(resources["limits"]["memory"].is_string(), "{at}: memory has a limit");
                assert!(resources["limits"]["cpu"].is_null(), "{at}: throttling is latency");
                let image = container["image"].as_str().unwrap();
                assert!(!image.ends_with(":latest"), "{at}: {image}");
                assert!(
                    origin.starts_with("component") || image.contains(':'),
                    "{at}: {image} has no version"
                );
            }
        }
    }
}

/// Whoever may change tables could put aside what keeps the audit as it was.
#[test]
fn the_owner_of_the_tables_logs_in_to_migrate_and_for_nothing_else() {
    for of in ["dev", "production"] {
        let all = pods(overlay(of)).into_iter().flat_map(|(_, template)| containers(template));
        let keys = all.flat_map(|container| {
            let entries = container["env"].as_array().into_iter().flatten();
            let urls = entries.filter(|entry| entry["name"] == "DATABASE_URL");
            urls.map(move |entry| {
                (container["name"].as_str(), entry["valueFrom"]["secretKeyRef"]["key"].as_str())
            })
        });
        let expected = [("migrate", "owner-url"), ("worker", "url"), ("console", "url")];
        let expected = expected.map(|(container, key)| (Some(container), Some(key)));
        assert_eq!(keys.collect::<BTreeSet<_>>(), BTreeSet::from(expected), "{of}");
    }
}

#[test]
fn secrets_are_files_that_change_under_the_process_and_that_only_its_group_reads() {
    let production = overlay("production");
    for (role, mount, secret) in [
        ("gateway", "/run/secrets/stripe-webhook", "tidegate-stripe-webhook"),
        ("worker", "/run/secrets/stripe-api", "tidegate-stripe-api"),
        ("gateway", "/run/secrets/envelope", "tidegate-envelope"),
        ("worker", "/run/secrets/envelope", "tidegate-envelope"),
        ("console", "/run/secrets/envelope", "tidegate-envelope"),
        ("worker", "/run/secrets/staff", "tidegate-staff"),
        ("console", "/run/secrets/staff", "tidegate-staff"),
        ("console", "/run/secrets/audit", "tidegate-audit"),
        ("worker", "/run/secrets/body-keys", "tidegate-body-keys"),
        ("console", "/run/secrets/body-keys", "tidegate-body-keys"),
        ("worker", "/run/secrets/mail", "tidegate-mail"),
        ("console", "/run/secrets/stripe-checkout", "tidegate-stripe-checkout"),
    ] {
        let pod = &one(production, "Deployment", &format!("tidegate-{role}"))["spec"]["template"]["spec"];
        let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
        let found = mounts.iter().find(|found| found["mountPath"] == mount).expect(mount);
        assert_eq!(found["readOnly"], true);
        assert!(found["subPath"].is_null(), "a subPath is never brought up to date");
        let volumes = pod["volumes"].as_array().unwrap();
        let volume = volumes.iter().find(|volume| volume["name"] == found["name"]).expect(mount);
        assert_eq!(volume["secret"], json!({ "secretName": secret, "defaultMode": 0o440 }));
        assert_eq!(pod["securityContext"]["fsGroup"], pod["securityContext"]["runAsGroup"]);
        let path = environment(production, &pod["containers"][0]);
        assert!(
            path.values().any(|value| value.starts_with(&format!("{mount}/"))),
            "{role} is told of {mount}"
        );
    }
}

/// preStop, the drain, closing what is open, and a margin: by the deadlines that count in the pod.
#[test]
fn grace_periods_are_longer_than_the_code_takes_to_end() {
    for of in ["dev", "production"] {
        let objects = overlay(of);
        let pod =
            |role: &str| &one(objects, "Deployment", &format!("tidegate-{role}"))["spec"]["template"]["spec"];
        for (role, deadlines) in [
            ("gateway", ["GATEWAY_DRAIN_DEADLINE_SECS", "QUEUE_DEADLINE_SECS"].as_slice()),
            ("worker", &["WORKER_DRAIN_SECS", "QUEUE_DEADLINE_SECS", "DATABASE_DEADLINE_SECS"]),
            ("console", &["CONSOLE_DRAIN_DEADLINE_SECS", "QUEUE_DEADLINE_SECS", "DATABASE_DEADLINE_SECS"]),
        ] {
            let pod = pod(role);
            let container = &pod["containers"][0];
            let found = environment(objects, container);
            let sleep =
                container.pointer("/lifecycle/preStop/sleep/seconds").map_or(0, |it| it.as_u64().unwrap());
            let needed = sleep + deadlines.iter().map(|name| number(&found, name)).sum::<u64>() + MARGIN_SECS;
            let granted = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
            assert!(needed <= granted, "{of}: {role} needs {needed} s and is granted {granted} s");
            assert_eq!(sleep > 0, role != "worker", "nobody sends to a worker");
        }
    }
}

#[test]
fn a_short_absence_of_the_broker_is_answered_by_the_gateway_itself() {
    let pod = &one(overlay("production"), "Deployment", "tidegate-gateway")["spec"]["template"]["spec"];
    let probe = &pod["containers"][0]["readinessProbe"];
    let patience = probe["periodSeconds"].as_u64().unwrap() * probe["failureThreshold"].as_u64().unwrap();
    assert!((10..=30).contains(&patience), "a new leader is found within 10 s");
}

#[test]
fn memory_limits_hold_what_the_limits_of_the_code_allow() {
    let production = overlay("production");
    let of = |role: &str| {
        let pod = &one(production, "Deployment", &format!("tidegate-{role}"))["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let limit = container["resources"]["limits"]["memory"].as_str().unwrap().strip_suffix("Mi").unwrap();
        (environment(production, container), limit.parse::<u64>().unwrap() * MIB)
    };
    let (gateway, limit) = of("gateway");
    let connections = number(&gateway, "GATEWAY_LIMIT_CONNECTIONS") * CONNECTION_BYTES;
    assert!(GATEWAY_BYTES + connections + number(&gateway, "GATEWAY_BODIES_LIMIT_BYTES") <= limit);
    let (worker, limit) = of("worker");
    let prefetched = PREFETCHED_MESSAGES * number(&gateway, "GATEWAY_BODY_LIMIT_BYTES");
    assert!(number(&worker, "QUEUE_PREFETCH") >= PREFETCHED_MESSAGES && WORKER_BYTES + prefetched <= limit);
    let prefetch = super::render::file("shared/src/queue/rabbitmq/prefetch.rs");
    let limit = format!("const MESSAGES_LIMIT: usize = {PREFETCHED_MESSAGES};");
    assert!(prefetch.contains(&limit), "the figure above is the code's");
    let buffer = super::render::file("shared/src/http/connections.rs");
    assert!(buffer.contains("const BUFFER_LIMIT_BYTES: usize = 16_384;"), "the figure above is the code's");
}

#[test]
fn all_workers_together_fit_into_postgres_and_into_kedas_target() {
    let production = overlay("production");
    let worker = &one(production, "Deployment", "tidegate-worker")["spec"];
    let found: BTreeMap<String, String> =
        environment(production, &worker["template"]["spec"]["containers"][0]);
    let scaled = &one(production, "ScaledObject", "tidegate-worker")["spec"];
    let surge = worker["strategy"]["rollingUpdate"]["maxSurge"].as_u64().unwrap();
    let processes = scaled["maxReplicaCount"].as_u64().unwrap() + surge + SPARE_PROCESSES;
    let console = &one(production, "Deployment", "tidegate-console")["spec"]["template"]["spec"];
    let console = number(&environment(production, &console["containers"][0]), "DATABASE_CONNECTIONS");
    assert!(processes * number(&found, "DATABASE_CONNECTIONS") + console <= POSTGRES_CONNECTIONS);
    let target: u64 = scaled["triggers"][0]["metadata"]["value"].as_str().unwrap().parse().unwrap();
    let lanes = scaled["maxReplicaCount"].as_u64().unwrap() * number(&found, "WORKER_LANES");
    assert!(
        lanes * ledger::BATCH_LOCKS as u64 <= POSTGRES_LOCKS,
        "Postgres has room for the locks of all batches"
    );
    assert!(target > PREFETCHED_MESSAGES, "what a worker merely holds must start no other");
}

#[test]
fn nobody_sets_the_number_that_an_autoscaler_owns() {
    let production = overlay("production");
    for role in ["gateway", "worker"] {
        let deployment = &one(production, "Deployment", &format!("tidegate-{role}"))["spec"];
        assert!(deployment["replicas"].is_null(), "{role}");
        assert_eq!(deployment["strategy"]["rollingUpdate"]["maxUnavailable"], 0, "{role}");
        let spread = deployment["template"]["spec"]["topologySpreadConstraints"].as_array().unwrap();
        let keys: Vec<&Value> = spread.iter().map(|constraint| &constraint["topologyKey"]).collect();
        assert_eq!(keys, ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]);
        let budget = one(production, "PodDisruptionBudget", &format!("tidegate-{role}"));
        assert_eq!(budget["spec"]["selector"]["matchLabels"], deployment["selector"]["matchLabels"]);
    }
    assert!(
        one(production, "HorizontalPodAutoscaler", "tidegate-gateway")["spec"]["minReplicas"].as_u64()
            >= Some(2)
    );
    assert_eq!(one(production, "PodDisruptionBudget", "rabbitmq")["spec"]["maxUnavailable"], 1);
}
