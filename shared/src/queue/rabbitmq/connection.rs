//! One connection to the broker. lapin's own recovery stays off: it gives up, and it cannot know which
//! acknowledgement belongs to which channel. The supervisor opens a new connection instead.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::tcp::AsyncTcpStream;
use lapin::uri::AMQPScheme;
use lapin::{Channel, ConnectionProperties};

use super::error::BrokerError;
use super::nodes::Node;
use super::socket::{self, Socket};
use crate::unreachable::{Server, Unreachable, Why, look_up};

/// A peer that says nothing for twice this long is gone. While blocked the broker does not expect any.
const HEARTBEAT_SECS: u16 = 10;
/// lapin keeps room for 64 frames of the largest size on every connection: 8 MB with the broker's own 128 KiB. It
/// must not be less than the 8 KiB in which a broker of today expects the first frames.
const FRAME_LIMIT_BYTES: u32 = 65_536;
const GOODBYE_DEADLINE: Duration = Duration::from_secs(1);

/// A connection, and the plug of its socket. lapin runs every connection in its own thread, which waits
/// for as long as the peer keeps the socket open; pulling the plug ends it whatever state it is in.
pub(super) struct Connection {
    inner: Arc<lapin::Connection>,
    node: String,
    _plug: Arc<Plug>,
}

#[derive(Default)]
struct Plug(Mutex<Option<TcpStream>>);

impl Connection {
    pub(super) async fn open(node: &Node, purpose: &str, deadline: Duration) -> Result<Self, BrokerError> {
        let mut uri = node.uri.clone();
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECS);
        uri.query.frame_max.get_or_insert(FRAME_LIMIT_BYTES);
        let properties = ConnectionProperties::default()
            .with_connection_name(format!("tidegate {purpose}").into())
            .with_client_property("product".into(), "tidegate".into())
            .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into());
        let plug = Arc::new(Plug::default());
        let (held, at) = (Arc::downgrade(&plug), node.shown());
        let dialled = lapin::Connection::connector(
            uri,
            socket::runtime(),
            async move |uri, _| {
                let dialled = async {
                    let (host, port) = (uri.authority.host.as_str(), uri.authority.port);
                    let addresses = look_up(Server::RabbitMq, host, port).await.map_err(io::Error::other)?;
                    let stream = tokio::net::TcpStream::connect(&addresses[..]).await?;
                    stream.set_nodelay(true)?;
                    held.upgrade().ok_or(ErrorKind::TimedOut)?.hold(&stream)?;
                    match uri.scheme {
                        AMQPScheme::AMQP => Ok(Socket::plain(stream)),
                        AMQPScheme::AMQPS => {
                            let refused = |error| Unreachable::new(Server::RabbitMq, &at, Why::Tls, error);
                            let secured = Socket::tls(stream, host).await;
                            secured.map_err(|error| io::Error::other(refused(error)))
                        }
                    }
                };
                let late = |elapsed| {
                    io::Error::other(Unreachable::new(Server::RabbitMq, &at, Why::Silent(deadline), elapsed))
                };
                let dialled = tokio::time::timeout(deadline, dialled).await;
                Ok(AsyncTcpStream::Plain(dialled.map_err(late).flatten()?))
            },
            properties,
        );
        let connection = match tokio::time::timeout(deadline, dialled).await {
            Ok(connection) => connection.map_err(|error| BrokerError::of_opening(node, error))?,
            Err(elapsed) => return Err(BrokerError::late(node, deadline, elapsed)),
        };
        Ok(Self { inner: Arc::new(connection), node: node.shown(), _plug: plug })
    }

    pub(super) fn inner(&self) -> &Arc<lapin::Connection> {
        &self.inner
    }

    /// Which of the broker's nodes it leads to.
    pub(super) fn node(&self) -> &str {
        &self.node
    }

    pub(super) async fn channel(&self, deadline: Duration) -> Result<Channel, BrokerError> {
        in_time(deadline, self.inner.create_channel()).await
    }

    /// Hands the connection on together with what has been made ready on it, or says goodbye: without that, the
    /// broker logs a warning for every attempt.
    pub(super) async fn with<T>(self, ready: Result<T, BrokerError>) -> Result<(Self, T), BrokerError> {
        match ready {
            Ok(ready) => Ok((self, ready)),
            Err(why) => {
                self.close(GOODBYE_DEADLINE).await;
                Err(why)
            }
        }
    }

    /// Says goodbye, then hangs up in any case.
    pub(super) async fn close(self, deadline: Duration) {
        drop(in_time(deadline, self.inner.close(200, "bye".into())).await);
    }
}

impl Plug {
    fn hold(&self, stream: &impl AsFd) -> io::Result<()> {
        let socket = TcpStream::from(stream.as_fd().try_clone_to_owned()?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
        Ok(())
    }
}

impl Drop for Plug {
    fn drop(&mut self) {
        if let Some(socket) = self.0.get_mut().unwrap_or_else(PoisonError::into_inner) {
            socket.shutdown(Shutdown::Both).ok(); // it may be closed already
        }
    }
}

/// One answer of the broker.
pub(super) async fn in_time<T>(
    deadline: Duration,
    answer: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(deadline, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(BrokerError::Silent),
    }
}
