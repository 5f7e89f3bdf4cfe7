//! `tidegate staff pending`, `approve` and `reject`: what waits for a second administrator.

use desk::acts::second_administrator as acts;
use desk::views::staff;
use ledger::tables::pending_changes::PendingChange;
use shared::clock;
use shared::env::Env;

use crate::cli::{ApproveOptions, RejectOptions};
use crate::failure::refused;
use crate::table::{Table, clean};
use crate::{open, output, when};

pub async fn list(env: &Env, json: bool) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let waiting = open::answer(&ledger, staff::pending(&ledger, clock::now())).await?;
    ledger.close().await;
    if json {
        return output::print_json(&waiting);
    }
    if waiting.is_empty() {
        return output::print("nothing waits for a second administrator\n");
    }
    let mut table = Table::default()
        .text("CHANGE")
        .text("OF")
        .text("SUBJECT")
        .prose("BEFORE", 40)
        .prose("AFTER", 40)
        .text("ASKED BY")
        .text("UNTIL")
        .prose("REASON", 40);
    for change in waiting {
        table.row([
            change.id,
            change.kind.to_string(),
            change.subject,
            change.before.unwrap_or_default(),
            change.after,
            change.asked_by,
            when::whole(change.ends_at),
            change.reason,
        ]);
    }
    output::print(&table.render())
}

pub async fn approve(env: &Env, options: &ApproveOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.actor(env).await?;
    let change = acts::approve(&ledger, &options.id, &by, clock::now()).await.map_err(refused)?;
    ledger.close().await;
    decided(&change, "approved", options.shape.json)
}

pub async fn reject(env: &Env, options: &RejectOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.actor(env).await?;
    let change = acts::reject(&ledger, &options.id, &options.reason, &by, clock::now()).await;
    let change = change.map_err(refused)?;
    ledger.close().await;
    decided(&change, "rejected", options.shape.json)
}

fn decided(change: &PendingChange, word: &str, json: bool) -> anyhow::Result<()> {
    if json {
        return output::print_json(change);
    }
    let PendingChange { id, kind, subject, after, .. } = change;
    output::print(&format!("{id} {word}: {kind} {}: {}\n", clean(subject), clean(after)))
}

/// That something waits, and what another administrator does about it.
pub fn in_words(change: &PendingChange) -> String {
    let PendingChange { id, after, ends_at, .. } = change;
    format!(
        "{} waits for a second administrator until {}: `{} staff approve {id}`\n",
        clean(after),
        when::whole(*ends_at),
        output::me()
    )
}
