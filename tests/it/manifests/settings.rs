//! The environment of a container as the process in it would find it: from its `ConfigMap`, its own entries, and
//! something in the place of each secret.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use harness::binaries::binary;
use serde_json::Value;
use shared::env::Env;

use super::render::{one, run};

/// Stands for whatever a Secret holds.
pub(super) const SECRET: &str = "s3cret";

/// A variable that the code reads, with its default.
pub(crate) fn variables() -> &'static BTreeMap<String, String> {
    static VARIABLES: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    VARIABLES.get_or_init(|| {
        let mut command = std::process::Command::new(binary("tidegate"));
        let told = run(command.args(["env", "--json"]).env_clear(), "").expect("`tidegate env --json` works");
        let told: Value = serde_json::from_str(&told).expect("it prints a document");
        let rows = told["items"].as_array().expect("it has a list");
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        rows.iter().map(|row| (text(row, "name"), text(row, "default"))).collect()
    })
}

/// What the container's process finds, with `$(NAME)` replaced as the kubelet does it.
pub(super) fn environment(objects: &[Value], container: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for source in container["envFrom"].as_array().into_iter().flatten() {
        let map = one(objects, "ConfigMap", source["configMapRef"]["name"].as_str().unwrap());
        let pairs = map["data"].as_object().unwrap();
        found.extend(pairs.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())));
    }
    for entry in container["env"].as_array().into_iter().flatten() {
        let value = match entry["value"].as_str() {
            Some(value) => found.iter().fold(value.to_owned(), |value, (name, of): (&String, &String)| {
                value.replace(&format!("$({name})"), of)
            }),
            None => stand_in(entry),
        };
        assert!(
            !value.contains("$("),
            "{}: a variable must stand before the one that uses it",
            entry["name"]
        );
        found.insert(entry["name"].as_str().unwrap().to_owned(), value);
    }
    found
}

/// The same for the code: a file with secrets becomes a secret, as there is no such file here.
pub(super) fn env_of(found: &BTreeMap<String, String>) -> Env {
    let stand_in = |name: &str, value: &str| match name {
        "STRIPE_WEBHOOK_SECRET_FILE" | "STRIPE_WEBHOOK_SECRET" => {
            ("STRIPE_WEBHOOK_SECRET".to_owned(), "whsec_0123456789abcdefGHIJ".to_owned())
        }
        "ENVELOPE_KEY_FILE" | "ENVELOPE_KEY" => {
            ("ENVELOPE_KEY".to_owned(), "0123456789abcdef0123456789abcdef".to_owned())
        }
        "NOTICE_SMTP_PASSWORD_FILE" => ("NOTICE_SMTP_PASSWORD".to_owned(), "hunter2".to_owned()),
        "STAFF_KEY_FILE" | "STAFF_KEY" => {
            ("STAFF_KEY".to_owned(), "0123456789abcdef0123456789abcdef".to_owned())
        }
        "AUDIT_KEY_FILE" => ("AUDIT_KEY".to_owned(), "0123456789abcdef0123456789abcdef".to_owned()),
        // Of its own kind: the file has several.
        "BODY_KEYS_FILE" => (name.to_owned(), String::new()),
        "STRIPE_SECRET_KEY_FILE" => ("STRIPE_SECRET_KEY".to_owned(), "rk_live_0123456789".to_owned()),
        _ => (name.to_owned(), value.to_owned()),
    };
    let pairs: Vec<(String, String)> = found.iter().map(|(name, value)| stand_in(name, value)).collect();
    let borrowed: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Env::of(&borrowed)
}

/// What counts for that process: what is set, else the default of the code.
pub(crate) fn number(found: &BTreeMap<String, String>, variable: &str) -> u64 {
    let value = found.get(variable).or_else(|| variables().get(variable));
    value.unwrap_or_else(|| panic!("no code reads {variable}")).parse().expect("a number")
}

fn stand_in(entry: &Value) -> String {
    let secret = &entry["valueFrom"]["secretKeyRef"];
    assert!(secret.is_object(), "{}: neither a value nor a key of a Secret", entry["name"]);
    match (secret["name"].as_str().unwrap(), secret["key"].as_str().unwrap()) {
        ("tidegate-database", key) => {
            let user = if key == "owner-url" { "tidegate_owner" } else { "tidegate_worker" };
            format!("postgres://{user}:{SECRET}@postgres.example:5432/tidegate")
        }
        _ => SECRET.to_owned(),
    }
}
