//! `tidegate backfill`: fetches events that Stripe lists and the ledger lacks, through the queue.

mod objects;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use desk::backfill::{Aim, Backfill, Request, Tally};
use envelope::is_identifier;
use ledger::Ledger;
use serde::Serialize;
use serde_json::json;
use shared::env::Env;
use shared::queue::{Queue, Role};
use shared::{clock, shutdown};
use stripe_api::{Api, EVENTS_LISTED, Listing, StripeConfig, TYPES_LIMIT};
use tokio::time::Instant;

use crate::cli::BackfillOptions;
use crate::table::Table;
use crate::{failure, open, output, time_option, when};

/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(2);

/// The form of `--json`.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is its own fact for machines")]
struct BackfillReport<'a> {
    dry_run: bool,
    livemode: bool,
    since: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
    /// Stripe has forgotten the beginning of what was asked for.
    before_stripe_lists: bool,
    resumed: bool,
    listed: u64,
    left_out: u64,
    missing: u64,
    missing_by_type: &'a BTreeMap<String, u64>,
}

pub async fn run(env: &Env, options: &BackfillOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let mut config = StripeConfig::from_env(env)?.ok_or_else(StripeConfig::missing_key)?;
    config.rate_per_sec = options.rate.unwrap_or(config.rate_per_sec);
    if options.objects {
        return objects::run(env, &config, options, now).await;
    }
    let request = request(options, config.key.livemode(), now)?;
    let is_too_early = request.listing.since < now - EVENTS_LISTED;
    if is_too_early {
        output::remark(
            "note: Stripe lists only 30 days; older events cannot be fetched, but objects can: --objects",
        );
    }
    let api = Api::open(&config, shutdown::on_signal()?)?;
    let ledger = open::ledger(env).await?;
    let api = desk::pace::shared(api, &ledger, |_| {});
    let queue = if options.dry_run { None } else { Some(open::queue(env, Role::Publish).await?.0) };
    let until = request.listing.until;
    let worked = work(&api, &ledger, queue.as_ref(), request).await;
    if let Some(queue) = &queue {
        queue.close().await;
    }
    ledger.close().await;
    let tally = worked?;
    let told = BackfillReport {
        dry_run: options.dry_run,
        livemode: api.livemode(),
        since: tally.since,
        until,
        before_stripe_lists: is_too_early,
        resumed: tally.resumed,
        listed: tally.listed,
        left_out: tally.left_out,
        missing: tally.missing_events(),
        missing_by_type: &tally.missing,
    };
    if options.shape.json { output::print_json(&told) } else { output::print(&page(&told)) }
}

async fn work(api: &Api, ledger: &Ledger, queue: Option<&Queue>, request: Request) -> anyhow::Result<Tally> {
    let aim = queue.map_or(Aim::Count, Aim::Publish);
    let mut backfill = Backfill::of(api, ledger, aim, request);
    let mut next = Instant::now() + PROGRESS;
    let mut was_resumed = false;
    while backfill.step().await? {
        let tally = backfill.tally();
        if tally.resumed && !was_resumed {
            output::remark("continuing where the last run was interrupted");
            was_resumed = true;
        }
        if Instant::now() >= next {
            output::remark(&progress(tally));
            next = Instant::now() + PROGRESS;
        }
    }
    let tally = backfill.tally().clone();
    output::remark(&progress(&tally));
    Ok(tally)
}

fn progress(tally: &Tally) -> String {
    let (listed, missing) = (tally.listed, tally.missing_events());
    let reached =
        tally.reached.map_or_else(|| "nothing listed".to_owned(), |at| format!("up to {}", when::whole(at)));
    format!("{listed} listed, {missing} missing, {reached}")
}

fn request(options: &BackfillOptions, livemode: bool, now: DateTime<Utc>) -> anyhow::Result<Request> {
    let (since, until) = span(options, now)?;
    let types = &options.types;
    if types.len() > TYPES_LIMIT || (types.len() > 1 && types.iter().any(|kind| kind.contains('*'))) {
        let why = format!(
            "Stripe filters by one type, which may end with `*`, or by up to {TYPES_LIMIT} whole names"
        );
        return Err(failure::wrongly_called(why));
    }
    let account = account(options)?;
    // As it was asked for, and not as it is understood now: three days ago is another moment each time.
    let scope =
        json!([livemode, account, options.since, options.until, types, options.undelivered]).to_string();
    let listing = Listing { account, since, until, types: types.clone(), undelivered: options.undelivered };
    Ok(Request { listing, every_type: !types.is_empty(), scope: Some(scope) })
}

fn span(
    options: &BackfillOptions,
    now: DateTime<Utc>,
) -> anyhow::Result<(DateTime<Utc>, Option<DateTime<Utc>>)> {
    let moment = |text: &str| time_option::past(text, now).map_err(failure::wrongly_called);
    let since = moment(&options.since)?;
    let until = options.until.as_deref().map(moment).transpose()?;
    if until.is_some_and(|until| until < since) || since > now + TimeDelta::minutes(1) {
        return Err(failure::wrongly_called("--since is after --until, or in the future"));
    }
    Ok((since, until))
}

fn account(options: &BackfillOptions) -> anyhow::Result<String> {
    let account = options.account.clone().unwrap_or_default();
    if !account.is_empty() && !is_identifier(&account) {
        return Err(failure::wrongly_called("--account is not an account id"));
    }
    Ok(account)
}

fn page(told: &BackfillReport<'_>) -> String {
    let mode = if told.livemode { "live" } else { "test" };
    let until = told.until.map_or_else(|| "now".to_owned(), when::whole);
    let mut text =
        format!("{} to {until}, {mode} mode: {} events listed", when::whole(told.since), told.listed);
    if told.left_out > 0 {
        write!(text, ", {} of types without a rule", told.left_out).expect("a String takes every write");
    }
    text.push_str(".\n");
    if told.missing == 0 {
        text.push_str("The ledger has all of them.\n");
        return text;
    }
    let mut table = Table::default().text("MISSING TYPE").number("EVENTS");
    for (kind, events) in told.missing_by_type {
        table.row([kind.clone(), events.to_string()]);
    }
    let end = if told.dry_run {
        format!("{} events would be queued; nothing was changed.\n", told.missing)
    } else {
        format!("{} events are queued; workers apply them like any other.\n", told.missing)
    };
    text + "\n" + &table.render() + "\n" + &end
}
