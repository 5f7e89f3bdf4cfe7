//! Asks an internal listener, as a container's health check does: whether its process is alive or ready, in one
//! line. The same code serves `tidegate healthcheck`, `tidegate-gateway healthcheck`, `tidegate-worker healthcheck` and
//! systemd's watchdog.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::env::{Env, Variable};
use crate::http_client::{self, HttpError};

/// A listener answers at once or is not well.
const DEADLINE: Duration = Duration::from_secs(1);
/// For callers that bound it closer.
const LONGEST: Duration = Duration::from_secs(5);
const ANSWER_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// Whether the only argument of this process asks how the one beside it is.
pub fn is_asked() -> bool {
    std::env::args().skip(1).eq(["healthcheck"])
}

/// The answer of a binary that has one role: whether the process of that role on this machine can take work.
pub async fn own(env: &Env, internal_listener: &Variable) -> Result<(), String> {
    let address = env.address(internal_listener).map_err(|problem| problem.to_string())?;
    ready(reachable(address)).await
}

/// `Ok` when it can take work; else why not, in its own words.
pub async fn ready(address: SocketAddr) -> Result<(), String> {
    ask(address, "/readyz").await
}

/// `Ok` when it answers at all. Broker and database have no part in it.
pub async fn alive(address: SocketAddr) -> Result<(), String> {
    ask(address, "/livez").await
}

async fn ask(address: SocketAddr, path: &str) -> Result<(), String> {
    match tokio::time::timeout(DEADLINE, get(address, path)).await {
        Ok(Ok((true, _))) => Ok(()),
        Ok(Ok((false, why))) => Err(why.trim_start_matches("not ready: ").to_owned()),
        Ok(Err(why)) => Err(why),
        Err(_) => Err(format!("{address} does not answer within {} s", DEADLINE.as_secs())),
    }
}

/// Whether a page was given, and its text. The caller bounds the time.
pub async fn get(address: SocketAddr, path: &str) -> Result<(bool, String), String> {
    let answer =
        http_client::get(address, path, ANSWER_LIMIT_BYTES, LONGEST).await.map_err(|error| match &error {
            HttpError::Connect(_) => format!("nothing listens at {address}"),
            HttpError::NotSent(why) | HttpError::Broken(why) => {
                format!("{address} does not speak HTTP: {why}")
            }
            HttpError::CutShort { source, .. } => format!("{address} breaks off: {source}"),
            HttpError::Late => format!("{address} does not answer"),
        })?;
    Ok((answer.status.is_success(), String::from_utf8_lossy(&answer.body).trim().to_owned()))
}

/// The address to ask a listener at, also where it listens on every address.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    let loopback: IpAddr =
        if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    SocketAddr::new(loopback, address.port())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request with these bytes.
    async fn answering(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 1_024]).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn each_state_is_told_in_the_words_of_who_knows_it() {
        let good = answering("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nready\n").await;
        assert_eq!(ready(good).await, Ok(()));
        let bad = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 34\r\n\r\nnot ready: the queue is away, wait";
        assert_eq!(ready(answering(bad).await).await, Err("the queue is away, wait".to_owned()));
        let strange = answering("220 mail.example ESMTP\r\n").await;
        assert!(ready(strange).await.unwrap_err().contains("does not speak HTTP"));
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(alive(gone).await, Err(format!("nothing listens at {gone}")));
    }

    #[test]
    fn a_listener_on_every_address_is_asked_on_this_machine() {
        for (listens, asked) in [
            ("0.0.0.0:8081", "127.0.0.1:8081"),
            ("[::]:8081", "[::1]:8081"),
            ("10.0.0.7:8081", "10.0.0.7:8081"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
