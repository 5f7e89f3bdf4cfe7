//! The receivers in docs/notices.md run as they stand there, and handle each notice once.

use std::fs::File;
use std::process::{Command, Stdio};

use harness::binaries::workspace;
use harness::ports::loopback;
use harness::process_guard::{ProcessGuard, until};
use harness::stack::{Combination, Stack};
use rustix::process::Signal;

use super::scene::{KEY, PATIENCE, json_of, paid, peer, tell, wait};

/// The first block of code in this language.
fn example(language: &str) -> String {
    let page = std::fs::read_to_string(workspace().join("docs/notices.md")).unwrap();
    let (_, code) = page.split_once(&format!("```{language}\n")).expect("the page has an example");
    code.split("```").next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receivers_of_the_documentation_handle_each_notice_once() {
    let guard = ProcessGuard::new("consumers", Signal::KILL).unwrap();
    let stack = Stack::start_with(Combination::SqliteSqlite, &[KEY]).await;
    let mut running = Vec::new();
    for (name, language, program) in [("python", "python", "consumer.py"), ("node", "js", "consumer.mjs")] {
        let (address, file) = (loopback(), guard.folder().join(program));
        std::fs::write(&file, example(language)).unwrap();
        assert!(example(language).lines().count() <= 34, "{language}: about 30 lines");
        let url = format!("http://{address}/");
        let words =
            ["notices", "targets", "add", name, "webhook", &url, "--allow-private", "--kind", "payment.*"];
        let secret = json_of(&stack, &words).await["secret"].as_str().unwrap().to_owned();
        let log = guard.folder().join(format!("{name}.log"));
        let mut command = guard.command(if name == "python" { "python3" } else { "node" });
        command
            .arg(&file)
            .env("PORT", address.port().to_string())
            .env("WEBHOOK_SECRET", &secret)
            .env("WEBHOOK_DB", guard.folder().join(format!("{name}.db")))
            .env("MODULES", peer("node"))
            .stdout(File::create(&log).unwrap())
            .stderr(Stdio::null());
        running.push((guard.spawn(&mut command).unwrap(), log));
        let answers =
            until("a consumer", PATIENCE, async || Ok(tokio::net::TcpStream::connect(address).await.is_ok()));
        answers.await.unwrap();
        // What is not signed is refused.
        let forged = Command::new("curl")
            .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-d", "{}", "-H", "webhook-id: x"])
            .args(["-H", "webhook-timestamp: 1", "-H", "webhook-signature: v1,AAAA", &url])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&forged.stdout), "401", "{name}");
    }
    tell(&stack, "payment_intent.succeeded", &paid("pi_1", 0), 0).await;
    let handled =
        |log: &std::path::Path| std::fs::read_to_string(log).unwrap().matches("handled ntc_").count();
    for (_, log) in &running {
        wait(&stack, "the notice to be handled", async || handled(log) == 1).await;
    }
    let delivered = "SELECT count(*) FROM notice_deliveries WHERE state = 'delivered'";
    let count = async || stack.ledger().count(delivered).await.unwrap();
    wait(&stack, "both to be delivered", async || count().await == 2).await;
    for name in ["python", "node"] {
        stack.tidegate(&["notices", "replay", "--target", name, "--since", "1h", "--all"]).await.unwrap();
    }
    let attempts = "SELECT count(*) FROM notice_deliveries WHERE state = 'delivered' AND attempts = 1";
    wait(&stack, "both to be sent again", async || stack.ledger().count(attempts).await.unwrap() == 2).await;
    assert!(running.iter().all(|(_, log)| handled(log) == 1), "each was handled once");
    stack.end().await;
}
