//! `tidegate notices targets`: where notices go.

use std::io::{IsTerminal, Read, stdin};

use anyhow::Context;
use desk::acts::notices::{self as acts, Added};
use desk::views::notices::{TargetView, targets};
use domain::notices::{Channel, EXCHANGE, NewTarget, TargetState};
use secrecy::ExposeSecret;
use shared::clock;
use shared::env::Env;

use crate::cli::{TargetAddOptions, TargetOptions, TargetStateOptions, TargetsCommand};
use crate::failure::{refused, wrongly_called};
use crate::staff::key;
use crate::table::Table;
use crate::{open, output, when};

const ADDRESS_LIMIT_BYTES: u64 = 4_096;

pub async fn run(env: &Env, command: &TargetsCommand) -> anyhow::Result<()> {
    match command {
        TargetsCommand::Add(options) => add(env, options).await,
        TargetsCommand::List(shape) => list(env, shape.json).await,
        TargetsCommand::Disable(options) => set_state(env, options, TargetState::Disabled).await,
        TargetsCommand::Enable(options) => set_state(env, options, TargetState::Enabled).await,
        TargetsCommand::Rotate(options) => rotate(env, options).await,
        TargetsCommand::Test(options) => test(env, options).await,
    }
}

async fn add(env: &Env, options: &TargetAddOptions) -> anyhow::Result<()> {
    let address = match (options.channel, &options.address) {
        (Channel::Slack, Some(_)) => {
            return Err(wrongly_called("the address of a chat is a secret: give it on standard input"));
        }
        (Channel::Slack, None) => address_from_input("The address of the chat: ")?,
        (Channel::Rabbitmq, _) => EXCHANGE.to_owned(),
        (_, Some(address)) => address.clone(),
        (_, None) => return Err(wrongly_called("the address is missing: where should notices go?")),
    };
    let wanted = NewTarget {
        name: options.name.clone(),
        channel: options.channel,
        address,
        kinds: options.kinds.clone(),
        least_severity: options.severity,
        is_ordered: options.ordered,
        allows_private: options.allow_private,
    };
    let (ledger, by) = options.by.actor(env).await?;
    let key = key::of(env)?;
    let added = acts::add(&ledger, &wanted, None, key.as_ref(), &by, clock::now()).await.map_err(refused)?;
    ledger.close().await;
    show_added(&added, "was added", options.shape.json)
}

async fn rotate(env: &Env, options: &TargetOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.actor(env).await?;
    let key = key::of(env)?;
    let added =
        acts::rotate(&ledger, &options.name, key.as_ref(), &by, clock::now()).await.map_err(refused)?;
    ledger.close().await;
    show_added(&added, "has a new secret; the one before signs too", options.shape.json)
}

/// The only place where a secret stands.
fn show_added(added: &Added, what: &str, json: bool) -> anyhow::Result<()> {
    let Added { target, secret } = added;
    let secret = secret.as_ref().map(ExposeSecret::expose_secret);
    if json {
        return output::print_json(&serde_json::json!({"secret": secret, "about": target}));
    }
    if let Some(secret) = secret {
        output::print(&format!("{secret}\n"))?;
        output::remark("this is the secret that signs: keep it now, it is not shown again");
    }
    output::remark(&format!("{} ({}) {what}; it takes {}", target.name, target.channel, target.kinds));
    Ok(())
}

/// What no list of processes may show.
pub(super) fn address_from_input(prompt: &str) -> anyhow::Result<String> {
    if stdin().is_terminal() {
        output::print(prompt)?;
    }
    let mut text = String::new();
    stdin()
        .lock()
        .take(ADDRESS_LIMIT_BYTES)
        .read_to_string(&mut text)
        .context("standard input cannot be read")?;
    Ok(text.trim().to_owned())
}

async fn list(env: &Env, json: bool) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let found = open::answer(&ledger, targets(&ledger)).await?;
    ledger.close().await;
    if json {
        return output::print_json(&found);
    }
    if found.is_empty() {
        let first = "notices targets add NAME webhook URL` adds one";
        output::nothing("target", &ledger.shown(), false, first);
        return Ok(());
    }
    let mut table = Table::default()
        .text("TARGET")
        .text("CHANNEL")
        .text("ADDRESS")
        .text("TAKES")
        .text("FROM")
        .text("STATE")
        .number("WAITING")
        .number("FAILED")
        .text("LAST DELIVERED")
        .prose("MESSAGE", 50);
    for TargetView { target, waiting, failed, .. } in found {
        let ordered = if target.is_ordered { ", in order" } else { "" };
        table.row([
            target.name,
            format!("{}{ordered}", target.channel),
            target.address,
            target.kinds,
            target.least_severity.to_string(),
            target.state.to_string(),
            waiting.to_string(),
            failed.to_string(),
            target.delivered_at.map(when::whole).unwrap_or_default(),
            target.message.unwrap_or_default(),
        ]);
    }
    output::print(&table.render())
}

async fn set_state(env: &Env, options: &TargetStateOptions, state: TargetState) -> anyhow::Result<()> {
    let (ledger, by) = options.by.actor(env).await?;
    let target = acts::set_state(&ledger, &options.name, state, &options.reason, &by, clock::now()).await;
    let target = target.map_err(refused)?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&target);
    }
    output::print(&format!("{} is {}\n", target.name, target.state))
}

async fn test(env: &Env, options: &TargetOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.actor(env).await?;
    let id = acts::test(&ledger, &options.name, &by, clock::now()).await.map_err(refused)?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&serde_json::json!({"notice": id}));
    }
    output::print(&format!(
        "{id} will be sent to {}: `tidegate notices show {id}` says what came of it\n",
        options.name
    ))
}
