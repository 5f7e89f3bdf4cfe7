//! Copies of a whole ledger as of one moment, made while it is in use, and ledgers made from them: SQLite's `VACUUM
//! INTO`, and `pg_dump` on a snapshot that the counts are of, too.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use domain::Kind;
use secrecy::{ExposeSecret, SecretString};
use shared::files_in_use::FilesInUse;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};

use super::config::LedgerUrl;
pub use super::copy_error::CopyError;
use super::pg_tools;
use super::query::query;
use crate::{APPEND_ONLY_TABLES, Ledger, LedgerConfig, LedgerError, Pool, Transaction};

const SQLITE_COPY: &str = "ledger.db";
const POSTGRES_COPY: &str = "ledger.pgdump";
/// So long a statement may take that counts or copies a whole table.
const WHOLE_TABLE: Duration = Duration::from_hours(1);
/// Whoever locks a table for longer fails the copy, and does not hold it for ever.
const LOCK_PATIENCE: &str = "--lock-wait-timeout=60000";
/// A transaction that only waits is ended by its server; so it does not only wait.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// How many rows each table has that never loses one.
pub type RowCounts = BTreeMap<String, i64>;

/// A copy that was made.
#[derive(Clone, Debug)]
pub struct LedgerCopy {
    /// In the folder that was given.
    pub file: &'static str,
    /// What it has at least, and at most.
    pub least: RowCounts,
    pub most: RowCounts,
}

impl LedgerConfig {
    /// The same ledger for those who read whole tables.
    #[must_use]
    pub fn for_copies(mut self) -> Self {
        self.deadline = self.deadline.max(WHOLE_TABLE);
        self
    }
}

impl Ledger {
    /// Counts the rows of the tables that never lose one.
    #[shared::built_once]
    pub async fn row_counts(&self) -> Result<RowCounts, LedgerError> {
        counts(&mut self.read().await?).await
    }

    /// Copies all of it into a folder, while others write.
    #[shared::built_once]
    pub async fn copy_into(&self, config: &LedgerConfig, folder: &Path) -> Result<LedgerCopy, CopyError> {
        match (&self.pool, &config.url) {
            (Pool::Sqlite(pool, _), _) => {
                let path = folder.join(SQLITE_COPY);
                let least = self.row_counts().await?;
                let into = path.display().to_string();
                sqlx::query("VACUUM INTO $1").bind(into).execute(pool).await.map_err(LedgerError::from)?;
                keep(&path)?;
                Ok(LedgerCopy { file: SQLITE_COPY, least, most: self.row_counts().await? })
            }
            (Pool::Postgres(_), LedgerUrl::Postgres(url)) => {
                let path = folder.join(POSTGRES_COPY);
                let counts = self.dump(&server(url)?, &path).await?;
                keep(&path)?;
                Ok(LedgerCopy { file: POSTGRES_COPY, least: counts.clone(), most: counts })
            }
            (Pool::Postgres(_), LedgerUrl::Sqlite(_)) => unreachable!("the pool is of its configuration"),
        }
    }

    /// Counts and copies one snapshot.
    async fn dump(&self, server: &PgConnectOptions, path: &Path) -> Result<RowCounts, CopyError> {
        let mut tx = self.read().await?;
        let snapshot: String = query("SELECT pg_export_snapshot()").one(&mut tx).await?;
        let counts = counts(&mut tx).await?;
        let mut arguments: Vec<OsString> =
            ["--format=custom", "--no-owner", "--no-privileges", LOCK_PATIENCE].map(OsString::from).into();
        arguments.push(format!("--snapshot={snapshot}").into());
        let mut file = OsString::from("--file=");
        file.push(path);
        arguments.push(file);
        let dumping = tokio::spawn({
            let server = server.clone();
            async move { pg_tools::run("pg_dump", &server, arguments).await }
        });
        while !dumping.is_finished() {
            let _alive: i64 = query("SELECT 1::bigint").one(&mut tx).await?;
            tokio::time::sleep(KEEP_ALIVE.min(Duration::from_millis(200))).await;
        }
        let dumped = dumping.await;
        drop(tx);
        dumped
            .map_err(|error| CopyError::File { path: path.to_owned(), source: io::Error::other(error) })??;
        Ok(counts)
    }
}

/// Makes the configured ledger from a copy. Where there is one already it is refused.
#[shared::built_once]
pub async fn restore(config: &LedgerConfig, folder: &Path, file: &str) -> Result<(), CopyError> {
    let copy = folder.join(file);
    match (&config.url, file) {
        (LedgerUrl::Sqlite(path), SQLITE_COPY) => place(&copy, path),
        (LedgerUrl::Postgres(url), POSTGRES_COPY) => {
            let server = server(url)?;
            let mut connection = PgConnection::connect_with(&server).await.map_err(LedgerError::from)?;
            let has_one: Option<i32> =
                sqlx::query_scalar("SELECT 1 FROM pg_tables WHERE schemaname = current_schema() LIMIT 1")
                    .fetch_optional(&mut connection)
                    .await
                    .map_err(LedgerError::from)?;
            connection.close().await.map_err(LedgerError::from)?;
            if has_one.is_some() {
                return Err(CopyError::NotEmpty { at: config.shown() });
            }
            undump(&server, &copy).await
        }
        (LedgerUrl::Sqlite(_), _) => Err(CopyError::OtherKind { copy: "Postgres", wanted: "a SQLite file" }),
        (LedgerUrl::Postgres(_), _) => {
            Err(CopyError::OtherKind { copy: "a SQLite file", wanted: "Postgres" })
        }
    }
}

/// A place of its own in which a copy is tried.
#[derive(Debug)]
pub struct Scratch {
    pub config: LedgerConfig,
    /// The database that was made for it, and the server that has it.
    database: Option<(String, PgConnectOptions)>,
}

impl Scratch {
    /// Beside the ledger: a file in this folder, or a database on the same server.
    #[shared::built_once]
    pub async fn make(config: &LedgerConfig, folder: &Path) -> Result<Self, CopyError> {
        match &config.url {
            LedgerUrl::Sqlite(_) => {
                let url = LedgerUrl::Sqlite(folder.join(SQLITE_COPY));
                Ok(Self { config: config.at(url), database: None })
            }
            LedgerUrl::Postgres(url) => {
                let server = server(url)?;
                let name = format!("tidegate_verify_{}", shared::trace::random_hex::<6>());
                execute(&server, format!("CREATE DATABASE {name}")).await.map_err(CopyError::NoScratch)?;
                let url = server.clone().database(&name);
                let url = LedgerUrl::Postgres(SecretString::from(
                    sqlx::ConnectOptions::to_url_lossy(&url).to_string(),
                ));
                Ok(Self { config: config.at(url), database: Some((name, server)) })
            }
        }
    }

    /// What was made on a server is dropped; a folder is its owner's to remove.
    #[shared::built_once]
    pub async fn remove(self) -> Result<(), LedgerError> {
        if let Some((name, server)) = self.database {
            execute(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        }
        Ok(())
    }
}

async fn execute(server: &PgConnectOptions, sql: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(server).await?;
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}

async fn undump(server: &PgConnectOptions, copy: &Path) -> Result<(), CopyError> {
    let database = server.get_database().unwrap_or(server.get_username());
    let mut arguments: Vec<OsString> =
        ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
            .map(OsString::from)
            .into();
    arguments.push(format!("--dbname={database}").into());
    arguments.push(copy.into());
    pg_tools::run("pg_restore", server, arguments).await
}

fn server(url: &SecretString) -> Result<PgConnectOptions, CopyError> {
    Ok(PgConnectOptions::from_str(url.expose_secret()).map_err(LedgerError::from)?)
}

async fn counts(tx: &mut Transaction) -> Result<RowCounts, LedgerError> {
    let mut counts = RowCounts::new();
    for table in
        APPEND_ONLY_TABLES.iter().copied().chain(["events"]).chain(Kind::ALL.iter().map(|kind| kind.table()))
    {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        counts.insert(table.to_owned(), query(AssertSqlSafe(sql)).one(tx).await?);
    }
    Ok(counts)
}

/// Copies a database file to where none is, whole or not at all.
pub fn place(copy: &Path, path: &Path) -> Result<(), CopyError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| CopyError::File { path, source }
    };
    if path.exists() || FilesInUse::is_log_alone(path) {
        return Err(CopyError::NotEmpty { at: path.display().to_string() });
    }
    let new = path.with_added_extension(format!("new-{}", shared::trace::random_hex::<6>()));
    fs::copy(copy, &new).map_err(at(copy))?;
    keep(&new)?;
    fs::rename(&new, path).map_err(at(path))?;
    sync_folder_of(path)
}

/// For its owner's eyes, and on the disk.
pub fn keep(path: &Path) -> Result<(), CopyError> {
    let kept = fs::set_permissions(path, Permissions::from_mode(0o600))
        .and_then(|()| File::open(path))
        .and_then(|file| file.sync_all());
    kept.map_err(|source| CopyError::File { path: path.to_owned(), source })?;
    sync_folder_of(path)
}

fn sync_folder_of(path: &Path) -> Result<(), CopyError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| CopyError::File { path: folder.to_owned(), source })
}
