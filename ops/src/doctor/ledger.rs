//! Checks the ledger: whether it answers, has this build's schema, keeps commits, and has free connections.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use ledger::settings::{PostgresSettings, Settings};
use ledger::{BATCH_LOCKS, Ledger, LedgerError};
use shared::clock;
use shared::env::Env;

use super::event_families;
use crate::finding::Finding;
use crate::output::me;
use crate::{open, pause, when};

const ANSWERS: &str = "ledger";
const SCHEMA: &str = "ledger schema";
const DURABLE: &str = "ledger durability";
const CONNECTIONS: &str = "ledger connections";
const LOCKS: &str = "ledger locks";
const TEXT_ORDER: &str = "ledger collation";
const CLOCK: &str = "ledger clock";
const FREE_LOOK: i64 = 10;
/// Eight workers with two lanes each: what the manifests for Kubernetes scale to.
const BATCHES_LOOK: usize = 16;
const CLOCK_LOOK: TimeDelta = TimeDelta::seconds(2);
const CLOCK_ACT: TimeDelta = TimeDelta::seconds(30);
const SAMPLE_EVENTS: i64 = 1_000;
/// lz4 for raw bodies came with it.
const OLDEST_VERSION: u32 = 14;

pub struct Examined {
    pub findings: Vec<Finding>,
    /// For our clock, where the gateway cannot tell.
    pub delay_least_secs: Option<f64>,
}

impl From<Finding> for Examined {
    fn from(finding: Finding) -> Self {
        Self { findings: vec![finding], delay_least_secs: None }
    }
}

pub async fn check(env: &Env, now: DateTime<Utc>) -> Examined {
    let ledger = match open::patient(env).await {
        Ok(ledger) => ledger,
        Err(error) => {
            let is_fatal = error.downcast_ref().is_some_and(LedgerError::is_fatal);
            let advice = if is_fatal {
                "stop the worker, and follow its message".to_owned()
            } else {
                format!("`{} up` or `{} migrate` creates one; or set DATABASE_URL", me(), me())
            };
            return Finding::act(ANSWERS, format!("{error:#}"), advice).into();
        }
    };
    let examined = examine(&ledger, now).await;
    ledger.close().await;
    examined
}

async fn examine(ledger: &Ledger, now: DateTime<Utc>) -> Examined {
    let (asked, before) = (Instant::now(), clock::now());
    let settings = match ledger.settings().await {
        Ok(settings) => settings,
        Err(error) => {
            let advice = if error.is_fatal() {
                "stop the worker, and follow its message"
            } else {
                "do what it says; workers hold their events until the ledger answers"
            };
            return Finding::act(ANSWERS, format!("{}: {error}", ledger.shown()), advice).into();
        }
    };
    let took = TimeDelta::from_std(asked.elapsed()).unwrap_or(TimeDelta::MAX);
    let mut findings = vec![Finding::ok(
        ANSWERS,
        format!("{} answers, in {}, {}", ledger.shown(), when::shown(took), version(&settings)),
    )];
    let schema = ledger.check_schema().await;
    findings.push(match &schema {
        Ok(()) => Finding::ok(SCHEMA, "this build's"),
        Err(error) => Finding::act(
            SCHEMA,
            error.to_string(),
            format!("`{} migrate` updates an older one; a newer one needs the newer program", me()),
        ),
    });
    match &settings {
        Settings::Postgres(postgres) => findings.extend(of_postgres(postgres, before + took / 2)),
        Settings::Sqlite(sqlite) => findings.push(Finding::weighed(
            DURABLE,
            format!("journal {}, every commit {}", sqlite.journal_mode, synced(sqlite.synchronous)),
            (sqlite.journal_mode != "wal" || sqlite.synchronous < 2, false),
            "keep the file on a local disk: a write-ahead log needs shared memory and reliable syncs",
        )),
    }
    if let Ok(Some(pause)) = ledger.lasting_pause().await {
        let advice = format!("`{} worker resume` once the cause is removed", me());
        findings.push(Finding::look("consumption", pause::in_words(&pause), advice));
    }
    if schema.is_ok() {
        findings.push(event_families::seen(ledger).await);
    }
    let delay_least_secs = if schema.is_ok() { delay_least_secs(ledger, now).await } else { None };
    Examined { findings, delay_least_secs }
}

fn version(settings: &Settings) -> String {
    match settings {
        Settings::Postgres(settings) => format!("Postgres {}", settings.version),
        Settings::Sqlite(settings) => format!("SQLite {}", settings.version),
    }
}

fn synced(synchronous: i64) -> &'static str {
    if synchronous >= 2 { "synced to the disk" } else { "not synced to the disk" }
}

fn of_postgres(settings: &PostgresSettings, ours: DateTime<Utc>) -> Vec<Finding> {
    let mut findings = durability(settings);
    let major: u32 = settings.version.split(['.', ' ']).next().and_then(|it| it.parse().ok()).unwrap_or(0);
    if major < OLDEST_VERSION {
        let text = format!("Postgres {} has no lz4", settings.version);
        findings.push(Finding::act(ANSWERS, text, format!("use Postgres {OLDEST_VERSION} or newer")));
    }
    let free = settings.connections_limit - settings.connections_open;
    findings.push(Finding::weighed(
        CONNECTIONS,
        format!("{free} of {} are free", settings.connections_limit),
        (free <= 0, free < FREE_LOOK),
        "raise max_connections, or lower DATABASE_CONNECTIONS or the number of workers",
    ));
    let batches = usize::try_from(settings.locks_limit).unwrap_or(0) / BATCH_LOCKS;
    findings.push(Finding::weighed(
        LOCKS,
        format!("room for {batches} batches at a time, one for each lane of each worker"),
        (batches < 1, batches < BATCHES_LOOK),
        "raise max_locks_per_transaction and restart Postgres, if you run so many workers",
    ));
    let collation = &settings.collation;
    findings.push(Finding::ok(
        TEXT_ORDER,
        match collation.as_str() {
            "C" | "POSIX" | "C.UTF-8" | "C.utf8" => format!("{collation}, by bytes"),
            _ => {
                format!("{collation}; no rule depends on it, but run REINDEX after an upgrade of the system")
            }
        },
    ));
    let ahead = settings.clock - ours;
    let side = if ahead < TimeDelta::zero() { "behind" } else { "ahead of" };
    findings.push(Finding::weighed(
        CLOCK,
        format!("{} {side} ours", when::shown(ahead.abs())),
        (ahead.abs() > CLOCK_ACT, ahead.abs() > CLOCK_LOOK),
        "synchronise both machines' clocks",
    ));
    findings
}

fn durability(settings: &PostgresSettings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut act = |text: String, advice: &str| findings.push(Finding::act(DURABLE, text, advice));
    if settings.is_standby {
        act("this server is a read-only standby".to_owned(), "point DATABASE_URL at the primary");
    }
    for (name, value) in [("fsync", &settings.fsync), ("full_page_writes", &settings.full_page_writes)] {
        if value == "off" {
            act(
                format!("{name} is off: a power failure can corrupt the ledger"),
                "turn it on, in postgresql.conf or at your provider, and reload",
            );
        }
    }
    if settings.synchronous_commit == "off" {
        act(
            "synchronous_commit is off: commits can be lost after their events were settled".to_owned(),
            "turn it on for this database and role: ALTER DATABASE … RESET synchronous_commit",
        );
    }
    if findings.is_empty() {
        let text = format!("fsync on, synchronous_commit {}", settings.synchronous_commit);
        findings.push(Finding::ok(DURABLE, text));
    }
    findings
}

/// The least time, of late, from Stripe's stamp to our receipt; `None` where nothing came or it cannot be asked.
async fn delay_least_secs(ledger: &Ledger, now: DateTime<Utc>) -> Option<f64> {
    let recent = ledger.recent(Some(now - TimeDelta::days(1)), SAMPLE_EVENTS).await.ok()?;
    let came = recent.iter().filter(|event| event.source == "stripe");
    came.map(|event| event.received_at - event.created_at).min().map(TimeDelta::as_seconds_f64)
}
