//! The socket under a connection to the broker: TCP, or TLS by the same rustls as everywhere else. lapin could do
//! TLS by itself, but its TLS brings readers of PKCS#12 identities, which nobody here has.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Stream;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use crate::tls;

pub(super) enum Socket {
    Plain(Compat<TcpStream>),
    Tls(Box<Compat<TlsStream<TcpStream>>>),
}

impl Socket {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self::Plain(stream.compat())
    }

    /// The broker shows a certificate of this host's, signed by an authority that this machine trusts.
    pub(super) async fn tls(stream: TcpStream, host: &str) -> io::Result<Self> {
        let stream = tls::secured(stream, host).await?;
        Ok(Self::Tls(Box::new(stream.compat())))
    }
}

macro_rules! either {
    ($socket:ident, |$stream:ident| $answer:expr) => {
        match $socket.get_mut() {
            Socket::Plain($stream) => {
                let $stream = Pin::new($stream);
                $answer
            }
            Socket::Tls($stream) => {
                let $stream = Pin::new($stream.as_mut());
                $answer
            }
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        either!(self, |stream| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, |stream| stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, |stream| stream.poll_flush(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, |stream| stream.poll_close(cx))
    }
}

/// tokio as lapin wants it, with our sockets.
#[derive(Clone, Debug)]
pub(super) struct Sockets(Tokio);

pub(super) type Kit = RuntimeParts<Tokio, Sockets>;

/// Of the runtime that this is called in.
pub(super) fn runtime() -> Runtime<Kit> {
    let tokio = Tokio::current();
    Runtime::new(RuntimeParts::new(tokio.clone(), Sockets(tokio)))
}

impl Reactor for Sockets {
    type TcpStream = Socket;
    type Sleep = <Tokio as Reactor>::Sleep;

    fn register<H: io::Read + io::Write + AsFd + AsRawFd + Send + 'static>(
        &self,
        socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        self.0.register(socket)
    }

    fn sleep(&self, time: Duration) -> Self::Sleep {
        self.0.sleep(time)
    }

    fn interval(&self, time: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(time)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let dialled = self.0.tcp_connect_addr(address);
        async move { Ok(Socket::plain(dialled.await?.into_inner())) }
    }
}
