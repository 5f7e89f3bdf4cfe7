//! Checks files: who may read secrets and events, and how much space their disks have.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ledger::LedgerConfig;
use shared::env::Env;
use shared::queue::{QueueConfig, QueueUrl};

use crate::finding::Finding;
use crate::{dev_secret, staff, variables};

const SECRET_FILES: &str = "secret files";
const DATA_FILES: &str = "data files";
const DISK: &str = "disk";
const READ_BY_OTHERS: u32 = 0o004;
const WRITTEN_BY_OTHERS: u32 = 0o002;
const ROOM_ACT_BYTES: u64 = 256 * 1024 * 1024;
const ROOM_LOOK_BYTES: u64 = 2 * 1024 * 1024 * 1024;

pub fn check(env: &Env) -> Vec<Finding> {
    let (secrets, data) = (secret_files(env), data_files(env));
    let mut findings = permissions(SECRET_FILES, &secrets);
    findings.extend(permissions(DATA_FILES, &data));
    findings.extend(disks(&data));
    findings
}

/// What our variables `…_FILE` name, and what `up` made for development.
fn secret_files(env: &Env) -> Vec<PathBuf> {
    let is_secret = |name: &str| {
        let base = name.split("__").next().unwrap_or(name);
        base.ends_with("_FILE")
            && ["SECRET", "KEY", "TOKEN", "PASSWORD"].iter().any(|word| base.contains(word))
    };
    let is_ours = |name: &str| variables::variable(name.split("__").next().unwrap_or(name)).is_ok();
    let named =
        env.with_prefix("").filter(|(name, value)| is_secret(name) && is_ours(name) && !value.is_empty());
    let mut files: Vec<PathBuf> = named.map(|(_, value)| PathBuf::from(value)).collect();
    files.push(dev_secret::path(env));
    files.extend(staff::key::path(env).ok().flatten());
    files.retain(|path| path.exists());
    files
}

/// The databases that are files, with SQLite's companions.
fn data_files(env: &Env) -> Vec<PathBuf> {
    let queue = QueueConfig::from_env(env).ok().and_then(|config| match config.url {
        QueueUrl::Sqlite(path) => Some(path),
        QueueUrl::RabbitMq(_) => None,
    });
    let ledger = LedgerConfig::from_env(env).ok();
    let ledger = ledger.and_then(|it| it.shown().strip_prefix("sqlite:").map(PathBuf::from));
    let databases = queue.into_iter().chain(ledger);
    let mut files: Vec<PathBuf> = databases
        .flat_map(|path| {
            ["", "-wal", "-shm"].map(|companion| {
                let mut name = path.clone().into_os_string();
                name.push(companion);
                PathBuf::from(name)
            })
        })
        .collect();
    files.retain(|path| path.exists());
    files
}

fn permissions(name: &'static str, files: &[PathBuf]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = files.iter().filter_map(|path| open_to_others(name, path)).collect();
    if findings.is_empty() && !files.is_empty() {
        let shown: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
        findings.push(Finding::ok(name, format!("not accessible to other users: {}", shown.join(", "))));
    }
    findings
}

fn open_to_others(name: &'static str, path: &Path) -> Option<Finding> {
    let shown = path.display();
    let mode = match path.metadata() {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) => {
            return Some(Finding::look(
                name,
                format!("{shown} cannot be checked: {error}"),
                "run this as the user of the processes",
            ));
        }
    };
    let may = match (mode & READ_BY_OTHERS != 0, mode & WRITTEN_BY_OTHERS != 0) {
        (_, true) => "write",
        (true, false) => "read",
        (false, false) => return None,
    };
    let text = format!("every user of this machine can {may} {shown} (mode {:03o})", mode & 0o777);
    Some(Finding::act(name, text, format!("chmod o-rwx {shown}")))
}

/// Each disk once, by the folders that our data is in.
fn disks(files: &[PathBuf]) -> Vec<Finding> {
    let folders: BTreeSet<&Path> = files
        .iter()
        .filter_map(|file| file.parent())
        .map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
        .collect();
    folders.into_iter().map(room_in).collect()
}

fn room_in(folder: &Path) -> Finding {
    let shown = folder.display();
    let disk = match rustix::fs::statvfs(folder) {
        Ok(disk) => disk,
        Err(error) => return Finding::unknown(DISK, format!("{shown}: {error}")),
    };
    let room = disk.f_bavail.saturating_mul(disk.f_frsize);
    let share = (disk.f_bavail * 100).checked_div(disk.f_blocks).unwrap_or(0);
    Finding::weighed(
        DISK,
        format!("{} free, {share} %, for {shown}", in_words(room)),
        (room < ROOM_ACT_BYTES, room < ROOM_LOOK_BYTES),
        "free some space: on a full disk webhooks are answered 503. A shorter EVENT_RETENTION_DAYS keeps fewer bodies",
    )
}

fn in_words(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    match bytes / MIB {
        mib @ 0..10_240 => format!("{mib} MiB"),
        mib => format!("{} GiB", mib / 1024),
    }
}
