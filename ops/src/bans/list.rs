//! `tidegate bans list`: whoever is banned now, by the disputes or by staff.

use chrono::{DateTime, Utc};
use domain::bans::{Act, Ban};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use super::Standing;
use crate::cli::BansListOptions;
use crate::events::mode;
use crate::table::Table;
use crate::{open, output, span};

/// Whoever has a ban or an override is read, then judged by the clock.
const READ_LIMIT: i64 = 100_000;

/// The form of `--json`: an array of these.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    ban: Ban,
    standing: Standing,
}

pub async fn run(env: &Env, options: &BansListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let whose = options.whose.read();
    let limit = if options.all { i64::from(options.limit) } else { READ_LIMIT };
    let ledger = open::ledger(env).await?;
    let read = async { ledger.read().await?.bans(options.all, &whose, limit).await };
    let bans = open::answer(&ledger, read).await?;
    ledger.close().await;
    let rows: Vec<Row> = bans
        .into_iter()
        .map(|ban| Row { standing: Standing::of(&ban, now), ban })
        .filter(|row| options.all || row.standing.banned)
        .take(usize::from(options.limit))
        .collect();
    if options.shape.json {
        return output::print_json(&rows);
    }
    if rows.is_empty() {
        let more =
            if options.all { "" } else { "; --all shows every user whom a dispute or staff concerned" };
        output::remark(&format!("nobody in {} is banned{more}", ledger.shown()));
        return Ok(());
    }
    output::print(&table(&rows, now))?;
    output::remark_on_limit(rows.len(), i64::from(options.limit));
    Ok(())
}

fn table(rows: &[Row], now: DateTime<Utc>) -> String {
    let mut table = Table::default()
        .text("USER")
        .text("STATUS")
        .text("SINCE")
        .text("UNTIL")
        .number("CHARGEBACKS")
        .text("BY")
        .prose("REASON", 50)
        .text("MODE")
        .text("ACCOUNT");
    for Row { ban, standing } in rows {
        let by_staff = ban.override_in_force(now) != Act::None;
        let since = if by_staff { ban.override_at } else { ban.since };
        let of_staff = |text: &Option<String>| text.clone().filter(|_| by_staff);
        table.row([
            ban.key.id.clone(),
            standing.word().to_owned(),
            since.map(span::whole).unwrap_or_default(),
            standing.until.map(span::whole).unwrap_or_default(),
            ban.chargebacks.to_string(),
            of_staff(&ban.override_by).unwrap_or_else(|| "disputes".to_owned()),
            of_staff(&ban.override_reason).unwrap_or_default(),
            mode(ban.key.livemode),
            ban.key.account.clone(),
        ]);
    }
    table.render()
}
