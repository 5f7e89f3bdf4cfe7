//! `tidegate disputes`: list, summary, analytics and notes.

mod analytics;
mod list;
mod note;
mod summary;

use shared::env::Env;

pub use self::list::table;
use crate::cli::DisputesCommand;

pub async fn run(env: &Env, command: &DisputesCommand) -> anyhow::Result<()> {
    match command {
        DisputesCommand::List(options) => list::run(env, options).await,
        DisputesCommand::Summary(options) => summary::run(env, options).await,
        DisputesCommand::Analytics(options) => analytics::run(env, options).await,
        DisputesCommand::Note(options) => note::note(env, options).await,
        DisputesCommand::Resolve(options) => note::resolve(env, options).await,
        DisputesCommand::Reopen(options) => note::reopen(env, options).await,
        DisputesCommand::Accept(_) | DisputesCommand::Evidence(_) => {
            unreachable!("operations are asked for elsewhere")
        }
    }
}
