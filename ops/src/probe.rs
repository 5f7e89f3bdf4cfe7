//! Asks an internal listener of this machine whether its process is ready.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const DEADLINE: Duration = Duration::from_secs(1);
const ANSWER_LIMIT_BYTES: usize = 64 * 1024;

/// `Ok` when ready; else why not, in the words of the process asked.
pub async fn ready(address: SocketAddr) -> Result<(), String> {
    match tokio::time::timeout(DEADLINE, get(address)).await {
        Ok(Ok((true, _))) => Ok(()),
        Ok(Ok((false, why))) => Err(why),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(_) => Err("no answer within a second".to_owned()),
    }
}

async fn get(address: SocketAddr) -> anyhow::Result<(bool, String)> {
    let stream = TcpStream::connect(address).await.context("not listening yet")?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get("/readyz").header(HOST, address.to_string()).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let ready = response.status().is_success();
    let body = Limited::new(response.into_body(), ANSWER_LIMIT_BYTES).collect().await;
    connection.abort();
    let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
    let text = String::from_utf8_lossy(&body);
    Ok((ready, text.trim().trim_start_matches("not ready: ").to_owned()))
}

/// The address to ask a listener at, also where it listens on every address.
pub fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback: std::net::IpAddr = if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        };
        return SocketAddr::new(loopback, address.port());
    }
    address
}
