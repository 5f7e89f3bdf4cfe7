//! `tidegate bans list`: users banned now, by disputes or by staff.

use desk::views::ban::ListedBan;
use shared::clock;
use shared::env::Env;

use crate::cli::BansListOptions;
use crate::events::mode;
use crate::table::Table;
use crate::{open, output, span};

pub async fn run(env: &Env, options: &BansListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let whose = options.whose.read();
    let ledger = open::ledger(env).await?;
    let read = async {
        ListedBan::read_list(&mut ledger.read().await?, options.all, &whose, options.limit, now).await
    };
    let rows = open::answer(&ledger, read).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&rows);
    }
    if rows.is_empty() {
        let more =
            if options.all { "" } else { "; --all shows every user with a dispute or a staff decision" };
        output::remark(&format!("nobody in {} is banned{more}", ledger.shown()));
        return Ok(());
    }
    output::print(&table(&rows))?;
    output::remark_on_limit(rows.len(), i64::from(options.limit));
    Ok(())
}

fn table(rows: &[ListedBan]) -> String {
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
            row.since().map(span::whole).unwrap_or_default(),
            standing.until.map(span::whole).unwrap_or_default(),
            ban.chargebacks.to_string(),
            by.to_owned(),
            reason.to_owned(),
            mode(ban.key.livemode),
            ban.key.account.clone(),
        ]);
    }
    table.render()
}
