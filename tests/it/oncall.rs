//! What people on call have: a pause that every worker obeys, a screen that says how it goes, and a doctor.

mod doctor;
mod down;
mod money;
mod pause;
mod standing;
mod status;

use std::process::Output;

use serde_json::Value;

/// The output of a command that may end with any exit code, as JSON.
fn json(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// The marks of every line or check of that name.
fn marks<'a>(findings: &'a Value, name: &str) -> Vec<&'a str> {
    let named = findings.as_array().unwrap().iter().filter(|finding| finding["name"] == name);
    named.map(|finding| finding["mark"].as_str().unwrap()).collect()
}

/// All that is said under that name, with what to do.
fn told(findings: &Value, name: &str) -> String {
    let named = findings.as_array().unwrap().iter().filter(|finding| finding["name"] == name);
    let told: Vec<&str> =
        named.flat_map(|it| [it["found"].as_str(), it["advice"].as_str()]).flatten().collect();
    told.join("\n")
}
