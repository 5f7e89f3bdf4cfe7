//! A server that lets nobody in: where it is, why, and what to do about it, in the same words for Postgres and
//! RabbitMQ. An address is a host and a port; users and passwords are never part of it.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Postgres,
    RabbitMq,
}

/// Why it lets nobody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    UnknownHost,
    Refused,
    Silent(Duration),
    /// Something listens there, and hangs up or talks otherwise.
    NoSession,
    Tls,
    WrongPassword,
    /// The name of the database, or of the virtual host.
    NothingOfThatName(String),
    NoAccess(String),
    TooManyConnections,
    /// It is starting or stopping.
    NotReady,
    /// What the operating system or the server says is all that is known.
    Other,
}

/// Its text says everything that its source does, but for names of users.
#[derive(Clone, Debug)]
pub struct Unreachable {
    server: Server,
    at: String,
    why: Why,
    source: Arc<dyn Error + Send + Sync>,
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "Postgres",
            Self::RabbitMq => "RabbitMQ",
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "DATABASE_URL",
            Self::RabbitMq => "QUEUE_URL",
        }
    }

    fn place(self) -> &'static str {
        match self {
            Self::Postgres => "database",
            Self::RabbitMq => "virtual host",
        }
    }

    fn tls_advice(self) -> &'static str {
        match self {
            Self::Postgres => {
                "Turn TLS on at the server, with a certificate that this machine trusts (`sslrootcert=FILE` in \
                 DATABASE_URL names its authority); or, on a network that you trust, set sslmode=disable there"
            }
            Self::RabbitMq => {
                "Check that this is its port for TLS (5671 by default), and that its certificate names this host and \
                 is signed by an authority that this machine trusts; amqp:// speaks without TLS"
            }
        }
    }
}

impl Unreachable {
    pub fn new(server: Server, at: &str, why: Why, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { server, at: at.to_owned(), why, source: Arc::from(source.into()) }
    }

    /// What the operating system says about a connection that did not come about.
    pub fn of_io(server: Server, at: &str, error: io::Error) -> Self {
        let why = match error.kind() {
            ErrorKind::ConnectionRefused => Why::Refused,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::UnexpectedEof
            | ErrorKind::BrokenPipe => Why::NoSession,
            _ => Why::Other,
        };
        Self::new(server, at, why, error)
    }

    pub fn why(&self) -> &Why {
        &self.why
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, at, why, source } = self;
        let (name, variable, place) = (server.name(), server.variable(), server.place());
        match why {
            Why::UnknownHost => write!(
                f,
                "no address is known for the host of {at}. Correct it in {variable}, or check this machine's DNS"
            ),
            Why::Refused => write!(
                f,
                "connection refused at {at}: nothing listens there. Start {name}, or correct host and port in {variable}"
            ),
            Why::Silent(after) => write!(
                f,
                "no answer from {at} within {} s. Check that {name} runs there, and that no firewall is in between",
                after.as_secs()
            ),
            Why::NoSession => write!(
                f,
                "what listens at {at} begins no session as {name} does. Correct host and port in {variable}, or check \
                 whether that port wants TLS"
            ),
            Why::Tls => write!(f, "no TLS with {name} at {at}: {source}. {}", server.tls_advice()),
            Why::WrongPassword => write!(
                f,
                "{name} at {at} refused the login: wrong user or password. Correct them in {variable}"
            ),
            Why::NothingOfThatName(wanted) => write!(
                f,
                "{name} at {at} has no {place} `{wanted}`. Create it, or correct its name in {variable}"
            ),
            Why::NoAccess(wanted) => write!(
                f,
                "{name} at {at} does not let this user use the {place} `{wanted}`. Give it the right to, or name \
                 another user in {variable}"
            ),
            Why::TooManyConnections => write!(
                f,
                "{name} at {at} takes no more connections. Raise its limit, or run fewer processes with fewer \
                 connections each"
            ),
            Why::NotReady => {
                write!(
                    f,
                    "{name} at {at} is starting or stopping. It needs a moment; its log says what it does"
                )
            }
            Why::Other => {
                write!(f, "{name} at {at} cannot be reached: {source}. Check {variable} and the network")
            }
        }
    }
}

impl Error for Unreachable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// The addresses of a host.
pub async fn look_up(server: Server, host: &str, port: u16) -> Result<Vec<SocketAddr>, Unreachable> {
    let unknown = |error: io::Error| Unreachable::new(server, &at(host, port), Why::UnknownHost, error);
    let found = tokio::net::lookup_host((host, port)).await.map_err(unknown)?.collect::<Vec<_>>();
    if found.is_empty() { Err(unknown(ErrorKind::NotFound.into())) } else { Ok(found) }
}

/// Whether something takes connections there; a session is not begun.
pub async fn knock(server: Server, host: &str, port: u16, deadline: Duration) -> Result<(), Unreachable> {
    let at = at(host, port);
    let knocked = tokio::time::timeout(deadline, async {
        let addresses = look_up(server, host, port).await?;
        TcpStream::connect(&*addresses).await.map_err(|error| Unreachable::of_io(server, &at, error))
    });
    match knocked.await {
        Ok(knocked) => knocked.map(drop),
        Err(elapsed) => Err(Unreachable::new(server, &at, Why::Silent(deadline), elapsed)),
    }
}

/// As people write it.
pub fn at(host: &str, port: u16) -> String {
    format!("{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(server: Server, why: Why) -> String {
        Unreachable::new(server, "db.example:5432", why, "what the library said").to_string()
    }

    #[test]
    fn each_reason_says_where_why_and_what_to_do() {
        for (why, happened, remedy) in [
            (Why::UnknownHost, "no address is known for the host of db.example:5432", "DNS"),
            (Why::Refused, "connection refused at db.example:5432", "Start Postgres"),
            (Why::Silent(Duration::from_secs(2)), "no answer from db.example:5432 within 2 s", "firewall"),
            (Why::NoSession, "what listens at db.example:5432 begins no session", "TLS"),
            (Why::Tls, "no TLS with Postgres at db.example:5432: what the library said", "sslrootcert"),
            (Why::WrongPassword, "wrong user or password", "Correct them in DATABASE_URL"),
            (Why::NothingOfThatName("led".to_owned()), "has no database `led`", "Create it"),
            (
                Why::NoAccess("led".to_owned()),
                "does not let this user use the database `led`",
                "the right to",
            ),
            (Why::TooManyConnections, "takes no more connections", "Raise its limit"),
            (Why::NotReady, "is starting or stopping", "a moment"),
            (Why::Other, "cannot be reached: what the library said", "Check DATABASE_URL"),
        ] {
            let words = words(Server::Postgres, why);
            assert!(words.contains(happened) && words.contains(remedy), "{words}");
        }
        let words = words(Server::RabbitMq, Why::NothingOfThatName("/live".to_owned()));
        assert!(words.contains("has no virtual host `/live`") && words.contains("QUEUE_URL"), "{words}");
    }

    #[tokio::test]
    async fn a_door_that_nobody_opens_is_told_from_a_name_that_nobody_knows() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let knock = async |host| knock(Server::Postgres, host, port, Duration::from_secs(20)).await;
        knock("127.0.0.1").await.unwrap();
        drop(listener);
        assert_eq!(knock("127.0.0.1").await.unwrap_err().why(), &Why::Refused);
        assert_eq!(knock("nowhere.invalid").await.unwrap_err().why(), &Why::UnknownHost);
    }
}
