//! `tidegate bans list`: users banned now, by disputes or by staff.

use chrono::{DateTime, Utc};
use desk::sheets::bans::COLUMNS;
use desk::views::ban::ListedBan;
use ledger::Transaction;
use ledger::views::lists::BanFilter;
use ledger::views::page::Part;
use shared::clock;
use shared::env::Env;

use crate::cli::BansListOptions;
use crate::events::mode;
use crate::listing::{self, Listing};
use crate::table::Table;
use crate::{open, when};

pub async fn run(env: &Env, options: &BansListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter = BanFilter { all: options.all, whose: options.whose.read() };
    let ledger = open::ledger(env).await?;
    let what = if options.all { "user" } else { "banned user" };
    let listing = Listing::of(what, table, COLUMNS).filtered(!options.whose.is_any());
    let read = async |tx: &mut Transaction, part: &Part| ListedBan::read_list(tx, &filter, part, now).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
}

fn table(rows: &[ListedBan], _: DateTime<Utc>) -> Table {
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
    for row in rows {
        let ListedBan { ban, standing } = row;
        let (by, reason) = row.decided().unwrap_or(("disputes", ""));
        table.row([
            ban.key.id.clone(),
            standing.word().to_owned(),
            row.since().map(when::whole).unwrap_or_default(),
            standing.until.map(when::whole).unwrap_or_default(),
            ban.chargebacks.to_string(),
            by.to_owned(),
            reason.to_owned(),
            mode(ban.key.livemode),
            ban.key.account.clone(),
        ]);
    }
    table
}
