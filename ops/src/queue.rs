//! `tidegate queue`: how much waits between intake and first handling.

use chrono::TimeDelta;
use serde::Serialize;
use shared::env::Env;

use crate::table::Table;
use crate::{money, open, output, span};

/// The form of `--json`. A figure is `null` where the queue cannot tell.
#[derive(Serialize)]
struct Answer {
    queue: String,
    ready: u64,
    leased: Option<u64>,
    oldest_age_secs: Option<f64>,
}

pub async fn run(env: &Env, json: bool) -> anyhow::Result<()> {
    let (queue, shown) = open::queue(env).await?;
    let depth = queue.depth().await;
    queue.close().await;
    let depth = depth?;
    if json {
        let oldest_age_secs = depth.oldest_age.map(|age| age.as_secs_f64());
        return output::print_json(&Answer {
            queue: shown,
            ready: depth.ready,
            leased: depth.leased,
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
            Some(age) => span::shown(age),
            None if depth.ready == 0 => "-".to_owned(),
            None => unknown(),
        },
    ]);
    output::print(&table.render())
}
