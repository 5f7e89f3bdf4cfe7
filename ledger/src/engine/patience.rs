//! How long Postgres is waited for. It bounds its statements itself; but over a link that was cut without a word, and from a
//! server that hangs as a whole, no answer comes at all, and sqlx waits for ever.

use std::io;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgPool, Postgres};

/// So much later than it promised.
const LATE: Duration = Duration::from_secs(2);

type Begun = sqlx::Transaction<'static, Postgres>;

/// Within which each wait of a ledger's on Postgres ends.
#[derive(Clone, Copy, Debug)]
pub struct Patience(Duration);

impl Patience {
    /// Of a server whose statements end within this time.
    pub(crate) fn of(deadline: Duration) -> Self {
        Self(deadline + LATE)
    }

    /// What is dropped here leaves a transaction, which the pool ends when it gets its connection back.
    pub(crate) async fn wait<T>(
        self,
        asked: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        tokio::time::timeout(self.0, asked).await.unwrap_or_else(|_| Err(self.silent()))
    }

    /// In a task of its own: a `begin` that was dropped half-way would leave a connection inside a transaction.
    pub(crate) async fn begin(
        self,
        pool: &PgPool,
        statement: Option<&'static str>,
    ) -> Result<Begun, sqlx::Error> {
        let pool = pool.clone();
        let begun = tokio::spawn(async move {
            match statement {
                Some(statement) => pool.begin_with(statement).await,
                None => pool.begin().await,
            }
        });
        // The pool has as long to find a connection.
        match tokio::time::timeout(self.0 * 2, begun).await {
            Ok(Ok(begun)) => begun,
            Ok(Err(panicked)) => Err(sqlx::Error::Io(io::Error::other(panicked))),
            Err(_) => Err(self.silent()),
        }
    }

    /// Says good-bye where somebody listens.
    pub(crate) async fn close(self, pool: &PgPool) {
        tokio::time::timeout(self.0, pool.close()).await.ok(); // else the process ends without
    }

    /// A connection that comes back must answer, or it is closed: else it would keep its place in the pool for ever.
    pub(crate) fn of_pool(self, pool: PgPoolOptions) -> PgPoolOptions {
        pool.after_release(move |connection, _| {
            Box::pin(async move { self.wait(connection.ping()).await.map(|()| true) })
        })
    }

    fn silent(self) -> sqlx::Error {
        let words = format!("Postgres has said nothing for {} s", self.0.as_secs());
        sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, words))
    }
}
