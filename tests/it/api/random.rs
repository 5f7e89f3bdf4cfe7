//! The API asked at random, from its own document, with a token of each role: no answer is a fault of the program, and
//! none is one that the document does not tell of.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::permissions::Role;
use harness::binaries::workspace;
use serde_json::{Value, json};

use super::office::{Office, each_office_with};
use super::reads::furnish;

/// Requests for each endpoint and role. `TIDEGATE_API_EXAMPLES` asks for more: then also at the bounds of every parameter,
/// and with every role on every ledger.
const EXAMPLES: &str = "3";
/// What is held against the document. Whether a request is refused is the rules' business.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";

/// The document with ids of things that there are beside those that are made up.
fn with_examples(document: &mut Value) {
    let examples = [
        ("/payments/", "pi_a"),
        ("/charges/", "ch_a"),
        ("/refunds/", "re_b"),
        ("/disputes/", "dp_a"),
        ("/invoices/", "in_a"),
        ("/customers/", "cus_a"),
        ("/subscriptions/", "sub_1"),
        ("/bans/", "user_1"),
        ("/events/", "evt_a_invoice_paid"),
        ("/dead-letters/", "evt_broken"),
        ("/staff/", "root"),
    ];
    for (path, operations) in document["paths"].as_object_mut().unwrap() {
        let Some((_, id)) = examples.iter().find(|(part, _)| path.contains(part)) else { continue };
        for operation in operations.as_object_mut().unwrap().values_mut() {
            for parameter in operation["parameters"].as_array_mut().unwrap() {
                if parameter["in"] == "path" {
                    parameter["example"] = json!(id);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_a_fault_or_unheard_of() {
    let many = [
        ("CONSOLE_TOKEN_REQUESTS_PER_MINUTE", "1000000"),
        ("CONSOLE_ADDRESS_REQUESTS_PER_MINUTE", "1000000"),
    ];
    let (ledgers, is_short) = (AtomicUsize::new(0), examples().is_none());
    each_office_with("random", &many, async |office| {
        furnish(office).await;
        let ledger = ledgers.fetch_add(1, Ordering::Relaxed);
        let asked = |(place, _): &(usize, &Role)| !is_short || place % 2 == ledger % 2;
        for (_, role) in Role::ALL.iter().enumerate().filter(asked) {
            let name = role.as_str().replace('_', "-");
            let token = office.somebody(&name, *role).token.unwrap();
            ask(office, &token, role.as_str()).await;
        }
    })
    .await;
}

/// How many were asked for.
fn examples() -> Option<String> {
    shared::env::Env::of_process().given("TIDEGATE_API_EXAMPLES").map(str::to_owned)
}

async fn ask(office: &Office, token: &str, role: &str) {
    let installed = workspace().join("target/peers");
    assert!(installed.join("installed").is_file(), "schemathesis is missing: run scripts/peers");
    let mut document = office.api.get("/api/openapi.json").await.json();
    with_examples(&mut document);
    let path = office.folder().join("openapi.json");
    std::fs::write(&path, document.to_string()).unwrap();
    let (examples, phases) = match examples() {
        Some(examples) => (examples, "examples,coverage,fuzzing"),
        None => (EXAMPLES.to_owned(), "examples,fuzzing"),
    };
    let mut command = Command::new(installed.join("python/bin/schemathesis"));
    command
        .arg("run")
        .arg(&path)
        .args(["--url", &format!("http://{}", office.api.address)])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--checks", CHECKS, "--max-examples", &examples, "--phases", phases])
        // A token that revokes itself, or its person, would end the run.
        .args(["--exclude-operation-id", "revoke_token", "--exclude-operation-id", "disable_member"])
        .args(["--exclude-operation-id", "set_roles"])
        .args(["--generation-deterministic", "--suppress-health-check", "all", "--no-color"])
        .current_dir(office.folder());
    let output =
        tokio::task::spawn_blocking(move || command.output().expect("schemathesis starts")).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{role}: {said}{}", String::from_utf8_lossy(&output.stderr));
}
