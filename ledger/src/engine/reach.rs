//! Why Postgres lets nobody in. The pool tells only that its patience ended: it takes a refused connection, or a
//! server that is full, for one that starts, and tries again until then. So it is asked without the pool: by commands
//! before they use the pool, by processes after the pool gave up.

use std::borrow::Cow;
use std::time::Duration;

use shared::unreachable::{self, Server, Unreachable, Why};
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{ConnectOptions, Connection};

use crate::LedgerError;

/// For each of two looks, after the pool's own wait.
const LOOK_DEADLINE: Duration = Duration::from_secs(2);

/// Whether a session can be had at all, as long as the pool would wait for it. A server that is down is found out at
/// once, where the pool would try again until its time is over.
pub(crate) async fn found(pool: &PgPool) -> Result<(), LedgerError> {
    look(&pool.connect_options(), pool.options().get_acquire_timeout()).await
}

/// Why no connection could be had from the pool.
pub(crate) async fn explained(pool: &PgPool, error: sqlx::Error) -> LedgerError {
    let options = pool.connect_options();
    if !matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::Io(_)) {
        return judged(&options, error);
    }
    match look(&options, LOOK_DEADLINE).await {
        Err(found) => found,
        Ok(()) if matches!(error, sqlx::Error::PoolTimedOut) => LedgerError::Busy {
            connections: pool.options().get_max_connections(),
            secs: pool.options().get_acquire_timeout().as_secs(),
            source: error,
        },
        Ok(()) => error.into(),
    }
}

/// First whether anything takes connections, which tells a name from a port; then our own session.
async fn look(options: &PgConnectOptions, deadline: Duration) -> Result<(), LedgerError> {
    if options.get_socket().is_none() {
        let (host, port) = (options.get_host(), options.get_port());
        unreachable::knock(Server::Postgres, host, port, LOOK_DEADLINE).await?;
    }
    // No connection of the pool's: to give this one up half-way does no harm.
    match tokio::time::timeout(deadline, options.connect()).await {
        Ok(Ok(connection)) => {
            drop(tokio::time::timeout(LOOK_DEADLINE, connection.close()).await);
            Ok(())
        }
        Ok(Err(error)) => Err(judged(options, error)),
        Err(elapsed) => {
            Err(Unreachable::new(Server::Postgres, &at(options), Why::Silent(deadline), elapsed).into())
        }
    }
}

/// What an error means that came before a session began.
fn judged(options: &PgConnectOptions, error: sqlx::Error) -> LedgerError {
    let code = error.as_database_error().and_then(DatabaseError::code).map(Cow::into_owned);
    let database = || options.get_database().unwrap_or(options.get_username()).to_owned();
    let why = match (&error, code.as_deref()) {
        (sqlx::Error::Tls(_), _) => Why::Tls,
        (sqlx::Error::Protocol(_), _) => Why::NoSession,
        (_, Some("28P01")) => Why::WrongPassword,
        (_, Some("28000" | "42501")) => Why::NoAccess(database()),
        (_, Some("3D000")) => Why::NothingOfThatName(database()),
        (_, Some("53300")) => Why::TooManyConnections,
        (_, Some("57P01" | "57P02" | "57P03")) => Why::NotReady,
        _ => {
            return match error {
                sqlx::Error::Io(error) => Unreachable::of_io(Server::Postgres, &at(options), error).into(),
                other => other.into(),
            };
        }
    };
    match error {
        sqlx::Error::Tls(source) => Unreachable::new(Server::Postgres, &at(options), why, source).into(),
        error => Unreachable::new(Server::Postgres, &at(options), why, error).into(),
    }
}

/// Neither user nor password.
fn at(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => unreachable::at(options.get_host(), options.get_port()),
    }
}
