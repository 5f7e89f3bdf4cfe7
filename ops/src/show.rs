//! placeholder
use crate::cli::Subject;
use shared::env::Env;
pub async fn run(_env: &Env, _s: &Subject) -> anyhow::Result<()> {
    Ok(())
}
