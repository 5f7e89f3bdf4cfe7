//! What machine and servers did while a run lasted: what Postgres logs, when it or the broker began another
//! file of its log of writes, how busy the disk was, and what time the host took from this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use shared::clock;
use sqlx::{Connection, PgConnection};

use crate::worker::servers::Servers;

const GLANCE: Duration = Duration::from_millis(20);
/// A cause shows a little before its effect.
const AHEAD: TimeDelta = TimeDelta::milliseconds(100);
/// The kernel counts in hundredths of a second.
const TICK_MILLIS: u64 = 10;
const SHOWN_CHARS: usize = 110;

pub struct Timeline {
    stop: Arc<AtomicBool>,
    watcher: JoinHandle<Vec<Glance>>,
    log_before: usize,
}

/// What was seen, in order.
pub struct Seen {
    glances: Vec<Glance>,
    log: Vec<(DateTime<Utc>, String)>,
}

#[derive(Clone, Debug, Default)]
struct Glance {
    at: DateTime<Utc>,
    postgres_file: Option<String>,
    broker_file: Option<String>,
    /// Milliseconds since the machine started.
    stolen: u64,
    disk_busy: u64,
    waiting_for_disk: u64,
}

impl Timeline {
    pub async fn begin(servers: &Servers) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(&servers.postgres.address("postgres")).await?;
        let data: String = sqlx::query_scalar("SHOW data_directory").fetch_one(&mut connection).await?;
        connection.close().await?;
        let (postgres, broker) = (PathBuf::from(data).join("pg_wal"), quorum_folder(servers.broker.folder()));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let watcher = std::thread::spawn(move || {
            let mut glances = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                glances.push(Glance {
                    at: clock::now(),
                    postgres_file: newest(&postgres, |name| name.len() == 24),
                    broker_file: broker
                        .as_ref()
                        .and_then(|folder| newest(folder, |name| name.strip_suffix(".wal").is_some())),
                    ..machine()
                });
                std::thread::sleep(GLANCE);
            }
            glances
        });
        Ok(Self { stop, watcher, log_before: servers.postgres.log().len() })
    }

    pub fn end(self, servers: &Servers) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let glances = self.watcher.join().unwrap_or_default();
        let log = servers.postgres.log();
        let log = log.get(self.log_before..).unwrap_or_default().lines().filter_map(line).collect();
        Seen { glances, log }
    }
}

impl Seen {
    /// In words, what happened in this time or just before it.
    pub fn around(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> String {
        let from = from - AHEAD;
        let mut causes: Vec<String> = self
            .log
            .iter()
            .filter(|(at, _)| (from..=until).contains(at))
            .map(|(_, text)| format!("Postgres: {}", text.chars().take(SHOWN_CHARS).collect::<String>()))
            .collect();
        let within: Vec<&Glance> = self.glances.iter().filter(|it| (from..=until).contains(&it.at)).collect();
        let changes = |file: fn(&Glance) -> &Option<String>| {
            within.windows(2).filter(|pair| file(pair[0]) != file(pair[1])).count()
        };
        if changes(|it| &it.postgres_file) > 0 {
            causes.push("Postgres began a WAL segment".to_owned());
        }
        if changes(|it| &it.broker_file) > 0 {
            causes.push(
                "RabbitMQ began a WAL file (and writes the last one's messages to segments)".to_owned(),
            );
        }
        if let (Some(first), Some(last)) = (within.first(), within.last()) {
            let stolen = last.stolen - first.stolen;
            if stolen > TICK_MILLIS {
                causes.push(format!("the host took {stolen} ms"));
            }
            let lasted = (last.at - first.at).num_milliseconds();
            let (busy, waited) =
                (last.disk_busy - first.disk_busy, last.waiting_for_disk - first.waiting_for_disk);
            causes.push(format!("disk busy {busy} of {lasted} ms, cores idle for it {waited} ms"));
            let longest = within.windows(2).map(|pair| (pair[1].at - pair[0].at).num_milliseconds()).max();
            if let Some(pause) =
                longest.filter(|pause| *pause > 3 * i64::try_from(GLANCE.as_millis()).unwrap_or(20))
            {
                causes.push(format!(
                    "a thread that only sleeps {} ms came {pause} ms late: cores were taken",
                    GLANCE.as_millis()
                ));
            }
        }
        causes.join("; ")
    }
}

/// Where the broker keeps its quorum queues.
fn quorum_folder(folder: &Path) -> Option<PathBuf> {
    let nodes = std::fs::read_dir(folder.join("data")).ok()?.flatten();
    nodes.map(|node| node.path().join("quorum").join(node.file_name())).find(|path| path.is_dir())
}

/// The file that was written last.
fn newest(folder: &Path, wanted: impl Fn(&str) -> bool) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let files = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok().filter(|name| wanted(name))?;
        Some((entry.metadata().ok()?.modified().ok()?, name))
    });
    files.max().map(|(_, name)| name)
}

/// Time that the host took and that was spent waiting, from the kernel's counters.
fn machine() -> Glance {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let cpu: Vec<u64> =
        stat.lines().next().unwrap_or_default().split_whitespace().filter_map(|it| it.parse().ok()).collect();
    let counted = |place: usize| cpu.get(place).copied().unwrap_or_default() * TICK_MILLIS;
    let disks = std::fs::read_to_string("/proc/diskstats").unwrap_or_default();
    let busy = disks.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_whole = fields
            .get(2)
            .is_some_and(|name| name.starts_with("vd") || name.starts_with("sd") || name.starts_with("nvme"));
        if is_whole { fields.get(12)?.parse::<u64>().ok() } else { None }
    });
    Glance {
        stolen: counted(7),
        waiting_for_disk: counted(4),
        disk_busy: busy.max().unwrap_or_default(),
        ..Glance::default()
    }
}

/// `2026-11-21 15:00:00.123 UTC LOG:  checkpoint starting: time`
fn line(line: &str) -> Option<(DateTime<Utc>, String)> {
    let (time, text) = line.split_once(" UTC ").or_else(|| line.split_once(" Etc/UTC "))?;
    let at = NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S%.f").ok()?.and_utc();
    let text = text.trim_start_matches("LOG:").trim();
    (!text.starts_with("automatic analyze")).then(|| (at, text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_log_have_their_time() {
        let (at, text) = line("2026-11-21 15:00:00.123 UTC LOG:  checkpoint starting: time").unwrap();
        assert_eq!((at.timestamp_subsec_millis(), &*text), (123, "checkpoint starting: time"));
        assert!(line("\tcontinued").is_none());
    }
}
