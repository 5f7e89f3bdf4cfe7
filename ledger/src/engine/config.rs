//! Selects the ledger and sets up its connections.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use shared::env::{Env, Problem, Variable, redacted};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::body_keys::{BodyKeys, KEYS_FILE};
use crate::engine::file::{self, LedgerFile};
use crate::engine::patience::Patience;
use crate::engine::policies;
use crate::engine::writer::Writer;
use crate::{LedgerError, Pool};
use domain::policy::Policy;

const DATABASE_URL: Variable = Variable {
    name: "DATABASE_URL",
    default: "sqlite:data/ledger.db",
    example: "postgres://tidegate:secret@postgres.example:5432/tidegate",
    help: "The ledger: `sqlite:FILE`, or Postgres as `postgres://`.",
};
const DEADLINE: Variable = Variable {
    name: "DATABASE_DEADLINE_SECS",
    default: "10",
    example: "5",
    help: "Maximum time for one statement on the ledger, for waiting on a lock, and for an idle transaction.",
};
const CONNECTIONS: Variable = Variable {
    name: "DATABASE_CONNECTIONS",
    default: "8",
    example: "4",
    help: "Maximum number of Postgres connections per process.",
};
pub const VARIABLES: &[Variable] = &[DATABASE_URL, DEADLINE, CONNECTIONS, KEYS_FILE];

/// Every statement of a batch has one text, kept prepared: planning it each time would be half of a small
/// batch's cost. Its plan is made once, mostly while tables are young and without statistics, where scans and
/// hashes of whole tables look cheap; they grow with the table, and the plan stays.
const BY_KEY: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
];

/// A worker has about eighty, and a few dozen by which tables a batch writes.
const POSTGRES_STATEMENTS: usize = 256;
/// Key figures of a month sort more than the 4 MB that a session has by default.
const FOR_PAGES: [(&str, &str); 1] = [("work_mem", "16MB")];

#[derive(Clone, Debug)]
pub struct LedgerConfig {
    pub(super) url: LedgerUrl,
    pub(super) deadline: Duration,
    connections: u32,
    by_key: bool,
    /// Whether a file is checked for damage when it is opened.
    checked: bool,
    pub(crate) policy: Policy,
    pub(crate) body_keys: BodyKeys,
}

/// Each statement in each of the sizes that it comes in.
const SQLITE_STATEMENTS: usize = 1024;

#[derive(Clone, Debug)]
pub(super) enum LedgerUrl {
    Postgres(SecretString),
    Sqlite(PathBuf),
}

impl LedgerConfig {
    pub fn from_env(env: &Env) -> Result<Self, Problem> {
        Ok(Self {
            url: env.parse(&DATABASE_URL, read_url)?,
            deadline: env.seconds(&DEADLINE, 1..=300)?,
            connections: env.number(&CONNECTIONS, 2..=100)?,
            by_key: false,
            checked: false,
            policy: policies::policy(env)?,
            body_keys: BodyKeys::from_env(env)?,
        })
    }

    /// The same ledger, asked with less patience: somebody waits for the answer.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = self.deadline.min(deadline);
        self
    }

    /// The same ledger for a worker, whose every statement finds its rows by key, and which builds on no damage.
    #[must_use]
    pub fn for_batches(mut self) -> Self {
        self.by_key = true;
        self.checked = true;
        self
    }

    /// Another ledger, asked in the same way.
    pub(super) fn at(&self, url: LedgerUrl) -> Self {
        Self { url, ..self.clone() }
    }

    /// Where it is, without user or password.
    pub fn shown(&self) -> String {
        match &self.url {
            LedgerUrl::Postgres(url) => redacted(url.expose_secret()),
            LedgerUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        }
    }

    pub(crate) fn patience(&self) -> Patience {
        Patience::of(self.deadline)
    }

    pub(crate) async fn connect(&self) -> Result<(Pool, Option<Arc<LedgerFile>>), LedgerError> {
        match &self.url {
            LedgerUrl::Postgres(url) => Ok((Pool::Postgres(self.postgres(url)?), None)),
            LedgerUrl::Sqlite(path) => {
                let (pool, writer, file) = self.sqlite(path).await?;
                Ok((Pool::Sqlite(pool, Arc::new(writer)), Some(file)))
            }
        }
    }

    /// Connects when first used: the database may be away at the start.
    fn postgres(&self, url: &SecretString) -> Result<sqlx::PgPool, LedgerError> {
        let pool = PgPoolOptions::new().max_connections(self.connections).acquire_timeout(self.deadline);
        let pool = self.patience().of_pool(pool);
        Ok(pool.connect_lazy_with(self.settings(PgConnectOptions::from_str(url.expose_secret())?)))
    }

    /// The settings of each session.
    fn settings(&self, options: PgConnectOptions) -> PgConnectOptions {
        let deadline_ms = self.deadline.as_millis().to_string();
        let options = options.application_name("tidegate").options([
            ("statement_timeout", deadline_ms.as_str()),
            ("lock_timeout", deadline_ms.as_str()),
            ("idle_in_transaction_session_timeout", deadline_ms.as_str()),
            // A page of a large list looks dear to the planner, which does not know how soon it is full: compiling it
            // takes a second, running it a millisecond.
            ("jit", "off"),
        ]);
        let options = options.statement_cache_capacity(POSTGRES_STATEMENTS);
        if self.by_key { options.options(BY_KEY) } else { options.options(FOR_PAGES) }
    }

    async fn sqlite(&self, path: &Path) -> Result<(sqlx::SqlitePool, Writer, Arc<LedgerFile>), LedgerError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledgement rests on this file: a commit must have reached the disk.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(self.deadline)
            .foreign_keys(false)
            .statement_cache_capacity(SQLITE_STATEMENTS)
            // A batch writes some hundred pages, many of them again with the next: checkpoints wait for several.
            .pragma("wal_autocheckpoint", "2000")
            .pragma("temp_store", "MEMORY")
            .pragma("cache_size", "-65536");
        file::create(path, options.clone()).await?;
        file::check_log(path)?;
        let writer = Writer::of(path, options.clone(), self.deadline);
        let pool = file::pool(4, self.deadline).connect_with(options).await?;
        let file = LedgerFile::of(path, &pool).await?;
        if self.checked {
            file.check_at_start(&pool).await?;
        }
        Ok((pool, writer, file))
    }
}

fn read_url(text: &str) -> Result<LedgerUrl, String> {
    if let Some(path) = text.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains(['?', '#']) {
            return Err("sqlite: needs a file path after the colon".to_owned());
        }
        return Ok(LedgerUrl::Sqlite(PathBuf::from(path)));
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return match PgConnectOptions::from_str(text) {
            Ok(_) => Ok(LedgerUrl::Postgres(text.to_owned().into())),
            Err(_) => {
                Err("not a well-formed address (percent-encode special characters in the password)"
                    .to_owned())
            }
        };
    }
    Err("does not begin with sqlite:, postgres:// or postgresql://".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_session_compiles_its_statements() {
        let env = Env::of(&[("DATABASE_URL", "postgres://u:p@127.0.0.1/x")]);
        let config = LedgerConfig::from_env(&env).unwrap();
        for config in [config.clone(), config.for_batches()] {
            let settings = config.settings(PgConnectOptions::new_without_pgpass());
            assert!(settings.get_options().is_some_and(|told| told.contains("-c jit=off")), "{settings:?}");
        }
    }
}
