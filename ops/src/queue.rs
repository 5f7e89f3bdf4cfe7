//! `tidegate queue`: how many messages wait, and what a damaged queue.db still contains.

use std::path::Path;

use anyhow::bail;
use chrono::TimeDelta;
use serde::Serialize;
use shared::clock;
use shared::env::Env;
use shared::queue::sqlite::recovery::{Damaged, RecoveryReport, Saved};
use shared::queue::{Queue, QueueConfig, QueueUrl, Role};

use crate::cli::{QueueCommand, QueueOptions, RecoverOptions};
use crate::output::me;
use crate::table::Table;
use crate::{money, open, output, when};

const OF_A_FILE: &str = "In messages of one event each.\n";
const OF_A_BROKER: &str =
    "In messages. RabbitMQ's hold 1 to 32 events: events that arrive together share one.\n";

pub async fn run(env: &Env, options: &QueueOptions) -> anyhow::Result<()> {
    match &options.command {
        None => depth(env, options.shape.json).await,
        Some(QueueCommand::Recover(options)) => recover(env, options).await,
    }
}

/// The form of `--json`. A figure is `null` where the queue cannot tell.
#[derive(Serialize)]
struct QueueDepth {
    queue: String,
    ready_messages: u64,
    leased_messages: Option<u64>,
    oldest_age_secs: Option<f64>,
}

async fn depth(env: &Env, json: bool) -> anyhow::Result<()> {
    let (queue, shown) = open::queue(env, Role::Look).await?;
    let is_file = shown.starts_with("sqlite:");
    let depth = queue.depth().await;
    queue.close().await;
    let depth = depth?;
    if json {
        let oldest_age_secs = depth.oldest_age.map(|age| age.as_secs_f64());
        return output::print_json(&QueueDepth {
            queue: shown,
            ready_messages: depth.ready,
            leased_messages: depth.leased,
            oldest_age_secs,
        });
    }
    let age = depth.oldest_age.map(|age| TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX));
    let unknown = || "unknown".to_owned();
    let mut table = Table::default().text("QUEUE").number("READY").number("LEASED").text("OLDEST");
    table.row([
        shown,
        money::count(depth.ready),
        depth.leased.map_or_else(unknown, money::count),
        match age {
            Some(age) => when::shown(age),
            None if depth.ready == 0 => "-".to_owned(),
            None => unknown(),
        },
    ]);
    output::print(&(table.render() + if is_file { OF_A_FILE } else { OF_A_BROKER }))
}

/// The form of `queue recover --json`.
#[derive(Serialize)]
struct Recovery {
    queue: String,
    /// What is wrong; `null` where the file is sound, and then nothing is done.
    damage: Option<String>,
    found: Option<RecoveryReport>,
    /// What was done, with `--yes`.
    done: Option<Saved>,
}

async fn recover(env: &Env, options: &RecoverOptions) -> anyhow::Result<()> {
    let config = QueueConfig::from_env(env)?;
    let shown = config.url.shown();
    let QueueUrl::Sqlite(path) = &config.url else {
        bail!("{shown} is not a file: a broker keeps its own copies and recovers by itself");
    };
    let mut recovery =
        Recovery { queue: shown, damage: Queue::damage(&config.url).await?, found: None, done: None };
    if recovery.damage.is_some() {
        let damaged = Damaged::open(path)?;
        recovery.found = Some(damaged.report.clone());
        if options.yes {
            recovery.done = Some(damaged.recover(clock::now()).await?);
        }
    }
    if options.shape.json {
        return output::print_json(&recovery);
    }
    output::print(&told(&recovery, path))
}

fn told(Recovery { queue, damage, found, done }: &Recovery, path: &Path) -> String {
    let (Some(damage), Some(found)) = (damage, found) else {
        return format!("{queue} is intact: there is nothing to recover\n");
    };
    let me = me();
    let mut lost = match (found.lost, found.lost_is_at_least) {
        (0, true) => "  lost      unknown: nothing says what the damaged part contained".to_owned(),
        (count, true) => format!("  lost      at least {}", messages(count)),
        (count, false) => format!("  lost      {}", messages(count)),
    };
    if !found.lost_numbers.is_empty() {
        let numbers: Vec<String> = found.lost_numbers.iter().map(ToString::to_string).collect();
        lost = lost + ": numbers " + &numbers.join(", ");
    }
    if found.lost > found.lost_numbers.len() as u64 {
        lost += ", …";
    }
    let mut lines = vec![
        format!("{queue} is damaged: {damage}"),
        format!("  readable  {}", messages(found.readable)),
        lost,
    ];
    if found.may_be_settled {
        lines.push(
            "Some readable messages may have been handled before; the ledger recognises them.".to_owned(),
        );
    }
    let path = path.display();
    lines.push(match done {
        None => format!(
            "Nothing was changed. `{me} queue recover --yes` writes the readable messages into a new {path}\n\
             and keeps the damaged file beside it."
        ),
        Some(Saved { saved, kept_as }) => format!(
            "Saved {} in a new {path}; the damaged file is kept as {}.",
            messages(*saved),
            kept_as.display()
        ),
    });
    if found.lost > 0 || found.lost_is_at_least {
        let told = "Lost messages were answered 200, so Stripe does not resend them";
        lines.push(format!("{told}: `{me} backfill --since 3d` fetches them."));
    }
    lines.join("\n") + "\n"
}

fn messages(count: u64) -> String {
    let count_shown = money::count(count);
    if count == 1 { format!("{count_shown} message") } else { format!("{count_shown} messages") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_is_lost_and_that_nothing_was_changed() {
        let found = RecoveryReport {
            readable: 1_200,
            lost: 2,
            lost_numbers: vec![7, 9],
            ..RecoveryReport::default()
        };
        let recovery = Recovery {
            queue: "sqlite:q.db".to_owned(),
            damage: Some("page 4 is torn".to_owned()),
            found: Some(found),
            done: None,
        };
        let text = told(&recovery, Path::new("q.db"));
        let head = "sqlite:q.db is damaged: page 4 is torn\n  readable  1,200 messages\n  \
                    lost      2 messages: numbers 7, 9\nNothing was changed. ";
        assert!(text.starts_with(head) && text.contains("backfill --since 3d"), "{text}");
    }
}
