//! `tidegate operations` and `tidegate approvals`: what Stripe is asked to do, and who decides.

mod ask;
pub mod batch;
pub mod billing;
pub mod dispute;
mod evidence;
mod list;
mod page;
pub mod payment;
pub mod refund;

use std::process::ExitCode;

use anyhow::bail;
use desk::acts::operations::NotDone;
use desk::acts::operations::approve::{Word, approve, reject};
use desk::acts::operations::batch::{self as batches, BatchView};
use desk::acts::operations::cancel::cancel;
use desk::acts::operations::confirm::confirm;
use desk::acts::operations::retry::retry;
use desk::acts::operations::settle::{Found, settle};
use domain::operations::{Operation, OperationState};
use ledger::Ledger;
use shared::clock;
use shared::env::Env;

use self::page::{Page, shown};
use crate::cli::{ApprovalsCommand, OperationsCommand, SettleOptions};
use crate::failure::wrongly_called;
use crate::open;

pub async fn run(env: &Env, command: &OperationsCommand) -> anyhow::Result<ExitCode> {
    match command {
        OperationsCommand::List(options) => list::list(env, options).await?,
        OperationsCommand::Show(options) => show(env, &options.id, options.shape.json).await?,
        OperationsCommand::Confirm(options) => {
            let (ledger, actor) = options.by.actor(env).await?;
            if !options.yes {
                return only_shown(&ledger, &options.id, options.shape.json, "confirm it").await;
            }
            let done = confirm(&ledger, &options.id, &actor, clock::now()).await;
            return shown(&ledger, done.map_err(not_done)?, options.shape.json).await;
        }
        OperationsCommand::Retry(options) => {
            let (ledger, actor) = options.by.actor(env).await?;
            if !options.yes {
                return only_shown(&ledger, &options.id, options.shape.json, "try it again").await;
            }
            let done = retry(&ledger, &options.id, true, &actor, clock::now()).await;
            return shown(&ledger, done.map_err(not_done)?, options.shape.json).await;
        }
        OperationsCommand::Cancel(options) => {
            let (ledger, actor) = options.by.actor(env).await?;
            let done = cancel(&ledger, &options.id, &options.reason, &actor, clock::now()).await;
            return shown(&ledger, done.map_err(not_done)?, options.shape.json).await;
        }
        OperationsCommand::Settle(options) => return settled(env, options).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// The page of one operation.
pub async fn show(env: &Env, id: &str, json: bool) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    if let Some(view) = batch::found(&ledger, id.trim()).await? {
        ledger.close().await;
        return batch::print(&view, json);
    }
    let page = Page::read(&ledger, id).await?;
    ledger.close().await;
    page::print(&page, json)
}

pub async fn approvals(env: &Env, command: &ApprovalsCommand) -> anyhow::Result<ExitCode> {
    match command {
        ApprovalsCommand::List(options) => {
            list::approvals(env, options).await?;
            Ok(ExitCode::SUCCESS)
        }
        ApprovalsCommand::Approve(options) => {
            let (ledger, actor) = options.by.actor(env).await?;
            if !options.yes {
                return only_shown(&ledger, &options.id, options.shape.json, "approve it").await;
            }
            let word = Word { reason: options.reason.clone(), parameters_hash: options.hash.clone() };
            if batch::found(&ledger, &options.id).await?.is_some() {
                let done = batches::approve(&ledger, &options.id, &word, &actor, clock::now()).await;
                return batch_done(&ledger, done, options.shape.json).await;
            }
            let done = approve(&ledger, &options.id, &word, &actor, clock::now()).await;
            shown(&ledger, done.map_err(not_done)?, options.shape.json).await
        }
        ApprovalsCommand::Reject(options) => {
            let (ledger, actor) = options.by.actor(env).await?;
            if batch::found(&ledger, &options.id).await?.is_some() {
                let done = batches::reject(&ledger, &options.id, &options.reason, &actor, clock::now()).await;
                return batch_done(&ledger, done, options.shape.json).await;
            }
            let done = reject(&ledger, &options.id, &options.reason, &actor, clock::now()).await;
            shown(&ledger, done.map_err(not_done)?, options.shape.json).await
        }
    }
}

async fn batch_done(
    ledger: &Ledger,
    done: Result<BatchView, NotDone>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let view = done.map_err(not_done)?;
    ledger.close().await;
    batch::print(&view, json)?;
    let is_refused = view.operations.iter().any(|operation| operation.state == OperationState::Refused);
    Ok(if is_refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn settled(env: &Env, options: &SettleOptions) -> anyhow::Result<ExitCode> {
    let (ledger, actor) = options.by.actor(env).await?;
    let found = match &options.made {
        Some(stripe_id) => Found::Done { stripe_id: stripe_id.clone() },
        None => Found::NotDone,
    };
    let done = settle(&ledger, &options.id, &found, &options.reason, &actor, clock::now()).await;
    shown(&ledger, done.map_err(not_done)?, options.shape.json).await
}

/// What would be done, and how to do it.
async fn only_shown(ledger: &Ledger, id: &str, json: bool, act: &str) -> anyhow::Result<ExitCode> {
    if let Some(view) = batch::found(ledger, id).await? {
        ledger.close().await;
        batch::print(&view, json)?;
        page::remark_yes(act);
        return Ok(ExitCode::SUCCESS);
    }
    page::print(&Page::read(ledger, id).await?, json)?;
    ledger.close().await;
    page::remark_yes(act);
    Ok(ExitCode::SUCCESS)
}

/// Whether what was asked for is refused by now; the page says why.
fn code(operation: &Operation) -> ExitCode {
    if operation.state == OperationState::Refused { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn not_done(refused: NotDone) -> anyhow::Error {
    match refused {
        NotDone::Ledger(error) => error.into(),
        NotDone::Text(refusal) => crate::failure::refused(refusal),
        refused @ (NotDone::ItemRefused { .. }
        | NotDone::OtherList
        | NotDone::SameList { .. }
        | NotDone::NotIts(_)
        | NotDone::NoSuchOperation { .. }
        | NotDone::Held
        | NotDone::StillRuns
        | NotDone::MayBePaid
        | NotDone::ClockBehind) => refused.into(),
        other => wrongly_called(other.to_string()),
    }
}

fn none_of(id: &str, ledger: &Ledger) -> anyhow::Result<Page> {
    bail!("there is no operation {id} in the ledger at {}", ledger.shown())
}
