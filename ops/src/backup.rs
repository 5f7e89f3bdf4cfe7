//! `tidegate backup` and `tidegate restore`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use desk::backup::{self, Backup, Verified};
use ledger::{Ledger, LedgerConfig};
use serde::Serialize;
use shared::clock;
use shared::env::Env;
use shared::queue::QueueUrl;

use crate::cli::{BackupOptions, RestoreOptions, Shape};
use crate::{envelope_key, open, output, preflight, when};

/// The form of `backup --json`.
#[derive(Serialize)]
struct Made {
    folder: PathBuf,
    #[serde(flatten)]
    backup: Backup,
    verified: Option<Verified>,
}

/// The form of `restore --json`.
#[derive(Serialize)]
struct Restored {
    backup: Backup,
    /// Where its files are now, without user or password.
    restored: Vec<String>,
}

pub async fn run(env: &Env, options: &BackupOptions) -> anyhow::Result<ExitCode> {
    let config = LedgerConfig::from_env(env)?.for_copies();
    let queue = envelope_key::queue_config(env)?.url;
    open::ledger(env).await?.close().await; // says what is wrong with it, in words
    let ledger = Ledger::open(&config).await?;
    let made = backup::make(&ledger, &config, &queue, &options.to, clock::now()).await;
    ledger.close().await;
    let (folder, backup) = made?;
    let verified = if options.verify { Some(backup::verify(&folder, &config).await?) } else { None };
    let code = code(verified.as_ref());
    if options.shape.json {
        output::print_json(&Made { folder, backup, verified })?;
        return Ok(code);
    }
    let mut text = format!("{}\n", folder.display());
    for file in &backup.files {
        writeln!(text, "  {}, {} bytes", file.name, file.bytes).expect("a String takes every write");
    }
    text += &verified.map_or_else(
        || format!("Check it: tidegate restore {} --check\n", folder.display()),
        |verified| page(&verified),
    );
    output::print(&text)?;
    Ok(code)
}

pub async fn restore(env: &Env, options: &RestoreOptions) -> anyhow::Result<ExitCode> {
    let config = LedgerConfig::from_env(env)?.for_copies();
    if options.check {
        return check(&options.folder, &config, &options.shape).await;
    }
    let (queue, is_keyed) = {
        let config = envelope_key::queue_config(env)?;
        (config.url, config.keys.is_keyed())
    };
    for url in [config.shown(), queue.shown()] {
        if let Some(path) = url.strip_prefix("sqlite:") {
            preflight::make_folder_of(Path::new(path))?;
        }
    }
    let (backup, restored) = backup::restore(&options.folder, &config, &queue).await?;
    if options.shape.json {
        output::print_json(&Restored { backup, restored })?;
        return Ok(ExitCode::SUCCESS);
    }
    let made_at = when::whole(backup.made_at);
    output::print(&format!(
        "Restored the backup of {made_at} to {}.\nNow: tidegate migrate; tidegate audit verify; \
         tidegate backfill --since 30d for what happened since. Repeat what staff decided since.\n",
        restored.join(" and ")
    ))?;
    if !is_keyed && matches!(queue, QueueUrl::Sqlite(_)) {
        output::remark(
            "note: there is no envelope key here. If ENVELOPE_KEY was set, or `dev-envelope-key` lay beside \
             queue.db, put it back before you start: without it, the queue's events become suspects.",
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(folder: &Path, config: &LedgerConfig, shape: &Shape) -> anyhow::Result<ExitCode> {
    let verified = backup::verify(folder, config).await?;
    if shape.json {
        output::print_json(&verified)?;
    } else {
        output::print(&page(&verified))?;
    }
    Ok(code(Some(&verified)))
}

fn code(verified: Option<&Verified>) -> ExitCode {
    if verified.is_none_or(Verified::is_right) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn page(verified: &Verified) -> String {
    let Verified { events, audit_lines, blocks, faults } = verified;
    if faults.is_empty() {
        return format!(
            "It is good: {events} events, {audit_lines} lines of the audit, {blocks} sealed blocks.\n"
        );
    }
    let mut text = "It is not good:\n".to_owned();
    for fault in faults {
        writeln!(text, "  {fault}").expect("a String takes every write");
    }
    text + "Take another backup, and keep older ones until one is good.\n"
}
