//! Why a ledger was not copied or restored, and what to do about it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::LedgerError;

#[derive(Debug, Error)]
pub enum CopyError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(
        "{program} cannot be started: {source}. Install Postgres' client programs of the server's version or newer \
         (Debian: postgresql-client), in a folder of PATH"
    )]
    NoProgram { program: &'static str, source: io::Error },
    #[error("{program} failed: {said}")]
    Program { program: &'static str, said: String },
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(
        "{at} has a ledger already. Nothing is overwritten: move it away, or set DATABASE_URL to another place"
    )]
    NotEmpty { at: String },
    #[error("{at} is there already. Nothing is overwritten: move it away, or set QUEUE_URL to another place")]
    QueueThere { at: String },
    #[error("this copy is of {copy}, and DATABASE_URL names {wanted}: set it to the same kind of ledger")]
    OtherKind { copy: &'static str, wanted: &'static str },
    #[error(
        "a database to try the copy in cannot be made: {0}. Give the user of DATABASE_URL the right (`ALTER ROLE … \
         CREATEDB`), or restore the copy elsewhere as docs/backup.md says"
    )]
    NoScratch(#[source] sqlx::Error),
}
