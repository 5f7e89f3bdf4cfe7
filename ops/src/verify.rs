//! `tidegate audit`: checks that nothing disappeared, nothing was changed, and the figures add up; prints the
//! head of the seals, to be kept elsewhere.

mod findings;

use std::io::IsTerminal;
use std::process::ExitCode;

use desk::audit_key::{AuditKey, Signature};
use desk::verify::{Verified, Witnesses, verify};
use domain::seal::Head;
use serde::Serialize;
use shared::env::Env;
use shared::queue::Role;

use crate::cli::{AuditCommand, Shape, VerifyOptions};
use crate::failure::wrongly_called;
use crate::table::Table;
use crate::{open, output};

const WRONG: u8 = 1;
/// How often progress is told.
const STEP_EVENTS: i64 = 50_000;

/// The form of `verify --json`.
#[derive(Serialize)]
struct AuditReport {
    right: bool,
    /// In the queue now, where it could be asked. RabbitMQ's hold 1 to 32 events each, those of a file one.
    queued_messages: Option<u64>,
    #[serde(flatten)]
    verified: Verified,
}

/// The form of `head --json`.
#[derive(Serialize)]
struct Newest {
    head: Option<Head>,
    sealed_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Over the head as it stands here, where `AUDIT_KEY` is set.
    signed: Option<Signature>,
}

/// The form of `key --json`.
#[derive(Serialize)]
struct PublicKey {
    key: String,
}

pub async fn run(env: &Env, command: &AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Verify(options) => verified(env, options).await,
        AuditCommand::Head(shape) => head(env, shape).await,
        AuditCommand::Key(shape) => key(env, shape),
    }
}

/// Nothing secret: what others keep, to check signatures with.
fn key(env: &Env, shape: &Shape) -> anyhow::Result<ExitCode> {
    let Some(key) = AuditKey::from_env(env)?.map(|key| key.public()) else {
        return Err(wrongly_called(
            "no key is configured: set AUDIT_KEY_FILE to a file with 64 random characters",
        ));
    };
    if shape.json {
        output::print_json(&PublicKey { key })?;
    } else {
        output::print(&format!("{key}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn head(env: &Env, shape: &Shape) -> anyhow::Result<ExitCode> {
    let signing = AuditKey::from_env(env)?;
    let ledger = open::ledger(env).await?;
    let seal = open::answer(&ledger, ledger.head()).await?;
    ledger.close().await;
    let head = seal.as_ref().map(domain::seal::Seal::head);
    let signed = head.as_ref().and_then(|head| Some(signing?.sign_head(head)));
    if shape.json {
        output::print_json(&Newest { head, sealed_at: seal.map(|seal| seal.sealed_at), signed })?;
    } else {
        let shown = head.map_or_else(|| "nothing is sealed yet".to_owned(), |head| head.to_string());
        output::print(&format!("{shown}\n{}", signed.map(|signed| signed.line()).unwrap_or_default()))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn verified(env: &Env, options: &VerifyOptions) -> anyhow::Result<ExitCode> {
    let shape = &options.shape;
    let ledger = open::whole_ledger(env).await?;
    // Asked first: what the queue has forgotten by now must be in the ledger when that is looked at.
    let (mut queued, mut witnesses) = (None, Witnesses { forgotten: None, head: options.since_head.clone() });
    if let Ok((queue, _)) = open::queue(env, Role::Look).await {
        witnesses.forgotten = queue.forgotten().await.ok().flatten();
        queued = queue.depth().await.ok().map(|depth| depth.ready + depth.leased.unwrap_or(0));
        queue.close().await;
    }
    let is_watched = std::io::stderr().is_terminal();
    let mut told = 0;
    let mut progress = |events: i64| {
        if is_watched && events >= told + STEP_EVENTS {
            told = events;
            output::remark(&format!("{events} events"));
        }
    };
    let verified = verify(&ledger, &witnesses, &mut progress).await?;
    ledger.close().await;
    let told = AuditReport { right: verified.is_right(), queued_messages: queued, verified };
    if shape.json {
        output::print_json(&told)?;
    } else {
        output::print(&page(&told))?;
    }
    Ok(if told.right { ExitCode::SUCCESS } else { ExitCode::from(WRONG) })
}

fn page(told: &AuditReport) -> String {
    let Verified { events, by_outcome, by_source, repetitions, deliveries, with_bytes, .. } = &told.verified;
    let mut table = Table::default().number("").text("");
    table.row([events.to_string(), "events, each with one outcome".to_owned()]);
    for (outcome, count) in by_outcome {
        table.row([count.to_string(), format!("  {outcome}")]);
    }
    for (source, count) in by_source.iter().filter(|(source, _)| *source != "stripe") {
        table.row([count.to_string(), format!("came by {source}, and not from Stripe")]);
    }
    table.row([repetitions.to_string(), "repetitions".to_owned()]);
    let queued =
        told.queued_messages.map_or_else(|| "unknown number".to_owned(), |queued| queued.to_string());
    table.row([queued, "messages in the queue, of one event each, or of up to 32 on RabbitMQ".to_owned()]);
    table.row([
        deliveries.to_string(),
        "deliveries; with those in the queue, everything that was answered 200".to_owned(),
    ]);
    table.row([with_bytes.to_string(), "with unchanged bodies".to_owned()]);
    let (chains, seals) = (&told.verified.chains, &told.verified.seals);
    let chained = match chains.without_hash {
        0 => "lines in the audit, each chained to the one before".to_owned(),
        older => format!(
            "lines in the audit, each chained to the one before, but for {older} from before the chain began"
        ),
    };
    table.row([chains.lines.to_string(), chained]);
    let sealed = match &seals.head {
        Some(head) => format!("sealed blocks, the head is {head}"),
        None => "sealed blocks".to_owned(),
    };
    table.row([seals.blocks.to_string(), sealed]);
    if seals.uncounted > 0 {
        let what = "events and lines in no block: they are older than the seals";
        table.row([seals.uncounted.to_string(), what.to_owned()]);
    }
    let mut text = table.render_bare();
    for finding in findings::of(&told.verified) {
        text.extend(["\n", &finding, "\n"]);
    }
    text.push_str(if told.right { "\nThe figures add up.\n" } else { "\nThey do not add up.\n" });
    text
}
