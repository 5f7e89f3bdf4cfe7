//! The examples of docs/api.md, typed as they stand there.

use std::process::Command;

use harness::binaries::workspace;
use serde_json::Value;

use super::office::each_office;
use super::reads::furnish;

/// The commands of the page that ask the API, each on one line.
fn commands() -> Vec<String> {
    let page = std::fs::read_to_string(workspace().join("docs/api.md")).unwrap();
    let blocks =
        page.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap().replace("\\\n", " "));
    blocks
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.starts_with("curl "))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_page_works() {
    let commands = commands();
    assert!(commands.len() >= 6, "{commands:?}");
    each_office("examples", async |office| {
        furnish(office).await;
        for command in &commands {
            let mut shell = Command::new("sh");
            shell
                .args(["-c", command])
                .env("TOKEN", &office.root)
                .env("API", format!("http://{}", office.api.address));
            let output =
                tokio::task::spawn_blocking(move || shell.output().expect("sh starts")).await.unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{command}: {text}"));
            assert!(answer.get("code").is_none(), "{command}: {answer}");
        }
    })
    .await;
}
