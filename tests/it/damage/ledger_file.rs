//! A damaged ledger.db: refused at the start with words and what to do, told by the doctor, and found while it
//! runs. It never looks like an outage that passes.

use std::fs;

use harness::client::Answer;
use harness::stories::Stories;
use sqlx::Connection;

use super::home::{Home, PATIENCE, bytes, said};
use super::queue_file::{garbage, overwrite_all_but_the_first_page, page};
use crate::queue_contract::backend::open_file;

const REMEDY: &str = "Replace it by the last backup, or by what `sqlite3 ledger.db .dump` still reads (docs/runbook.md, \"A damaged ledger.db\"). Then run `tidegate migrate`, `tidegate rebuild --yes`, and `tidegate backfill --since 30d` for newer events";

/// What is done to the bytes of a sound file.
type Damage = fn(&mut Vec<u8>);

/// An installation that has handled some events and was stopped.
async fn used() -> anyhow::Result<Home> {
    let home = Home::new()?;
    let running = home.start("up").await?;
    home.send(41, 40).await?;
    home.ledger().has_handled(40, PATIENCE).await?;
    running.stop().await?;
    Ok(home)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_ledger_is_refused_with_words_and_not_changed() -> anyhow::Result<()> {
    let home = used().await?;
    let path = home.path("ledger.db");
    let sound = bytes(&path);
    let faults: &[(&str, Damage)] = &[
        ("one bad page", |file| garbage(file, |file| page(file, 0x0d, 3))),
        ("a bad first page", |file| garbage(file, |_| 1)),
        ("cut off", |file| file.truncate(file.len() / 2)),
        ("empty", Vec::clear),
    ];
    for (name, damage) in faults {
        let mut damaged = sound.clone();
        damage(&mut damaged);
        fs::write(&path, &damaged)?;
        let last = home.refusal("up").await?;
        assert!(
            last.starts_with("error: the ledger is damaged: ") && last.contains(REMEDY),
            "{name}: {last}"
        );
        let (doctor, code) = said(&home.tool(&["doctor"]));
        assert!(
            doctor.contains("is damaged: ") && doctor.contains("ACT   ledger") && code == 1,
            "{name}: {doctor}"
        );
        assert!(doctor.contains("backfill"), "{name}: {doctor}");
        assert_eq!(bytes(&path), damaged, "{name}: it was changed");
    }
    fs::write(&path, &sound)?;
    let (doctor, _) = said(&home.tool(&["doctor"]));
    assert!(
        doctor.contains("ok    ledger file ") && doctor.contains("is intact, every page of it"),
        "{doctor}"
    );
    home.start("up").await?.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_to_the_ledger_while_it_runs_ends_the_process_and_keeps_the_event() -> anyhow::Result<()> {
    let home = used().await?;
    let running = home.start("up").await?;
    let path = home.path("ledger.db");
    // Another process writes: what the worker has in memory counts no more, and it reads the file again.
    let mut other = open_file(&path).await?;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await?;
    sqlx::query("PRAGMA user_version = 1").execute(&mut other).await?;
    overwrite_all_but_the_first_page(&path)?;
    sqlx::query("COMMIT").execute(&mut other).await?;
    drop(other.close().await);
    let answer = home.client().send(&Stories::of_seed(42).succeeded_payment().body).await;
    let last = running.ends_in_failure().await?;
    assert!(
        last.starts_with("error: the worker ended: the ledger is damaged: ") && last.contains(REMEDY),
        "{last}"
    );
    let left = u64::from(answer == Answer::Status(200));
    assert_eq!(home.waiting().await?, left, "what was accepted waits in the queue");
    Ok(())
}
