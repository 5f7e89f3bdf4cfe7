//! `tidegate disputes accept` and `tidegate disputes evidence`: a dispute is given up, or answered.

use std::process::ExitCode;

use desk::acts::operations::request::{Ask, Wanted};
use domain::Key;
use domain::operations::Reason;
use shared::env::Env;

use super::{ask, evidence};
use crate::cli::{EvidenceCommand, WantedOptions};

pub async fn accept(env: &Env, options: &WantedOptions) -> anyhow::Result<ExitCode> {
    run(env, options, |dispute| Wanted::DisputeAccept { dispute }).await
}

pub async fn answer(env: &Env, command: &EvidenceCommand) -> anyhow::Result<ExitCode> {
    match command {
        EvidenceCommand::Draft(options) => evidence::draft(env, options).await,
        EvidenceCommand::Attach(options) => evidence::attach(env, options).await,
        EvidenceCommand::Show(options) => evidence::show(env, options).await,
        EvidenceCommand::Stage(options) => {
            run(env, options, |dispute| Wanted::EvidenceStage { dispute }).await
        }
        EvidenceCommand::Submit(options) => {
            let (staged, incomplete) = (options.staged.clone(), options.incomplete);
            run(env, &options.act, |dispute| Wanted::EvidenceSubmit { dispute, staged, incomplete }).await
        }
    }
}

async fn run(
    env: &Env,
    options: &WantedOptions,
    wanted: impl FnOnce(Key) -> Wanted,
) -> anyhow::Result<ExitCode> {
    let (ledger, actor) = options.by.actor(env).await?;
    let wanted = wanted(ask::the_dispute(&ledger, &options.id, &options.whose).await?);
    let ask = Ask { wanted, reason: Reason::Other, note: options.note.clone(), confirmed: true };
    ask::run(&ledger, &ask, &actor, options.yes, options.shape.json).await
}
