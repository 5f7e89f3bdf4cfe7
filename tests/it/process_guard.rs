//! Whatever becomes of a test run, its servers and folders end with it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use harness::process_guard::{ProcessGuard, until};
use rustix::process::Signal;

const PATIENCE: Duration = Duration::from_secs(30);

async fn nothing_is_left(folder: &str, server: &str) -> anyhow::Result<()> {
    let (folder, process) = (Path::new(folder), Path::new("/proc").join(server));
    until("folder and server to be gone", PATIENCE, async || Ok(!folder.exists() && !process.exists())).await
}

#[tokio::test]
async fn a_killed_test_run_leaves_nothing_behind() -> anyhow::Result<()> {
    let mut run = Command::new(std::env::current_exe()?)
        .args(["--exact", "process_guard::a_run_that_is_killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(run.stdout.take().context("piped")?).lines();
    let line =
        lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("guarded "))).context("no line")??;
    let mut words = line.split(' ').skip_while(|word| *word != "guarded").skip(1);
    let (folder, server) = (words.next().context("a folder")?, words.next().context("a server")?);
    assert!(Path::new(folder).exists() && Path::new("/proc").join(server).exists());
    run.kill()?;
    run.wait()?;
    nothing_is_left(folder, server).await
}

#[tokio::test]
#[ignore = "runs inside the test above, which kills it: cargo test --workspace --test it -- process_guard"]
async fn a_run_that_is_killed() -> anyhow::Result<()> {
    let guard = ProcessGuard::new("victim", Signal::KILL)?;
    let server = guard.spawn(guard.command("sleep").arg("600"))?;
    println!("guarded {} {} ", guard.folder().display(), server.id());
    std::future::pending().await
}

#[tokio::test]
async fn a_dropped_guardian_has_ended_what_it_started() -> anyhow::Result<()> {
    let guard = ProcessGuard::new("dropped", Signal::QUIT)?;
    let server = guard.spawn(guard.command("sleep").arg("600"))?;
    let (folder, id) = (guard.folder().display().to_string(), server.id().to_string());
    until("the server to run", PATIENCE, async || {
        Ok(std::fs::read_to_string(format!("/proc/{id}/comm"))?.trim() == "sleep")
    })
    .await?;
    drop((server, guard));
    nothing_is_left(&folder, &id).await
}
