//! `tidegate backfill --objects`: fills the ledger from Stripe's objects, through the queue.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use desk::backfill::Aim;
use desk::object_backfill::{KindTally, ObjectBackfill, Request, Tally, listed_kinds};
use domain::Kind;
use ledger::Ledger;
use serde::Serialize;
use serde_json::json;
use shared::env::Env;
use shared::queue::{Queue, Role};
use shared::shutdown;
use stripe_api::{Api, StripeConfig};
use tokio::time::Instant;

use super::{PROGRESS, account, span};
use crate::cli::BackfillOptions;
use crate::table::Table;
use crate::{failure, open, output, when};

/// The form of `--json`.
#[derive(Serialize)]
struct ObjectReport<'a> {
    dry_run: bool,
    livemode: bool,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    resumed: bool,
    listed: u64,
    missing: u64,
    by_kind: &'a BTreeMap<Kind, KindTally>,
}

pub(super) async fn run(
    env: &Env,
    config: &StripeConfig,
    options: &BackfillOptions,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let request = request(options, config.key.livemode(), now)?;
    let asked_until = request.until;
    let api = Api::open(config, shutdown::on_signal()?)?;
    let ledger = open::ledger(env).await?;
    let api = desk::pace::shared(api, &ledger, |_| {});
    let queue = if options.dry_run { None } else { Some(open::queue(env, Role::Publish).await?.0) };
    let worked = work(&api, &ledger, queue.as_ref(), request).await;
    if let Some(queue) = &queue {
        queue.close().await;
    }
    ledger.close().await;
    let tally = worked?;
    if tally.until < asked_until {
        let until = tally.until.to_rfc3339_opts(SecondsFormat::Secs, true);
        output::remark(&format!(
            "note: this was the rest of a run that ends at {until}; what was created later was not compared: --since {until}"
        ));
    }
    let told = ObjectReport {
        dry_run: options.dry_run,
        livemode: api.livemode(),
        since: tally.since,
        until: tally.until,
        resumed: tally.resumed,
        listed: tally.listed(),
        missing: tally.missing(),
        by_kind: &tally.kinds,
    };
    if options.shape.json { output::print_json(&told) } else { output::print(&page(&told)) }
}

async fn work(api: &Api, ledger: &Ledger, queue: Option<&Queue>, request: Request) -> anyhow::Result<Tally> {
    let aim = queue.map_or(Aim::Count, Aim::Publish);
    let mut backfill = ObjectBackfill::begin(api, ledger, aim, request).await?;
    if backfill.tally().resumed {
        output::remark("continuing where the last run was interrupted");
    }
    let mut next = Instant::now() + PROGRESS;
    while let Some(kind) = backfill.at() {
        backfill.step().await.with_context(|| format!("reading the {kind} objects from Stripe"))?;
        if Instant::now() >= next {
            let tally = backfill.tally();
            output::remark(&format!("{kind}: {} listed, {} missing so far", tally.listed(), tally.missing()));
            next = Instant::now() + PROGRESS;
        }
    }
    Ok(backfill.tally().clone())
}

fn request(options: &BackfillOptions, livemode: bool, now: DateTime<Utc>) -> anyhow::Result<Request> {
    let (since, until) = span(options, now)?;
    let until = until.unwrap_or(now);
    let wanted = options.kinds.iter().map(|name| {
        listed_kinds().find(|kind| kind.as_str() == name).ok_or_else(|| {
            let known = listed_kinds().map(Kind::as_str).collect::<Vec<_>>().join(", ");
            failure::wrongly_called(format!("--kind {name}: Stripe has no list of it. Known: {known}"))
        })
    });
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    let kinds = listed_kinds().filter(|kind| wanted.is_empty() || wanted.contains(kind)).collect();
    let account = account(options)?;
    // As it was asked for: three days ago is another moment each time.
    let words = json!([
        "objects",
        livemode,
        account,
        options.since,
        options.until,
        options.kinds,
        options.every_object
    ]);
    Ok(Request { account, since, until, kinds, every_object: options.every_object, scope: words.to_string() })
}

fn page(told: &ObjectReport<'_>) -> String {
    let mode = if told.livemode { "live" } else { "test" };
    let mut table = Table::default().text("KIND").number("LISTED").number("MISSING");
    for (kind, tally) in told.by_kind {
        table.row([kind.to_string(), tally.listed.to_string(), tally.missing.to_string()]);
    }
    let end = match (told.missing, told.dry_run) {
        (0, _) => "The ledger has all of them.\n".to_owned(),
        (missing, true) => format!("{missing} objects would be queued; nothing was changed.\n"),
        (missing, false) => format!("{missing} objects are queued; workers apply them like any event.\n"),
    };
    format!(
        "Created from {} to {}, {mode} mode: {} objects listed.\n\n{}\n{end}",
        when::whole(told.since),
        when::whole(told.until),
        told.listed,
        table.render()
    )
}
