//! Lists of any size are exported within the same memory.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Instant;

use harness::binaries::binary;
use harness::empty_ledger;
use harness::process_guard::ProcessGuard;
use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use super::sales::sale;
use crate::ledgers::{open, together};

/// The rows of one payment again, so many times, each under another id and of its own second.
async fn copied(path: &str, count: u64) {
    let mut connection = SqliteConnection::connect(path).await.unwrap();
    let columns = sqlx::query("SELECT name FROM pragma_table_info('payments')")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let columns: Vec<String> = columns.iter().map(|row| row.get(0)).collect();
    let values: Vec<String> = columns
        .iter()
        .map(|column| match column.as_str() {
            "id" => "printf('pi_%08d', n.i)".to_owned(),
            "created_at" | "first_event_at" => {
                format!("strftime('%Y-%m-%dT%H:%M:%S+00:00', p.{column}, '-' || n.i || ' seconds')")
            }
            other => format!("p.{other}"),
        })
        .collect();
    let statement = format!(
        "INSERT INTO payments ({}) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         SELECT {} FROM (SELECT * FROM payments LIMIT 1) p CROSS JOIN n",
        columns.join(", "),
        values.join(", ")
    );
    sqlx::query("PRAGMA synchronous = OFF").execute(&mut connection).await.unwrap();
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// What the kernel says of a process's largest size, in KiB.
fn peak(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

async fn exported(rows: u64) -> u64 {
    let folder = ProcessGuard::new("exported", Signal::KILL).unwrap();
    let url = empty_ledger::copy_to(&folder.folder().join("ledger.db")).unwrap();
    let ledger = open(&url).await;
    for event in sale("one", "user_1", 1_999, 0).paid() {
        together(&ledger, &[&event]).await;
    }
    ledger.close().await;
    copied(&url, rows - 1).await;
    let begun = Instant::now();
    let mut tool = Command::new(binary("tidegate"))
        .args(["payments", "list", "--csv", "--limit", &rows.to_string()])
        .env_clear()
        .env("DATABASE_URL", &url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut output, mut buffer, mut lines, mut bytes, mut most) =
        (tool.stdout.take().unwrap(), vec![0; 1 << 20], 0, 0, 0);
    loop {
        let read = output.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        lines += buffer[..read].split(|byte| *byte == b'\n').count() as u64 - 1;
        bytes += read as u64;
        most = most.max(peak(tool.id()).unwrap_or(0));
    }
    assert!(tool.wait().unwrap().success());
    assert_eq!(lines, rows + 1, "each row, and the head");
    println!(
        "{rows} rows, {} MB of CSV in {:.1?}, at most {} MiB of memory",
        bytes / 1_000_000,
        begun.elapsed(),
        most / 1_024
    );
    most
}

/// The program, and the 64 MiB of pages that SQLite keeps in memory for each of two connections: that is reached after some
/// 400,000 rows, and not exceeded by any number.
const LIMIT_KIB: u64 = 200 * 1_024;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_exported_a_page_at_a_time() {
    let most = exported(60_000).await;
    assert!(most < LIMIT_KIB, "{most} KiB");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures: cargo test --workspace --release --test it -- --ignored --nocapture five_million_rows"]
async fn five_million_rows_take_no_more_memory() {
    for rows in [1_000_000, 5_000_000] {
        let most = exported(rows).await;
        assert!(most < LIMIT_KIB, "{most} KiB");
    }
}
