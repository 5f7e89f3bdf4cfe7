//! A database's file that is removed or replaced while it is in use: what is written then is in no file that
//! anybody can open again, so the process ends, and says so.

use std::path::Path;

use harness::client::Answer;
use harness::stories::Stories;

use super::home::{Home, PATIENCE};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_goes_while_it_is_in_use_ends_the_process_with_words() -> anyhow::Result<()> {
    for (name, how, words) in [
        ("queue.db", "removed", "queue.db was removed while it was in use"),
        ("queue.db", "replaced", "queue.db was replaced by another file while it was in use"),
        ("queue.db-wal", "removed", "queue.db-wal was removed while it was in use"),
        ("ledger.db", "removed", "ledger.db was removed while it was in use"),
        ("ledger.db", "replaced", "ledger.db was replaced by another file while it was in use"),
        ("ledger.db-wal", "removed", "ledger.db-wal was removed while it was in use"),
    ] {
        eprintln!("{name} {how}");
        let home = Home::new()?;
        let running = home.start("up").await?;
        home.send(21, 1).await?;
        home.ledger().has_handled(1, PATIENCE).await?;
        go(&home.path(name), how)?;
        let last = running.ends_in_failure().await?;
        assert!(last.contains(words) && last.contains("tidegate backfill"), "{last}");
        if how == "removed" && !name.ends_with("-wal") {
            // What it left behind belongs to no other file.
            let again = home.refusal("up").await?;
            assert!(
                again.contains("file is missing, but its log (-wal) is there. Put the file back, or"),
                "{again}"
            );
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_not_accepted_into_a_file_that_is_gone() -> anyhow::Result<()> {
    let home = Home::new()?;
    let running = home.start("gateway").await?;
    let mut client = home.client();
    let mut stories = Stories::of_seed(22);
    assert_eq!(client.send(&stories.succeeded_payment().body).await, Answer::Status(200));
    go(&home.path("queue.db"), "removed")?;
    // At once: the commit itself must notice, not only the look once a second.
    let answer = client.send(&stories.succeeded_payment().body).await;
    assert!(!answer.accepted(), "{answer:?}");
    running.ends_in_failure().await?;
    Ok(())
}

fn go(path: &Path, how: &str) -> std::io::Result<()> {
    if how == "removed" {
        return std::fs::remove_file(path);
    }
    let copy = path.with_added_extension("copy");
    std::fs::copy(path, &copy)?;
    std::fs::rename(copy, path)
}
