//! Every variable, port, path, queue and metric in the manifests is one of the code's; and what the code needs in
//! a cluster is set there, or left to its default for a reason that stands here.

use std::collections::{BTreeMap, BTreeSet};

use console::ConsoleConfig;
use gateway::GatewayConfig;
use harness::binaries::workspace;
use lapin::uri::AMQPUri;
use ledger::LedgerConfig;
use serde_json::Value;
use shared::queue::{QueueConfig, rabbitmq::topology};
use stripe_api::StripeConfig;
use worker::WorkerConfig;

use super::render::{containers, every, file, kind, one, overlay, pods};
use super::settings::{SECRET, env_of, environment, variables};

/// What no manifest sets, with why the default is right in a cluster.
const LEFT_TO_THEIR_DEFAULT: &[(&str, &str)] = &[
    ("STRIPE_WEBHOOK_SECRET", "the file counts, which is read again when it changes"),
    ("STRIPE_WEBHOOK_ACCOUNT", "of one installation in many"),
    ("GATEWAY_SIGNATURE_TOLERANCE_SECS", "Stripe's own"),
    ("GATEWAY_BODY_LIMIT_BYTES", "of Stripe's events, not of the place"),
    ("GATEWAY_IDLE_SECS", "longer than controllers keep a connection, which is 60 s"),
    ("GATEWAY_HEADER_DEADLINE_SECS", "of the protocol, not of the place"),
    ("GATEWAY_BODY_DEADLINE_SECS", "of the protocol, not of the place"),
    ("GATEWAY_ANSWER_DEADLINE_SECS", "of the protocol, not of the place"),
    ("GATEWAY_DRAIN_DEADLINE_SECS", "the grace period is made for it"),
    ("GATEWAY_SECRETS_INTERVAL_SECS", "shorter than the kubelet's minute"),
    ("GATEWAY_REFUSALS_PER_MINUTE", "fits an address that does not forge"),
    ("GATEWAY_REFUSAL_DELAY_SECS", "fits every installation"),
    ("GATEWAY_PUBLIC_URL", "each installation has its own; without it paths are compared"),
    ("CONSOLE_URL", "an overlay whose people come in from outside sets it"),
    ("CONSOLE_PROXY_SECRET", "no proxy stands in front of it"),
    ("CONSOLE_PROXY_SECRET_FILE", "no proxy stands in front of it"),
    ("CONSOLE_SIGN_ON_HEADER", "people sign in at the console"),
    ("CONSOLE_LIMIT_CONNECTIONS", "the memory limit is made for it"),
    ("CONSOLE_LIMIT_REQUESTS", "the memory limit is made for it"),
    ("CONSOLE_IDLE_SECS", "longer than controllers keep a connection, which is 60 s"),
    ("CONSOLE_HEADER_DEADLINE_SECS", "of the protocol, not of the place"),
    ("CONSOLE_BODY_DEADLINE_SECS", "of the protocol, not of the place"),
    ("CONSOLE_ANSWER_DEADLINE_SECS", "of the protocol, not of the place"),
    ("CONSOLE_TOKEN_REQUESTS_PER_MINUTE", "fits people and programs alike"),
    ("CONSOLE_ADDRESS_REQUESTS_PER_MINUTE", "no proxy stands in front of it"),
    ("CONSOLE_USER_CHECKOUTS_PER_MINUTE", "fits a person who buys"),
    ("CONSOLE_NETWORK_CHECKOUTS_PER_MINUTE", "fits a household, or an office that buys"),
    ("CONSOLE_DRAIN_DEADLINE_SECS", "the grace period is made for it"),
    ("NOTICE_SMTP_PASSWORD", "the file counts"),
    ("NOTICE_UNSUBSCRIBE_URL", "each installation has its own"),
    ("NOTICE_CONSOLE_URL", "each installation has its own"),
    ("NOTICE_TEMPLATES_DIR", "the built-in texts do"),
    ("QUEUE_PUBLISH_IN_FLIGHT", "measured"),
    ("QUEUE_DEADLINE_SECS", "the grace periods are made for it"),
    ("QUEUE_PREFETCH", "the memory limit and KEDA's target are made for it"),
    ("QUEUE_LEASE_SECS", "of the embedded queue alone"),
    ("ENVELOPE_KEY", "the file counts, which is read again when it changes"),
    ("ENVELOPE_UNKEYED_UNTIL", "of the one upgrade that introduces the key"),
    ("DATABASE_DEADLINE_SECS", "the grace period is made for it"),
    ("BAN_CHARGEBACKS", "a policy of the business"),
    ("BAN_LIFT_ON_WON", "a policy of the business"),
    ("BAN_NEVER_REASONS", "a policy of the business"),
    ("INVOICE_RETRY_DAYS", "a policy of the business"),
    ("INVOICE_NEVER_RETRY_CODES", "a policy of the business"),
    ("WORKER_BATCH_EVENTS", "measured"),
    ("WORKER_LANES", "measured"),
    ("WORKER_RETRY_SECS", "of the events, not of the place"),
    ("WORKER_EVENT_DEADLINE_SECS", "of the events, not of the place"),
    ("WORKER_DRAIN_SECS", "the grace period is made for it"),
    ("WORKER_PAUSE_AFTER_DEAD_LETTERS", "of the events, not of the place"),
    ("EVENT_RETENTION_DAYS", "a policy of the business"),
    ("TIDEGATE_DATA_DIR", "of laptops: a cluster is told whole URLs"),
    ("TIDEGATE_STAFF", "a person's name: commands are told it by --by"),
    ("STAFF_SETUP_MINS", "an hour to add the first people is enough everywhere"),
    ("STAFF_KEY", "the file counts: a key in the environment is seen by every child"),
    ("AUDIT_KEY", "the file counts: a key in the environment is seen by every child"),
    ("TIDEGATE_TOKEN", "a person's, at the command line"),
    ("TIDEGATE_TOKEN_FILE", "a person's, at the command line"),
    ("STRIPE_SECRET_KEY", "the file counts: a key in the environment is seen by every child"),
    ("STRIPE_API_URL", "Stripe's own"),
    ("STRIPE_FILES_URL", "Stripe's own"),
    ("STRIPE_DEADLINE_SECS", "of Stripe, not of the place"),
    ("STRIPE_RATE_PER_SEC", "of Stripe, not of the place"),
    ("STRIPE_ACCOUNTS", "of one installation in many"),
    ("STRIPE_COMPLETENESS_INTERVAL_SECS", "of Stripe, not of the place"),
    ("STRIPE_COMPLETENESS_DAYS", "of Stripe, not of the place"),
    ("STRIPE_REFETCH_INTERVAL_SECS", "of Stripe, not of the place"),
    ("OTLP_URL", "off: which collector there is, if any, is of the place"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "the same by another name"),
    ("OTEL_SERVICE_NAME", "each role has its own"),
    ("OTLP_SAMPLE_PERCENT", "counts only with a collector"),
    ("LOG_LEVEL", "one line an event is what people look for"),
];

/// The containers of ours in an overlay, by name, with their environments.
fn ours(of: &str) -> Vec<(&'static Value, BTreeMap<String, String>)> {
    let objects = overlay(of);
    let tidegate = pods(objects).into_iter().filter(|(name, _)| name.starts_with("tidegate-"));
    tidegate
        .flat_map(|(_, template)| containers(template))
        .map(|container| (container, environment(objects, container)))
        .collect()
}

#[test]
fn every_variable_that_is_set_is_one_that_the_code_reads() {
    for of in ["dev", "production"] {
        for (container, found) in ours(of) {
            let text = container.to_string();
            for name in found.keys() {
                let base = name.split("__").next().unwrap();
                let is_used = text.contains(&format!("$({name})"));
                assert!(is_used || variables().contains_key(base), "{of}: nothing reads {name}");
            }
        }
    }
}

#[test]
fn every_variable_that_the_code_reads_is_set_or_left_to_its_default_for_a_reason() {
    let set: BTreeSet<String> =
        ours("production").into_iter().flat_map(|(_, found)| found.into_keys()).collect();
    for name in variables().keys() {
        let left = LEFT_TO_THEIR_DEFAULT.iter().any(|(other, _)| other == name);
        assert!(
            set.contains(name) != left,
            "{name} is either set in k8s/ or listed here with a reason, not both"
        );
    }
    for (name, _) in LEFT_TO_THEIR_DEFAULT {
        assert!(variables().contains_key(*name), "nothing reads {name} any more");
    }
}

/// By the very code that will read them.
#[test]
fn the_processes_accept_the_values() {
    for of in ["dev", "production"] {
        for (container, found) in ours(of) {
            let env = env_of(&found);
            match container["name"].as_str().unwrap() {
                "gateway" => {
                    let config =
                        GatewayConfig::from_env(&env).map_err(|problem| problem.to_string()).unwrap();
                    assert!(config.unknown.is_empty(), "{of}: {:?}", config.unknown);
                    assert_eq!(config.endpoints.len(), 1);
                    QueueConfig::from_env(&env).unwrap();
                }
                "worker" => {
                    let config = WorkerConfig::from_env(&env).unwrap();
                    assert_eq!(config.stripe.is_some(), of == "production", "{of}: whether Stripe is asked");
                    QueueConfig::from_env(&env).unwrap();
                    LedgerConfig::from_env(&env).unwrap();
                }
                "console" => {
                    ConsoleConfig::from_env(&env).unwrap();
                    let key = StripeConfig::from_env(&env).unwrap();
                    assert_eq!(key.is_some(), of == "production", "{of}: whether customers can pay");
                    QueueConfig::from_env(&env).unwrap();
                    LedgerConfig::from_env(&env).unwrap();
                }
                "migrate" => drop(LedgerConfig::from_env(&env).unwrap()),
                "topology" => drop(QueueConfig::from_env(&env).unwrap()),
                other => panic!("{of}: {other} is not known here"),
            }
            let is_networked = |url: &String| !url.starts_with("sqlite:");
            assert!(found.get("QUEUE_URL").or(found.get("DATABASE_URL")).is_some_and(is_networked));
        }
    }
}

/// An empty path names the virtual host "", which is not the one that there is.
#[test]
fn all_speak_to_the_same_virtual_host_and_in_production_to_every_broker_by_name() {
    for of in ["dev", "production"] {
        let cluster = one(overlay(of), "RabbitmqCluster", "rabbitmq");
        let broker = cluster["metadata"]["name"].as_str().unwrap();
        let pods: Vec<String> = match of {
            "dev" => vec![broker.to_owned()],
            _ => (0..cluster["spec"]["replicas"].as_u64().unwrap())
                .map(|number| format!("{broker}-server-{number}.{broker}-nodes"))
                .collect(),
        };
        let pods: Vec<String> = pods.iter().map(|pod| format!("{pod}:5672")).collect();
        let expected = format!("amqp://{SECRET}:{SECRET}@{}/%2f", pods.join(","));
        let urls: Vec<String> =
            ours(of).into_iter().filter_map(|(_, mut found)| found.remove("QUEUE_URL")).collect();
        assert!(urls.len() == 4 && urls.iter().all(|url| *url == expected), "{of}: {urls:?}");
        assert_eq!("amqp://a:b@c/%2f".parse::<AMQPUri>().unwrap().vhost, "/");
    }
}

#[test]
fn keda_asks_for_the_queue_that_workers_consume_over_http() {
    let production = overlay("production");
    let trigger = &one(production, "ScaledObject", "tidegate-worker")["spec"]["triggers"][0];
    let told = &trigger["metadata"];
    assert_eq!(
        (told["queueName"].as_str(), told["protocol"].as_str()),
        (Some(topology::EVENTS), Some("http"))
    );
    let namespace =
        one(production, "Deployment", "tidegate-worker")["metadata"]["namespace"].as_str().unwrap();
    assert_eq!(told["host"], format!("http://rabbitmq.{namespace}.svc:15672"));
    assert_eq!((told["vhostName"].as_str(), trigger["type"].as_str()), (Some("/"), Some("rabbitmq")));
    let by = trigger["authenticationRef"]["name"].as_str().unwrap();
    let keys = &one(production, "TriggerAuthentication", by)["spec"]["secretTargetRef"];
    let keys: Vec<&str> =
        keys.as_array().unwrap().iter().map(|key| key["parameter"].as_str().unwrap()).collect();
    assert_eq!(keys, ["username", "password"], "KEDA takes both or neither");
}

#[test]
fn every_port_that_the_code_listens_on_is_a_containers_and_probed_or_served_by_name() {
    for of in ["dev", "production"] {
        for (container, found) in ours(of) {
            let listens: BTreeSet<u64> = found
                .iter()
                .filter(|(name, _)| name.ends_with("_ADDR"))
                .map(|(_, address)| address.rsplit(':').next().unwrap().parse().unwrap())
                .collect();
            let ports = container["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
            let opened =
                ports.iter().map(|port| port["containerPort"].as_u64().unwrap()).collect::<BTreeSet<_>>();
            assert_eq!(listens, opened, "{of}: {}", container["name"]);
            if ports.is_empty() {
                continue;
            }
            let internal = ports.iter().find(|port| port["name"] == "internal").unwrap();
            let address = found.iter().find(|(name, _)| name.ends_with("_INTERNAL_ADDR")).unwrap().1;
            assert!(address.ends_with(&format!(":{}", internal["containerPort"])), "{of}: {address}");
            for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
                assert_eq!(
                    container[probe]["httpGet"]["port"], "internal",
                    "{of}: {} {probe}",
                    container["name"]
                );
            }
        }
    }
    let production = overlay("production");
    let service = one(production, "Service", "tidegate-gateway");
    assert_eq!(
        service["spec"]["ports"].as_array().unwrap().len(),
        1,
        "the internal listener is in no Service"
    );
    assert_eq!(service["spec"]["ports"][0]["targetPort"], "http");
    let backend =
        one(production, "Ingress", "tidegate").pointer("/spec/rules/0/http/paths/0/backend/service");
    assert_eq!(
        backend.unwrap(),
        &serde_json::json!({ "name": "tidegate-gateway", "port": { "name": "http" } })
    );
}

#[test]
fn every_path_is_one_that_the_code_answers() {
    let (internal, public) = (file("shared/src/internal.rs"), file("gateway/src/routes.rs"));
    let answers = |code: &str, path: &str| code.contains(&format!("\"{path}\""));
    for (container, _) in ours("production") {
        if container["ports"].is_null() {
            continue;
        }
        let paths = ["startupProbe", "livenessProbe", "readinessProbe"]
            .map(|probe| container[probe]["httpGet"]["path"].as_str().unwrap());
        assert_eq!(paths, ["/livez", "/livez", "/readyz"], "liveness looks at neither broker nor ledger");
        assert!(paths.iter().all(|path| answers(&internal, path)));
    }
    let production = overlay("production");
    let path = &one(production, "Ingress", "tidegate")["spec"]["rules"][0]["http"]["paths"];
    assert_eq!(path.as_array().unwrap().len(), 1);
    assert!(answers(&public, path[0]["path"].as_str().unwrap()));
    let monitor = one(production, "PodMonitor", "tidegate");
    let scraped = &monitor["spec"]["podMetricsEndpoints"][0];
    assert!(answers(&internal, scraped["path"].as_str().unwrap()));
    assert_eq!(scraped["port"], "internal");
}

/// By the registrations in the source. That each has a value is the business of observability's own test.
#[test]
fn every_metric_is_one_that_the_code_registers() {
    let sources = [
        "gateway/src",
        "worker/src",
        "console/src",
        "ledger/src",
        "stripe-api/src",
        "desk/src",
        "shared/src",
    ]
    .map(sources)
    .concat();
    for (origin, objects) in every() {
        for object in objects.iter().filter(|object| kind(object) == "PrometheusRule") {
            let text = object.to_string();
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
            for word in words.filter(|word| word.starts_with("tidegate_") && !word.contains(':')) {
                let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
                let registered = |name: &str| {
                    let unprefixed = name.strip_prefix("tidegate_").unwrap();
                    sources.contains(&format!("\"{name}\"")) || sources.contains(&format!("\"{unprefixed}\""))
                };
                assert!(registered(word) || base.is_some_and(registered), "{origin}: nothing counts {word}");
            }
        }
    }
}

/// All Rust below a folder, as one text.
fn sources(folder: &str) -> String {
    let entries = std::fs::read_dir(workspace().join(folder)).expect("the folder can be read").flatten();
    let below = entries.map(|entry| {
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => sources(&path),
            _ if entry.path().extension().is_some_and(|extension| extension == "rs") => file(&path),
            _ => String::new(),
        }
    });
    below.collect()
}

/// Where it is used. The operator of the broker makes its own.
#[test]
fn the_vault_gives_every_secret_that_the_pods_ask_for_and_no_other() {
    let mut asked = BTreeSet::new();
    for (_, template) in pods(overlay("production")) {
        for container in containers(template) {
            for entry in container["env"].as_array().into_iter().flatten() {
                let key = &entry["valueFrom"]["secretKeyRef"];
                asked.extend(key.as_object().map(|_| (text(&key["name"]), text(&key["key"]))));
            }
            for mount in container["volumeMounts"].as_array().into_iter().flatten() {
                let volumes = template["spec"]["volumes"].as_array().unwrap();
                let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
                if volume["secret"].is_null() {
                    continue;
                }
                let folder = format!("{}/", text(&mount["mountPath"]));
                let found = environment(overlay("production"), container);
                let file = found.values().find_map(|value| value.strip_prefix(&folder)).unwrap();
                asked.insert((text(&volume["secret"]["secretName"]), file.to_owned()));
            }
        }
    }
    asked.retain(|(name, _)| name != "rabbitmq-default-user");
    let (_, objects) = every().iter().find(|(origin, _)| origin == "component external-secrets").unwrap();
    let given = objects.iter().filter(|object| kind(object) == "ExternalSecret").flat_map(|object| {
        let name = text(&object["spec"]["target"]["name"]);
        let data = object["spec"]["data"].as_array().unwrap();
        data.iter().map(move |item| (name.clone(), text(&item["secretKey"])))
    });
    assert_eq!(asked, given.collect());
    let told = file("k8s/README.md");
    for (name, key) in &asked {
        let begin = format!("create secret generic {name} --from-file=");
        let is_made = |line: &str| line.contains(&begin) && line.contains(&format!("--from-file={key}="));
        assert!(told.lines().any(is_made), "{name}: {key}");
    }
    let made = file("k8s/overlays/dev/make-secrets");
    let of_production_alone =
        ["tidegate-stripe-api", "tidegate-stripe-checkout", "tidegate-mail", "tidegate-body-keys"];
    for (name, key) in asked.iter().filter(|(name, _)| !of_production_alone.contains(&name.as_str())) {
        assert!(
            made.contains(&format!("make {name} ")) && made.contains(&format!("$values/{key}\"")),
            "{name}"
        );
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
