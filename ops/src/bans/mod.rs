//! `tidegate bans`: who is banned and why, and what staff decide about it.

mod check;
mod decide;
mod explain;
mod list;

use std::process::ExitCode;

use domain::bans::Act;
use shared::env::Env;

use crate::cli::BansCommand;

pub async fn run(env: &Env, command: &BansCommand) -> anyhow::Result<ExitCode> {
    match command {
        BansCommand::List(options) => list::run(env, options).await?,
        BansCommand::Explain(options) => explain::run(env, options).await?,
        BansCommand::Ban(options) => decide::decide(env, Act::Ban, options).await?,
        BansCommand::Lift(options) => decide::decide(env, Act::Lift, options).await?,
        BansCommand::Clear(options) => decide::clear(env, options).await?,
        BansCommand::Check(options) => return check::run(env, options).await,
    }
    Ok(ExitCode::SUCCESS)
}
