//! HTTP as bytes on a socket: what no well-behaved client would send, and exactly what comes back.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Above every deadline that these tests give the gateway.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Raw {
    stream: TcpStream,
    received: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }
}

impl Raw {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway takes connections");
        stream.set_nodelay(true).expect("a socket takes its options");
        Self { stream, received: Vec::new() }
    }

    /// From this address of our own.
    pub(crate) async fn open_from(from: Ipv4Addr, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((from, 0).into()).expect("an address of this machine");
        let stream = socket.connect(address).await.expect("the gateway takes connections");
        stream.set_nodelay(true).expect("a socket takes its options");
        Self { stream, received: Vec::new() }
    }

    /// With buffers so small that large transfers must wait for the other side.
    pub(crate) async fn open_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_send_buffer_size(8_192).expect("a socket takes its options");
        socket.set_recv_buffer_size(8_192).expect("a socket takes its options");
        let stream = socket.connect(address).await.expect("the gateway takes connections");
        Self { stream, received: Vec::new() }
    }

    /// Sends what it can, and says whether that was all: the gateway may have closed in the middle of it.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await;
        sent.expect("the gateway reads or closes").is_ok()
    }

    /// A body that comes in chunks; `None` where it breaks off.
    async fn chunks(&mut self) -> Option<String> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                match self.received.windows(2).position(|two| two == b"\r\n") {
                    Some(end) => break end,
                    None if self.receive().await => {}
                    None => return None,
                }
            };
            let line: Vec<u8> = self.received.drain(..end + 2).collect();
            let length =
                std::str::from_utf8(&line[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
            let length = length.expect("the length of a chunk");
            while self.received.len() < length + 2 {
                if !self.receive().await {
                    return None;
                }
            }
            body.extend(self.received.drain(..length + 2).take(length));
            if length == 0 {
                return Some(String::from_utf8(body).expect("answers are text"));
            }
        }
    }

    /// The next answer; `None` when the gateway closed instead.
    pub(crate) async fn reply(&mut self) -> Option<Reply> {
        let head = loop {
            if let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.received.drain(..end + 4).collect();
                break String::from_utf8(head).expect("heads of answers are text");
            }
            if !self.receive().await {
                return None;
            }
        };
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status line");
        let mut reply = Reply { status, head, body: String::new() };
        if reply.header("transfer-encoding") == Some("chunked") {
            reply.body = self.chunks().await?;
            return Some(reply);
        }
        let length = reply.header("content-length").map_or(0, |text| text.parse().expect("a length"));
        while self.received.len() < length {
            assert!(self.receive().await, "the answer ended early: {reply:?}");
        }
        let body = self.received.drain(..length).collect();
        reply.body = String::from_utf8(body).expect("answers are text");
        Some(reply)
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn exchange(&mut self, request: impl AsRef<[u8]>) -> Reply {
        self.send(request).await;
        self.reply().await.expect("an answer")
    }

    /// Whether the gateway closes without another byte.
    pub(crate) async fn reads_end(&mut self) -> bool {
        self.received.is_empty() && !self.receive().await
    }

    /// The next bytes; false at the end, also at one that comes as a reset.
    async fn receive(&mut self) -> bool {
        let mut bytes = [0; 4_096];
        let read =
            timeout(PATIENCE, self.stream.read(&mut bytes)).await.expect("an answer or an end in time");
        let count = read.unwrap_or(0);
        self.received.extend_from_slice(&bytes[..count]);
        count > 0
    }
}

/// One request on its own connection.
pub(crate) async fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> Reply {
    Raw::open(address).await.exchange(request).await
}

/// A POST with these further header lines, of this body, with its length.
pub(crate) fn post(path: &str, lines: &[&str], body: &[u8]) -> Vec<u8> {
    let length = format!("content-length: {}", body.len());
    let mut request = head("POST", path, &[lines, &[&length]].concat());
    request.extend_from_slice(body);
    request
}

/// A request's head with these further lines, and nothing behind it.
pub(crate) fn head(method: &str, path: &str, lines: &[&str]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: gateway\r\n");
    for line in lines {
        head.push_str(line);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}
