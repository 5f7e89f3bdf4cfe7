//! `tidegate disputes accept` and `tidegate disputes evidence`: an answer to a dispute is stored, shown, and submitted by
//! an act of its own.

use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;

use anyhow::Context;
use desk::acts::operations::request::{Ask, Wanted};
use domain::Key;
use domain::disputes::Dispute;
use domain::operations::Reason;
use ledger::Ledger;
use shared::env::Env;

use super::{ask, desk};
use crate::cli::{EvidenceCommand, StageOptions, WantedOptions};
use crate::failure::wrongly_called;

pub async fn accept(env: &Env, options: &WantedOptions) -> anyhow::Result<ExitCode> {
    run(env, options, |dispute| Wanted::DisputeAccept { dispute }).await
}

pub async fn evidence(env: &Env, command: &EvidenceCommand) -> anyhow::Result<ExitCode> {
    match command {
        EvidenceCommand::Stage(options) => {
            let evidence = fields(options)?;
            run(env, &options.act, |dispute| Wanted::EvidenceStage { dispute, evidence }).await
        }
        EvidenceCommand::Submit(options) => {
            run(env, options, |dispute| Wanted::EvidenceSubmit { dispute }).await
        }
    }
}

async fn run(
    env: &Env,
    options: &WantedOptions,
    wanted: impl FnOnce(Key) -> Wanted,
) -> anyhow::Result<ExitCode> {
    let (ledger, actor) = desk(env, &options.by).await?;
    let wanted = wanted(dispute(&ledger, options).await?);
    let ask = Ask { wanted, reason: Reason::Other, note: options.note.clone(), confirmed: true };
    ask::run(&ledger, &ask, &actor, options.yes, options.shape.json).await
}

async fn dispute(ledger: &Ledger, options: &WantedOptions) -> anyhow::Result<Key> {
    let found = ask::the_one::<Dispute>(ledger, &options.id, &options.whose).await?;
    Ok(found.map_or_else(|key| key, |dispute| dispute.key))
}

/// `NAME=TEXT`, or `NAME=@FILE` for a text that stands in a file.
fn fields(options: &StageOptions) -> anyhow::Result<BTreeMap<String, String>> {
    let mut fields = BTreeMap::new();
    for field in &options.fields {
        let Some((name, value)) = field.split_once('=') else {
            return Err(wrongly_called(format!("--field {field}: write NAME=TEXT, or NAME=@FILE")));
        };
        let value = match value.strip_prefix('@') {
            Some(path) => fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?,
            None => value.to_owned(),
        };
        if fields.insert(name.to_owned(), value).is_some() {
            return Err(wrongly_called(format!("--field {name} is given twice: Stripe takes one value")));
        }
    }
    Ok(fields)
}
