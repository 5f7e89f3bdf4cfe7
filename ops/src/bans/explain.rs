//! `tidegate bans explain`: which disputes count against a user and which do not, what staff decided, and the
//! events behind it.

use anyhow::bail;
use chrono::{DateTime, Utc};
use desk::views::ban::{BanView, DecisionState, JudgedDispute};
use domain::Object;
use domain::bans::{Act, Ban};
use ledger::tables::blocks::Block;
use shared::clock;
use shared::env::Env;

use crate::cli::ExplainOptions;
use crate::events::belongs_to;
use crate::show::history;
use crate::table::{Table, clean};
use crate::{money, open, output, when};

pub async fn run(env: &Env, options: &ExplainOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let ledger = open::ledger(env).await?;
    let whose = options.whose.read();
    let read =
        async { BanView::read_all(&ledger, &mut ledger.read().await?, &options.user, &whose, now).await };
    let explained = open::answer(&ledger, read).await?;
    ledger.close().await;
    if explained.is_empty() {
        let (me, user) = (output::me(), &options.user);
        bail!(
            "the ledger at {} has nothing about a user {user}, so no such user is banned. `{me} disputes list` shows users of disputes",
            ledger.shown()
        );
    }
    if options.shape.json {
        return output::print_json(&explained);
    }
    output::print(&explained.iter().map(|explained| page(explained, now)).collect::<Vec<_>>().join("\n"))
}

fn page(view: &BanView, now: DateTime<Utc>) -> String {
    let BanView { ban, standing, why, disputes, stale, block, .. } = view;
    let owner = belongs_to(&ban.key.account, ban.key.livemode);
    let (id, word) = (clean(&ban.key.id), standing.word());
    let mut text = format!("user {id}  {word}  ({})\n{}\n", clean(&owner), clean(why));
    if *stale {
        text.push_str("The ledger was derived with another policy than this command has (BAN_CHARGEBACKS, BAN_LIFT_ON_WON, BAN_NEVER_REASONS).\n");
    }
    if let Some(Block { reason, placed_by, placed_at, .. }) = block {
        let since = when::whole(*placed_at);
        let line = format!("Blocked since {since} by {placed_by}: {reason}. Nothing is charged to the user.");
        text.push_str(&clean(&line));
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&judged_table(disputes));
    text.push_str(&decisions(view, now));
    text.push_str(&history((Ban::NAME, &ban.key), &view.story()));
    text
}

fn judged_table(disputes: &[JudgedDispute]) -> String {
    if disputes.is_empty() {
        return "This user has no known dispute.\n".to_owned();
    }
    let mut table = Table::default()
        .text("OPENED")
        .text("DISPUTE")
        .text("STATUS")
        .number("AMOUNT")
        .text("COUNTS")
        .prose("BECAUSE", 60)
        .text("PAYMENT");
    for JudgedDispute { dispute, payment, counts, because } in disputes {
        table.row([
            dispute.state.opened_at.map(when::whole).unwrap_or_default(),
            dispute.key.id.clone(),
            dispute.status.as_str().to_owned(),
            money::shown(dispute.state.amount, &dispute.state.currency),
            if *counts { "yes" } else { "no" }.to_owned(),
            (*because).to_owned(),
            payment.clone().unwrap_or_default(),
        ]);
    }
    table.render()
}

fn decisions(view: &BanView, now: DateTime<Utc>) -> String {
    if view.overrides.is_empty() {
        return String::new();
    }
    let mut table =
        Table::default().text("DECIDED").text("DECISION").text("UNTIL").text("BY").prose("REASON", 80);
    for (decision, state) in view.decisions(now) {
        let word = match decision.act {
            Act::None => "left to the disputes",
            Act::Ban => "ban",
            Act::Lift => "lift",
        };
        let state = match state {
            DecisionState::Stands => "",
            DecisionState::Ended => " (ended)",
            DecisionState::Replaced => " (replaced)",
        };
        table.row([
            when::whole(decision.decided_at),
            format!("{word}{state}"),
            decision.until.map(when::whole).unwrap_or_default(),
            decision.decided_by.clone(),
            decision.reason.clone(),
        ]);
    }
    format!("\n{}", table.render())
}
