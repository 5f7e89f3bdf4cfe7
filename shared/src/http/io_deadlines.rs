//! Deadlines of a connection. hyper has one timer for idle time and for the arrival of a head; here a started
//! head gets its own, shorter deadline, and so does an answer that is not read. Bodies have theirs where they
//! are read. hyper gets one head at a time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::line_endings::{Framing, HandedOn, HeadFilter};

/// Told as the length of a body that comes in chunks.
const CHUNKS: u64 = u64::MAX;
/// Makes hyper look at a head that was cut off at a bare LF, and refuse it for the NUL that stands there.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

pub(crate) struct DeadlineStream {
    stream: TcpStream,
    state: Arc<Exchange>,
    limit: Duration,
    head_filter: HeadFilter,
    /// What has arrived and may not be handed on yet: what follows a head that is not answered for. Never more
    /// than one read of hyper's.
    held: BytesMut,
    /// How many requests had begun when the reader last looked.
    requests_seen: u64,
    head_began: Option<Instant>,
    head_alarm: Option<Pin<Box<Sleep>>>,
    write_alarm: Option<Pin<Box<Sleep>>>,
}

/// What the connection's service tells the connection's reader.
#[derive(Default)]
pub(crate) struct Exchange {
    /// Each of them ends the wait for its head, even when it is answered before anything else is read.
    requests: AtomicU64,
    /// How long the body of the last of them is.
    body_bytes: AtomicU64,
    /// A request is in hand: what arrives now is its body, or waits behind it.
    busy: AtomicBool,
    /// The last answer left something unread behind.
    refused: AtomicBool,
}

impl Exchange {
    /// hyper must not have read on since it handed out this request. `None`: the body comes in chunks.
    pub(crate) fn begin(&self, body_bytes: Option<u64>) {
        self.body_bytes.store(body_bytes.unwrap_or(CHUNKS), Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.busy.store(true, Ordering::Relaxed);
    }

    pub(crate) fn end(&self, refused: bool) {
        self.refused.store(refused, Ordering::Relaxed);
        self.busy.store(false, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

impl DeadlineStream {
    /// The first head is due from now on.
    pub(crate) fn new(stream: TcpStream, state: Arc<Exchange>, limit: Duration) -> Self {
        let head_began = Some(Instant::now());
        Self {
            stream,
            state,
            limit,
            head_filter: HeadFilter::default(),
            held: BytesMut::new(),
            requests_seen: 0,
            head_began,
            head_alarm: None,
            write_alarm: None,
        }
    }

    pub(crate) fn into_inner(self) -> TcpStream {
        self.stream
    }
}

impl AsyncRead for DeadlineStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let requests = this.state.requests.load(Ordering::Relaxed);
        if this.requests_seen != requests {
            this.requests_seen = requests;
            (this.head_began, this.head_alarm) = (None, None);
            if this.head_filter.framing == Framing::HeadRead {
                let length = this.state.body_bytes.load(Ordering::Relaxed);
                this.head_filter.body_follows((length != CHUNKS).then_some(length));
            }
        }
        if this.state.busy.load(Ordering::Relaxed) {
            return this.poll_framed(cx, buf);
        }
        let before = buf.filled().len();
        if let Poll::Ready(read) = this.poll_framed(cx, buf) {
            if buf.filled().len() > before {
                this.head_began.get_or_insert_with(Instant::now);
            }
            return Poll::Ready(read);
        }
        if let Some(began) = this.head_began {
            let due = began + this.limit;
            let alarm = this.head_alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
            ready!(alarm.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl AsyncWrite for DeadlineStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.watch(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl DeadlineStream {
    /// Reads what may be handed on now: what was held, else what arrives.
    fn poll_framed(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.held.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        } else {
            buf.put_slice(&self.held[..self.held.len().min(buf.remaining())]);
        }
        let arrived = &mut buf.filled_mut()[before..];
        let HandedOn { bytes, bare_line_feed } = self.head_filter.advance(arrived);
        if self.held.is_empty() {
            self.held.extend_from_slice(&arrived[bytes..]);
        } else {
            self.held.advance(bytes);
        }
        if bare_line_feed || self.held.is_empty() {
            self.held = BytesMut::new(); // an idle connection keeps no memory for it
        }
        buf.set_filled(before + bytes);
        if bare_line_feed && buf.remaining() >= END_OF_HEAD.len() {
            buf.put_slice(END_OF_HEAD);
        }
        Poll::Ready(Ok(()))
    }

    /// Every write that waits must get somewhere within the limit.
    fn watch(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.write_alarm = None;
            return written;
        }
        let limit = self.limit;
        let alarm = self.write_alarm.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        ready!(alarm.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}
