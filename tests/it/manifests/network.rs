//! The network policies as the cluster weighs them: of all connections between all that are concerned, on all
//! ports that there are, exactly the listed ones are let through.

use std::collections::BTreeSet;

use serde_json::Value;

use super::render::{containers, kind, overlay, pods};

const PORTS: [u64; 18] =
    [22, 25, 53, 80, 443, 465, 587, 4369, 5432, 5672, 8080, 8081, 8082, 8083, 8084, 15672, 15692, 25672];

/// Everything that may open or accept a connection.
struct Actor {
    name: String,
    namespace: String,
    labels: Vec<(String, String)>,
    /// Outside of the cluster.
    ip: Option<[u8; 4]>,
    /// The ports that have a name, as policies may use it.
    ports: Vec<(String, u64)>,
}

impl Actor {
    fn elsewhere(name: &str, namespace: &str, labels: &[(&str, &str)]) -> Self {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self { name: name.to_owned(), namespace: namespace.to_owned(), labels, ip: None, ports: Vec::new() }
    }

    fn address(name: &str, ip: [u8; 4]) -> Self {
        Self { ip: Some(ip), ..Self::elsewhere(name, "", &[]) }
    }

    fn of(name: &str, namespace: &str, template: &Value) -> Self {
        let labels = template["metadata"]["labels"].as_object().unwrap();
        let ports =
            containers(template).into_iter().flat_map(|it| it["ports"].as_array().into_iter().flatten());
        Self {
            labels: labels
                .iter()
                .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
                .collect(),
            ports: ports
                .map(|port| {
                    (port["name"].as_str().unwrap().to_owned(), port["containerPort"].as_u64().unwrap())
                })
                .collect(),
            ..Self::elsewhere(name.strip_prefix("tidegate-").unwrap_or(name), namespace, &[])
        }
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(found, _)| found == key).map(|(_, value)| value.as_str())
    }
}

/// Whether a label selector chooses by these labels.
fn selects(selector: &Value, label: impl Fn(&str) -> Option<String>) -> bool {
    let by_labels = selector["matchLabels"].as_object().into_iter().flatten();
    let mut expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    by_labels.into_iter().all(|(key, value)| label(key).as_deref() == value.as_str())
        && expressions.all(|it| {
            assert_eq!(it["operator"], "In", "the test knows no other operator");
            let found = label(it["key"].as_str().unwrap());
            it["values"].as_array().unwrap().iter().any(|value| value.as_str() == found.as_deref())
        })
}

fn is_in(ip: [u8; 4], cidr: &str) -> bool {
    let (base, bits) = cidr.split_once('/').unwrap();
    let base: std::net::Ipv4Addr = base.parse().unwrap();
    let bits: u32 = bits.parse().unwrap();
    let kept = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    u32::from_be_bytes(ip) & kept == u32::from(base) & kept
}

/// Whether an entry of `from` or `to` means that actor.
fn means(entry: &Value, actor: &Actor, home: &str) -> bool {
    if let Some(block) = entry.get("ipBlock") {
        let except = block["except"].as_array().into_iter().flatten();
        return actor.ip.is_some_and(|ip| {
            is_in(ip, block["cidr"].as_str().unwrap())
                && !except.into_iter().any(|cidr| is_in(ip, cidr.as_str().unwrap()))
        });
    }
    if actor.ip.is_some() {
        return false;
    }
    let in_namespace = match entry.get("namespaceSelector") {
        Some(selector) => {
            selects(selector, |key| (key == "kubernetes.io/metadata.name").then(|| actor.namespace.clone()))
        }
        None => actor.namespace == home,
    };
    let pods = entry.get("podSelector");
    in_namespace && pods.is_none_or(|selector| selects(selector, |key| actor.label(key).map(str::to_owned)))
}

/// Whether the policies of a namespace let a connection through at one end of it.
fn passes(
    policies: &[&Value],
    home: &str,
    end: &Actor,
    other: &Actor,
    port: (&Actor, u64),
    is_egress: bool,
) -> bool {
    if end.namespace != home || end.ip.is_some() {
        return true;
    }
    let (direction, rules, peers) =
        if is_egress { ("Egress", "egress", "to") } else { ("Ingress", "ingress", "from") };
    let concerned: Vec<&&Value> = policies
        .iter()
        .filter(|policy| policy["spec"]["policyTypes"].as_array().unwrap().iter().any(|it| it == direction))
        .filter(|policy| selects(&policy["spec"]["podSelector"], |key| end.label(key).map(str::to_owned)))
        .collect();
    let number = |named: &Value| match named.as_str() {
        Some(name) => port.0.ports.iter().find(|(found, _)| found == name).map(|(_, number)| *number),
        None => named.as_u64(),
    };
    concerned.is_empty()
        || concerned.iter().flat_map(|policy| policy["spec"][rules].as_array().into_iter().flatten()).any(
            |rule| {
                rule[peers].as_array().unwrap().iter().any(|entry| means(entry, other, home))
                    && rule["ports"].as_array().unwrap().iter().any(|it| number(&it["port"]) == Some(port.1))
            },
        )
}

/// Every connection that is let through where one of the two ends is ours.
fn let_through(of: &str, namespace: &str, elsewhere: Vec<Actor>) -> BTreeSet<String> {
    let objects = overlay(of);
    let policies: Vec<&Value> = objects.iter().filter(|object| kind(object) == "NetworkPolicy").collect();
    let mut actors: Vec<Actor> =
        pods(objects).into_iter().map(|(name, template)| Actor::of(name, namespace, template)).collect();
    actors.push(Actor::elsewhere("rabbitmq", namespace, &[("app.kubernetes.io/name", "rabbitmq")]));
    actors.push(Actor::elsewhere("stranger", namespace, &[]));
    let client = [("app.kubernetes.io/component", "console-client")];
    actors.push(Actor::elsewhere("client", namespace, &client));
    actors.extend(elsewhere);
    let mut through = BTreeSet::new();
    for from in &actors {
        for to in actors.iter().filter(|to| from.namespace == namespace || to.namespace == namespace) {
            for port in PORTS {
                let leaves = passes(&policies, namespace, from, to, (to, port), true);
                if leaves && passes(&policies, namespace, to, from, (to, port), false) {
                    through.insert(format!("{} -> {}:{port}", from.name, to.name));
                }
            }
        }
    }
    through
}

fn set(listed: &[&str]) -> BTreeSet<String> {
    listed.iter().map(|connection| (*connection).to_owned()).collect()
}

fn around() -> Vec<Actor> {
    vec![
        Actor::elsewhere("dns", "kube-system", &[("k8s-app", "kube-dns")]),
        Actor::elsewhere("proxy", "kube-system", &[("k8s-app", "kube-proxy")]),
        Actor::elsewhere("ingress", "ingress", &[]),
        Actor::elsewhere("keda", "keda", &[]),
        Actor::elsewhere("prometheus", "monitoring", &[]),
        Actor::elsewhere("neighbour", "shop", &[("app.kubernetes.io/name", "tidegate-worker")]),
        Actor::address("stripe", [54, 187, 174, 169]),
        Actor::address("private", [10, 1, 2, 3]),
        Actor::address("metadata", [169, 254, 169, 254]),
        Actor::address("ledger", [192, 0, 2, 10]),
    ]
}

#[test]
fn in_production_exactly_these_connections_are_let_through() {
    let expected = set(&[
        "client -> console:8083",
        "client -> dns:53",
        "console -> dns:53",
        "console -> ledger:443", // every public address, Stripe's among them; this one stands for the others
        "console -> ledger:5432",
        "console -> rabbitmq:5672",
        "console -> stripe:443",
        "gateway -> dns:53",
        "gateway -> rabbitmq:5672",
        "ingress -> gateway:8080",
        "keda -> rabbitmq:15672",
        "prepare -> dns:53",
        "prepare -> ledger:5432",
        "prepare -> rabbitmq:5672",
        "prometheus -> console:8084",
        "prometheus -> gateway:8081",
        "prometheus -> rabbitmq:15692",
        "prometheus -> worker:8082",
        "rabbitmq -> dns:53",
        "rabbitmq -> rabbitmq:25672",
        "rabbitmq -> rabbitmq:4369",
        "stranger -> dns:53",
        "worker -> dns:53",
        "worker -> ledger:443",
        "worker -> ledger:465",
        "worker -> ledger:5432",
        "worker -> ledger:587",
        "worker -> rabbitmq:5672",
        "worker -> stripe:443",
        "worker -> stripe:465",
        "worker -> stripe:587",
    ]);
    assert_eq!(let_through("production", "tidegate", around()), expected);
}

#[test]
fn in_development_exactly_these_connections_are_let_through() {
    let expected = set(&[
        "client -> console:8083",
        "client -> dns:53",
        "console -> dns:53",
        "console -> postgres:5432",
        "console -> rabbitmq:5672",
        "gateway -> dns:53",
        "gateway -> rabbitmq:5672",
        "postgres -> dns:53",
        "prepare -> dns:53",
        "prepare -> postgres:5432",
        "prepare -> rabbitmq:5672",
        "rabbitmq -> dns:53",
        "rabbitmq -> rabbitmq:25672",
        "rabbitmq -> rabbitmq:4369",
        "stranger -> dns:53",
        "worker -> dns:53",
        "worker -> postgres:5432",
        "worker -> rabbitmq:5672",
    ]);
    assert_eq!(let_through("dev", "tidegate-dev", around()), expected);
}
