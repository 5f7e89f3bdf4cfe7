//! A damaged log of a file: SQLite forgets what was committed behind the damage, and says nothing. The product reads the
//! log before, refuses it with words, and saves what is behind the damage. The torn end that a crash leaves is no damage.

use std::fs;
use std::path::Path;

use harness::process_guard::ProcessGuard;
use rustix::process::Signal;
use shared::write_ahead_log;
use sqlx::{Connection, SqliteConnection};
use stripe_sim::Random;

use super::home::{Home, PATIENCE, bytes, said};

const HEAD: usize = 32;
const FRAME: usize = 24 + 4096;

/// A file of two tables with a log of some transactions of a few pages each, and where the last of them begins.
async fn written(path: &Path) -> anyhow::Result<(Vec<u8>, usize)> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let options = options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let mut file = SqliteConnection::connect_with(&options).await?;
    sqlx::query("CREATE TABLE t (a INTEGER PRIMARY KEY, b)").execute(&mut file).await?;
    let log = path.with_file_name("t.db-wal");
    let mut last = 0;
    for _ in 0..6 {
        last = log.metadata()?.len();
        sqlx::query("INSERT INTO t (b) VALUES (randomblob(9000))").execute(&mut file).await?;
    }
    let whole = fs::read(&log)?;
    file.close().await?;
    Ok((whole, usize::try_from(last)?))
}

#[tokio::test]
async fn damage_before_the_last_transaction_is_found_and_a_torn_end_is_none() -> anyhow::Result<()> {
    let folder = ProcessGuard::new("log", Signal::KILL)?;
    let path = folder.folder().join("t.db");
    let (whole, last) = written(&path).await?;
    let log = folder.folder().join("t.db-wal");
    let damage = |bytes: &[u8]| {
        fs::write(&log, bytes)?;
        anyhow::Ok(write_ahead_log::damage(&path)?)
    };
    assert_eq!(damage(&whole)?, None);
    assert!(whole.len() > HEAD + 20 * FRAME && last > HEAD + 12 * FRAME, "{} {last}", whole.len());

    let mut random = Random::of_seed(5);
    let below = |random: &mut Random, end: usize| usize::try_from(random.within(0..end as u64)).unwrap();
    for turn in 0..400 {
        // Every frame has its turn; of the transaction before the last one, what the last rests on must be left.
        let frame = HEAD + (turn % ((last - HEAD) / FRAME)) * FRAME;
        let at = frame + below(&mut random, FRAME);
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << below(&mut random, 8);
        let found = damage(&flipped)?;
        // The last transaction's first frame rests on the checksum of the one before it, and only there it is stored.
        let is_seam = (last - FRAME..last - FRAME + 24).contains(&at);
        assert!(found.is_some() || is_seam, "byte {at} of {}, last {last}", whole.len());
        let Some(found) = found else { continue };
        assert!(found.starts_with("its log (t.db-wal) cannot be read from frame "), "{found}");
        assert!(found.ends_with(" on, and more was committed behind it"), "{found}");
    }
    for at in 0..HEAD {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << below(&mut random, 8);
        let found = damage(&flipped)?;
        // Which way checksums are read, and how long a frame is, are said nowhere else.
        assert!(found.is_some() || (0..12).contains(&at), "byte {at} of the head");
    }
    // A crash tears the end: it is cut off anywhere, or some sectors of the last transaction are missing.
    for _ in 0..200 {
        assert_eq!(damage(&whole[..below(&mut random, whole.len())])?, None);
        let mut torn = whole.clone();
        for sector in (last.div_ceil(512)..whole.len() / 512).filter(|_| random.percent(40)) {
            torn[sector * 512..(sector + 1) * 512].fill(0);
        }
        assert_eq!(damage(&torn)?, None);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_behind_the_damage_in_a_log_is_refused_with_words_and_saved() -> anyhow::Result<()> {
    const SENT: usize = 12;
    let home = Home::new()?;
    home.start("gateway").await?.stop().await?; // the schema is in the file itself
    let running = home.start("gateway").await?;
    home.send(51, SENT).await?;
    running.kill();
    let log = home.path("queue.db-wal");
    let mut damaged = bytes(&log);
    let second = HEAD + 2 * FRAME + 2_000;
    damaged[second] ^= 4;
    fs::write(&log, &damaged)?;

    let last = home.refusal("up").await?;
    let words = "error: the queue at sqlite:queue.db is damaged: its log (queue.db-wal) cannot be read from frame 3 of ";
    assert!(last.starts_with(words) && last.contains("`tidegate queue recover`"), "{last}");
    assert_eq!(bytes(&log), damaged, "nothing was changed");
    let (doctor, code) = said(&home.tool(&["doctor"]));
    assert!(doctor.contains("its log (queue.db-wal) cannot be read") && code == 1, "{doctor}");

    let (done, code) = said(&home.tool(&["queue", "recover", "--yes", "--json"]));
    assert_eq!(code, 0, "{done}");
    let done: serde_json::Value = serde_json::from_str(&done)?;
    let saved = usize::try_from(done["done"]["saved"].as_u64().expect("a number"))?;
    assert!((SENT - 1..=SENT).contains(&saved), "{done}");
    let running = home.start("up").await?;
    home.ledger().has_handled(saved, PATIENCE).await?;
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_whose_log_is_damaged_is_refused() -> anyhow::Result<()> {
    let home = Home::new()?;
    home.start("up").await?.stop().await?;
    let running = home.start("up").await?;
    home.send(52, 8).await?;
    home.ledger().has_handled(8, PATIENCE).await?;
    running.kill();
    let log = home.path("ledger.db-wal");
    let mut damaged = bytes(&log);
    damaged[HEAD + FRAME + 1_000] ^= 1;
    fs::write(&log, &damaged)?;
    let last = home.refusal("up").await?;
    let words = "error: the ledger is damaged: its log (ledger.db-wal) cannot be read from frame 2 of ";
    assert!(last.starts_with(words) && last.contains("tidegate backfill --since 30d"), "{last}");
    assert_eq!(bytes(&log), damaged, "nothing was changed");
    Ok(())
}
