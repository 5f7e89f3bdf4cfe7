//! Why the broker cannot be used, with what the client or the broker said.

use std::time::Duration;

use lapin::ErrorKind;

use super::nodes::Node;
use crate::unreachable::{Server, Unreachable, Why};

const ACCESS_REFUSED: u16 = 403;
const NOT_FOUND: u16 = 404;
const LOCKED: u16 = 405;
const NOT_ALLOWED: u16 = 530;

#[derive(Clone, Debug, thiserror::Error)]
pub enum BrokerError {
    #[error("{0}")]
    Unreachable(#[source] Unreachable),
    /// Every node that the address names, each with its reason.
    #[error("no node answers: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NoNode(Vec<BrokerError>),
    #[error("the broker does not answer")]
    Silent,
    #[error("the connection is closed")]
    Closed,
    #[error("{}", plain(.0))]
    Client(#[source] lapin::Error),
    /// What `tidegate topology` would make.
    #[error("{}: run `tidegate topology`", .0.join(", "))]
    Missing(Vec<String>),
    /// It broke a promise that we rest on.
    #[error("{0}")]
    Unreliable(&'static str),
    #[error("belongs to another cluster")]
    OtherCluster,
}

/// Why one role of ours cannot use the broker now.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    #[error("cannot {role} at {broker} for {secs} s: not connected yet")]
    NotConnected { role: &'static str, broker: String, secs: u64 },
    #[error("cannot {role} at {broker} for {secs} s: {why}")]
    Down {
        role: &'static str,
        broker: String,
        secs: u64,
        #[source]
        why: Box<BrokerError>,
    },
    #[error("{broker} blocks publishes for {secs} s, being short of memory or disk: {reason}")]
    Blocked { broker: String, secs: u64, reason: String },
}

impl BrokerError {
    /// Why no session with a node began.
    pub(super) fn of_opening(node: &Node, error: lapin::Error) -> Self {
        let (at, vhost) = (node.shown(), || node.uri.vhost.clone());
        let why = match error.kind() {
            ErrorKind::IOError(inner) => {
                let told = inner.get_ref().and_then(|inner| inner.downcast_ref::<Unreachable>());
                let told = told.cloned();
                return Self::Unreachable(told.unwrap_or_else(|| {
                    Unreachable::of_io(
                        Server::RabbitMq,
                        &at,
                        std::io::Error::new(inner.kind(), error.clone()),
                    )
                }));
            }
            ErrorKind::ProtocolError(refused) => match refused.get_id() {
                ACCESS_REFUSED => Why::WrongPassword,
                NOT_FOUND => Why::NothingOfThatName(vhost()),
                NOT_ALLOWED if refused.get_message().as_str().contains("not found") => {
                    Why::NothingOfThatName(vhost())
                }
                NOT_ALLOWED => Why::NoAccess(vhost()),
                _ => return Self::Client(error),
            },
            ErrorKind::ParsingError(_) | ErrorKind::InvalidProtocolVersion(_) => Why::NoSession,
            _ => return Self::Client(error),
        };
        Self::Unreachable(Unreachable::new(Server::RabbitMq, &at, why, error))
    }

    /// No session within the time.
    pub(super) fn late(node: &Node, deadline: Duration, elapsed: tokio::time::error::Elapsed) -> Self {
        Self::Unreachable(Unreachable::new(Server::RabbitMq, &node.shown(), Why::Silent(deadline), elapsed))
    }
}

impl From<lapin::Error> for BrokerError {
    fn from(error: lapin::Error) -> Self {
        Self::Client(error)
    }
}

pub(super) fn is_not_found(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == NOT_FOUND)
}

pub(super) fn is_locked(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == LOCKED)
}

/// As people on call read it.
fn plain(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_message().to_string(),
        ErrorKind::IOError(error) => error.to_string(),
        ErrorKind::MissingHeartbeatError => "the broker stopped answering".to_owned(),
        _ => error.to_string(),
    }
}
