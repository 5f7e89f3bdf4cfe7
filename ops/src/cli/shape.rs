//! Options that many commands share: the form of the output, whose objects, which span of time, who acts.

use chrono::{DateTime, Utc};
use clap::Args;
use ledger::views::page::Place;
use ledger::views::search::{Whose, Window};

use crate::failure::wrongly_called;
use crate::time_option;

#[derive(Args)]
pub struct Shape {
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// For a machine on which only a part of the whole runs.
#[derive(Args)]
pub struct ElsewhereOptions {
    /// It runs on another machine and cannot be asked from here: gateway, worker, or both, split by a comma
    #[arg(long, value_name = "PROCESS", value_delimiter = ',', value_parser = ["gateway", "worker"])]
    pub elsewhere: Vec<String>,
}

impl ElsewhereOptions {
    pub fn is(&self, process: &str) -> bool {
        self.elsewhere.iter().any(|named| named == process)
    }
}

#[derive(Args)]
pub struct WhoseOptions {
    /// Only of this connected account; '' is your own
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// Only live
    #[arg(long, conflicts_with = "test_mode")]
    pub live: bool,
    /// Only test mode
    #[arg(long)]
    pub test_mode: bool,
}

#[derive(Args)]
pub struct WindowOptions {
    /// Only from then on: 1h, 7d, yesterday, 2026-11-21, or 2026-11-21T08:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only before then
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
}

/// Which page of a list, or all of it.
#[derive(Args)]
pub struct PageOptions {
    /// At most so many [default: 50; with --csv all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=1_000_000_000_000))]
    pub limit: Option<i64>,
    /// Go on where a page ended: the command for that is printed below the page
    #[arg(long, value_name = "CURSOR")]
    pub after: Option<Place>,
    /// Print every row that matches as CSV, for a spreadsheet
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

impl WhoseOptions {
    pub fn read(&self) -> Whose {
        let livemode = if self.live { Some(true) } else { self.test_mode.then_some(false) };
        Whose { account: self.account.clone(), livemode }
    }

    pub fn is_any(&self) -> bool {
        self.read() == Whose::default()
    }
}

/// What stands between two options, each with its name.
pub fn window(
    since: (&str, Option<&String>),
    until: (&str, Option<&String>),
    now: DateTime<Utc>,
) -> anyhow::Result<Window> {
    let moment = |(name, text): (&str, Option<&String>)| {
        let moment = text.map(|text| time_option::past(text, now)).transpose();
        moment.map_err(|fault| wrongly_called(format!("{name}: {fault}")))
    };
    let window = Window { since: moment(since)?, until: moment(until)? };
    if window.since.zip(window.until).is_some_and(|(since, until)| since >= until) {
        return Err(wrongly_called(format!("{} is not before {}: nothing lies between", since.0, until.0)));
    }
    Ok(window)
}

impl WindowOptions {
    pub fn read(&self, now: DateTime<Utc>) -> anyhow::Result<Window> {
        window(("--since", self.since.as_ref()), ("--until", self.until.as_ref()), now)
    }

    pub fn is_any(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }
}
