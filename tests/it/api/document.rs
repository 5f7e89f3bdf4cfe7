//! The OpenAPI document: it is the code's, it is committed, and the real process keeps to it.

use console::openapi::document;
use console::resources::endpoints;
use harness::binaries::workspace;
use hyper::Method;
use serde_json::Value;

use super::office::each_office;

const COMMITTED: &str = "docs/openapi.json";

/// `TIDEGATE_WRITE=1` writes it anew.
#[test]
fn the_committed_document_is_the_codes() {
    let path = workspace().join(COMMITTED);
    let text = serde_json::to_string_pretty(&document(endpoints())).unwrap() + "\n";
    if shared::env::Env::of_process().given("TIDEGATE_WRITE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(
        committed == text,
        "{COMMITTED} differs from the code: run this test with TIDEGATE_WRITE=1, and look at the difference"
    );
}

#[test]
fn whatever_can_be_looked_at_is_in_its_section_of_the_page() {
    let page = std::fs::read_to_string(workspace().join("docs/api.md")).unwrap();
    let section = page.split("\n## Looking\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let gets = endpoints().filter(|endpoint| endpoint.method == Method::GET);
    let paths: Vec<&str> =
        gets.map(|endpoint| endpoint.path).filter(|path| path.starts_with("/api/v1/")).collect();
    assert!(paths.len() > 40, "{paths:?}");
    for path in paths {
        assert!(
            section.contains(path),
            "docs/api.md says nothing of {path} where it says what can be looked at"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_serves_the_committed_document() {
    let committed: Value =
        serde_json::from_str(&std::fs::read_to_string(workspace().join(COMMITTED)).unwrap()).unwrap();
    each_office("document", async |office| {
        let reply = office.api.get("/api/openapi.json").await;
        assert_eq!((reply.status, reply.json()), (200, committed.clone()));
    })
    .await;
}
