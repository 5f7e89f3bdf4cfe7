//! Who may ask what: every endpoint with a token of every role, and with none.

use console::endpoint::{Access, Endpoint};
use console::openapi::{matrix, may};
use console::resources::endpoints;
use domain::permissions::Role;
use harness::api::{Api, Reply};
use hyper::Method;

use super::office::each_office_with;
use super::reads::furnish;

/// The last section of the page.
const HEADING: &str = "## Who may ask what\n\n";

/// A request that the endpoint would understand, about nothing that there is.
async fn ask(api: &Api, endpoint: &Endpoint) -> Reply {
    let path = endpoint
        .path
        .replace("{id}", "x_none")
        .replace("{user}", "nobody")
        .replace("{name}", "nobody")
        .replace("{key}", "none");
    if endpoint.method == Method::GET {
        return api.get(&path).await;
    }
    api.send(endpoint.method.clone(), &path, &[("content-type", "application/json")], "{}").await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_may_ask_exactly_what_the_table_says() {
    println!("{}", matrix(endpoints()));
    let many =
        [("CONSOLE_TOKEN_REQUESTS_PER_MINUTE", "100000"), ("CONSOLE_ADDRESS_REQUESTS_PER_MINUTE", "100000")];
    each_office_with("matrix", &many, async |office| {
        furnish(office).await;
        for endpoint in endpoints() {
            let stranger = ask(&office.api, endpoint).await;
            assert_eq!(stranger.status == 401, endpoint.access != Access::Anybody, "{}", endpoint.name);
        }
        for role in Role::ALL {
            let api = office.somebody(&role.as_str().replace('_', "-"), *role);
            for endpoint in endpoints() {
                let reply = ask(&api, endpoint).await;
                let admitted = reply.code() != "forbidden";
                assert_eq!(admitted, may(*role, endpoint), "{role} {}: {}", endpoint.name, reply.text);
                assert!(reply.status < 500, "{role} {}: {}", endpoint.name, reply.text);
            }
        }
    })
    .await;
}

/// The page shows the whole of it. `TIDEGATE_WRITE=1` writes it anew.
#[test]
fn the_page_has_the_matrix_of_the_code() {
    let path = harness::binaries::workspace().join("docs/api.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, _) = page.split_once(HEADING).expect("the page has the section");
    let expected = format!("{before}{HEADING}{}", matrix(endpoints()));
    if shared::env::Env::of_process().given("TIDEGATE_WRITE").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(
        page == expected,
        "the end of docs/api.md differs from the code: run this test with TIDEGATE_WRITE=1"
    );
}
