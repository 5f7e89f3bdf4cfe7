//! Where `tidegate` is told what to do differently: by `.env`, and by the options of `up`.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use harness::client::get;
use harness::ports::free_range;
use harness::process_guard::{Server, until};
use rustix::process::Signal;

use super::laptop::{Laptop, PATIENCE};

#[tokio::test]
async fn a_file_in_the_folder_configures_every_command_alike() {
    let mut laptop = Laptop::new();
    let lines: Vec<String> =
        laptop.settings.drain(..).map(|(name, value)| format!("{name}={value}\n")).collect();
    let lines = lines.concat();
    fs::write(laptop.path(".env"), format!("# a laptop\n{lines}TIDEGATE_DATA_DIR='kept-here' # beside it\n"))
        .unwrap();
    fs::set_permissions(laptop.path(".env"), fs::Permissions::from_mode(0o644)).unwrap();
    let up = laptop.up().await;
    assert!(laptop.path("kept-here/ledger.db").exists() && !laptop.path("data").exists());
    let sent = laptop.json(&["send", "canceled", "--json"]);
    laptop.has_events(sent["sent"].as_u64().unwrap()).await;
    // What the environment says counts first.
    let refusal = laptop.refusal(&["events", "list"], &[("TIDEGATE_DATA_DIR", "elsewhere")], 1);
    assert!(refusal.contains("elsewhere/ledger.db"), "{refusal}");
    laptop.ends_well(up);
}

#[test]
fn a_file_with_secrets_that_others_can_read_is_refused() {
    let laptop = Laptop::new();
    fs::write(laptop.path(".env"), "STRIPE_SECRET_KEY=sk_test_hunter2hunter2hunter2hunter2\n").unwrap();
    fs::set_permissions(laptop.path(".env"), fs::Permissions::from_mode(0o644)).unwrap();
    let refusal = laptop.refusal(&["env"], &[], 2);
    assert!(refusal.contains("chmod 600 .env") && !refusal.contains("hunter2"), "{refusal}");
    fs::set_permissions(laptop.path(".env"), fs::Permissions::from_mode(0o600)).unwrap();
    let shown = laptop.said(&["env"]);
    assert!(shown.contains("STRIPE_SECRET_KEY  (set, hidden)") && !shown.contains("hunter2"));
    for nonsense in ["hunter2\n", "A='hunter2\n"] {
        fs::write(laptop.path(".env"), nonsense).unwrap();
        let refusal = laptop.refusal(&["env"], &[], 2);
        assert!(refusal.contains("line 1") && !refusal.contains("hunter2"), "{refusal}");
    }
}

#[tokio::test]
async fn up_is_moved_by_its_options_and_says_how_others_find_it() {
    let laptop = Laptop::new();
    let folder = laptop.path("elsewhere");
    let (mut up, port) = moved_up(&laptop, folder.to_str().unwrap()).await;
    let gateway = SocketAddr::from(([127, 0, 0, 1], port));
    assert_eq!(get(gateway, "/api/health").await.unwrap().0, 200);
    for inner in [port + 1, port + 2] {
        assert_eq!(get(SocketAddr::from(([127, 0, 0, 1], inner)), "/readyz").await.unwrap().0, 200);
    }
    assert!(folder.join("queue.db").exists() && folder.join("dev-webhook-secret").exists());
    assert!(!laptop.path("data").exists());

    let greeting = laptop.greeting();
    let line = greeting.lines().find(|line| line.contains("export TIDEGATE_DATA_DIR=")).unwrap();
    let settings: Vec<(&str, &str)> =
        line.split_whitespace().filter_map(|word| word.split_once('=')).collect();
    assert_eq!(settings.len(), 6, "{line}");
    let sent = laptop.run_with(&["send", "canceled"], &settings);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    let listed = laptop.run_with(&["events", "list"], &settings);
    assert!(listed.status.success());
    up.signal(Signal::TERM);
    until("it to end", PATIENCE, async || Ok(up.has_exited())).await.unwrap();
    assert!(up.succeeded());
}

#[test]
fn a_data_folder_does_not_replace_what_a_url_names() {
    let laptop = Laptop::new();
    let refusal =
        laptop.refusal(&["up", "--data-dir", "x"], &[("DATABASE_URL", "postgres://db.example/x")], 2);
    assert!(refusal.contains("DATABASE_URL is set"), "{refusal}");
    assert!(!laptop.path("x").exists());
}

/// An `up` at the first of five ports in a row, which are all its own.
async fn moved_up(laptop: &Laptop, folder: &str) -> (Server, u16) {
    let port = free_range(5);
    let mut up = laptop.start(&["up", "--port", &port.to_string(), "--data-dir", folder], &[]);
    let greeted = until("tidegate to greet", PATIENCE, async || {
        anyhow::ensure!(!up.has_exited(), "it ended: {}", laptop.log());
        Ok(laptop.greeting().contains("in another terminal"))
    });
    greeted.await.unwrap();
    (up, port)
}
