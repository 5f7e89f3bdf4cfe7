//! `tidegate status`: one screen with the state of everything, and advice.

mod figures;
mod finding_lines;
mod judge;
mod money_lines;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::env::Env;
use shared::{clock, shutdown};

use self::figures::{Eyes, Figures};
use crate::cli::StatusOptions;
use crate::finding::{self, Finding, Mark};
use crate::{output, when};

/// The form of `--json`.
#[derive(Serialize)]
struct Status {
    at: DateTime<Utc>,
    version: &'static str,
    /// The most urgent of the lines.
    mark: Mark,
    lines: Vec<Finding>,
    #[serde(flatten)]
    figures: Figures,
}

/// Something needs a person.
const SICK: u8 = 1;

pub async fn run(env: &Env, options: &StatusOptions) -> anyhow::Result<ExitCode> {
    let mut eyes = Eyes::open(env, &options.elsewhere)?;
    let Some(seconds) = options.watch else {
        let status = Status::now(&mut eyes).await;
        eyes.close().await;
        output::print(&show(&status, options.shape.json)?)?;
        return Ok(exit_code(status.mark));
    };
    let last = watch(&mut eyes, Duration::from_secs(seconds), options.shape.json).await;
    eyes.close().await;
    Ok(exit_code(last?))
}

fn exit_code(mark: Mark) -> ExitCode {
    if mark == Mark::Act { ExitCode::from(SICK) } else { ExitCode::SUCCESS }
}

/// Shows it again and again until it is stopped; gives the most urgent mark of the last screen.
async fn watch(eyes: &mut Eyes, every: Duration, json: bool) -> anyhow::Result<Mark> {
    let stop = shutdown::on_signal()?;
    let is_screen = std::io::stdout().is_terminal() && !json;
    if is_screen {
        output::print("\x1b[2J")?;
    }
    loop {
        // Not cancelled half-way: every question has its own deadline.
        let status = Status::now(eyes).await;
        output::print(&match (is_screen, json) {
            (true, _) => repainted(&show(&status, false)?),
            (false, true) => output::json_line(&status)?,
            (false, false) => show(&status, false)? + "\n",
        })?;
        tokio::select! {
            () = stop.cancelled() => return Ok(status.mark),
            () = tokio::time::sleep(every) => {}
        }
    }
}

impl Status {
    async fn now(eyes: &mut Eyes) -> Self {
        let figures = eyes.look(clock::now()).await;
        let at = clock::now();
        let lines = judge::lines(&figures, at);
        Self { at, version: env!("CARGO_PKG_VERSION"), mark: finding::worst(&lines), lines, figures }
    }
}

fn show(status: &Status, json: bool) -> anyhow::Result<String> {
    if json {
        return output::json(status);
    }
    let summary = match status.mark {
        Mark::Ok | Mark::Unknown => "all is well",
        Mark::Look => "no problems, but something to look at",
        Mark::Act => "something needs attention now",
    };
    let page = finding::page(&status.lines);
    Ok(format!("tidegate {}  {}  {summary}\n\n{page}", status.version, when::whole(status.at)))
}

/// Over the page before, line by line, so that nothing flickers.
fn repainted(page: &str) -> String {
    let lines: Vec<&str> = page.lines().collect();
    format!("\x1b[H{}\x1b[K\n\x1b[J", lines.join("\x1b[K\n"))
}
