//! `tidegate policy`: what the business decides; each change is rehearsed before it is made.

use desk::acts::policies::{self as acts, Plan};
use desk::views::policies::{history, list};
use domain::policies::shown_as_kept;
use shared::clock;
use shared::env::Env;

use crate::cli::{PolicyCommand, PolicyHistoryOptions, PolicySetOptions, Shape};
use crate::failure::refused;
use crate::staff::pending;
use crate::table::{Table, clean};
use crate::{open, output, when};

pub async fn run(env: &Env, command: &PolicyCommand) -> anyhow::Result<()> {
    match command {
        PolicyCommand::List(shape) => list_all(env, shape).await,
        PolicyCommand::Set(options) => set(env, options).await,
        PolicyCommand::History(options) => show_history(env, options).await,
    }
}

async fn list_all(env: &Env, shape: &Shape) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let policies = open::answer(&ledger, list(&ledger)).await?;
    ledger.close().await;
    if shape.json {
        return output::print_json(&policies);
    }
    let mut table = Table::default()
        .text("POLICY")
        .text("CURRENCY")
        .text("VALUE")
        .text("SET BY")
        .text("SET AT")
        .prose("MEANING", 60);
    for policy in policies {
        let (by, at) = policy.set.map(|row| (row.set_by, when::whole(row.set_at))).unwrap_or_default();
        table.row([
            policy.key.to_string(),
            policy.currency,
            policy.shown,
            by,
            at,
            format!("{} ({})", policy.help, policy.bounds),
        ]);
    }
    output::print(&table.render())
}

async fn set(env: &Env, options: &PolicySetOptions) -> anyhow::Result<()> {
    let slot = acts::slot(&options.key, options.currency.as_deref()).map_err(refused)?;
    let value = acts::value(&slot, &options.value).map_err(refused)?;
    let now = clock::now();
    if !options.yes {
        let ledger = open::ledger(env).await?;
        let plan = open::answer(&ledger, acts::rehearsed(&ledger, &slot, value, now)).await?;
        ledger.close().await;
        if options.shape.json {
            return output::print_json(&plan);
        }
        output::print(&in_words(&plan))?;
        output::remark("nothing was changed; add --yes to do it");
        return Ok(());
    }
    let (ledger, by) = options.by.actor(env).await?;
    let set = acts::set(&ledger, &slot, value, &options.reason, &by, now).await.map_err(refused)?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&set);
    }
    match &set.pending {
        Some(change) => output::print(&format!("{slot}: {}", pending::in_words(change))),
        None => output::print(&in_words(&set.plan)),
    }
}

fn in_words(plan: &Plan) -> String {
    let Plan { key, before, after, loosens, rehearsal, .. } = plan;
    let takes_two =
        if *loosens { "  (looser: a second administrator must agree where there is one)" } else { "" };
    let changed = format!("{key}: {} -> {}{takes_two}\n", clean(before), clean(after));
    let found = rehearsal;
    let sized = format!(
        "of {} refunds, credits and charges of the last 30 days, {} would have needed more and {} less\n",
        found.operations, found.need_more, found.need_less
    );
    let waiting = match found.waiting.as_slice() {
        [] => String::new(),
        ids => format!("these wait now and would need something else: {}\n", ids.join(", ")),
    };
    let retries = plan.invoices_to_retry.map_or_else(String::new, |invoices| {
        format!("{invoices} invoices would be tried again within the next day\n")
    });
    changed + &sized + &waiting + &retries
}

async fn show_history(env: &Env, options: &PolicyHistoryOptions) -> anyhow::Result<()> {
    if let Some(key) = &options.key {
        acts::slot(key, None).map_err(refused)?;
    }
    let ledger = open::ledger(env).await?;
    let rows = open::answer(&ledger, history(&ledger, options.key.as_deref())).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&rows);
    }
    if rows.is_empty() {
        return output::print("no policy was ever set: the defaults count\n");
    }
    let mut table = Table::default()
        .text("SET AT")
        .text("POLICY")
        .text("CURRENCY")
        .number("VERSION")
        .text("VALUE")
        .text("BY")
        .prose("REASON", 50);
    for row in rows {
        let value = shown_as_kept(&row.key, &row.currency, &row.value);
        table.row([
            when::whole(row.set_at),
            row.key,
            row.currency,
            row.version.to_string(),
            value,
            row.set_by,
            row.reason,
        ]);
    }
    output::print(&table.render())
}
