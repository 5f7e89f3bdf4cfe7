//! Opens the ledger and the queue for commands that only read. If there is nothing yet, it says so instead of
//! creating an empty database.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use desk::actor::{TOKEN, token_hash};
use ledger::{Ledger, LedgerConfig};
use shared::env::Env;
use shared::queue::{Queue, QueueUrl, Role};
use tokio::time::Instant;

use crate::{envelope_key, output};

const CONNECT_WAIT: Duration = Duration::from_secs(5);
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// How long a person at a screen waits for the ledger.
const SCREEN_WAIT: Duration = Duration::from_secs(5);

/// The ledger, with a schema that this program knows.
pub async fn ledger(env: &Env) -> anyhow::Result<Ledger> {
    known(env, &LedgerConfig::from_env(env)?).await
}

/// The same for those who read all of it, which takes as long as it takes.
pub async fn whole_ledger(env: &Env) -> anyhow::Result<Ledger> {
    known(env, &LedgerConfig::from_env(env)?.for_copies()).await
}

async fn known(env: &Env, config: &LedgerConfig) -> anyhow::Result<Ledger> {
    let ledger = as_it_is(config).await?;
    ledger.check_schema().await?;
    remark_unknown_token(env, &ledger).await?;
    Ok(ledger)
}

/// To look, nobody needs a token: one that is mistyped would go unnoticed until something is refused.
async fn remark_unknown_token(env: &Env, ledger: &Ledger) -> anyhow::Result<()> {
    let Some(token) = env.given(TOKEN.name) else { return Ok(()) };
    let known = async { ledger.read().await?.token_by_hash(&token_hash(token.trim())).await };
    if answer(ledger, known).await?.is_none() {
        output::remark(&format!(
            "the token in {} is not known in this ledger: it proves nothing",
            TOKEN.name
        ));
    }
    Ok(())
}

/// The ledger, whatever its schema, for those who look at a patient: it may be away.
pub async fn patient(env: &Env) -> anyhow::Result<Ledger> {
    as_it_is(&LedgerConfig::from_env(env)?.within(SCREEN_WAIT)).await
}

async fn as_it_is(config: &LedgerConfig) -> anyhow::Result<Ledger> {
    if let Some(path) = config.shown().strip_prefix("sqlite:") {
        must_exist(Path::new(path), "ledger", "DATABASE_URL")?;
    }
    let ledger = Ledger::open(config).await?;
    ledger.reach().await?;
    Ok(ledger)
}

/// The queue, once it can be asked.
pub async fn queue(env: &Env, role: Role) -> anyhow::Result<(Queue, String)> {
    let config = envelope_key::queue_config(env)?;
    let shown = config.url.shown();
    if let QueueUrl::Sqlite(path) = &config.url {
        must_exist(path, "queue", "QUEUE_URL")?;
    }
    let queue = Queue::open(config, role).await?;
    let deadline = Instant::now() + CONNECT_WAIT;
    while let Err(why) = queue.health() {
        if Instant::now() > deadline {
            bail!("the queue at {shown} cannot be used: {why}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok((queue, shown))
}

/// The ledger's answer, or the sentence that it did not come in time.
pub async fn answer<T, E>(ledger: &Ledger, question: impl Future<Output = Result<T, E>>) -> anyhow::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    match tokio::time::timeout(ANSWER_WAIT, question).await {
        Ok(answer) => answer.with_context(|| format!("the ledger at {} cannot tell", ledger.shown())),
        Err(_) => bail!("the ledger at {} did not answer within {} s", ledger.shown(), ANSWER_WAIT.as_secs()),
    }
}

fn must_exist(path: &Path, what: &str, variable: &str) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let me = output::me();
    bail!("there is no {what} at {} yet: start `{me} up` in this folder, or set {variable}", path.display())
}
