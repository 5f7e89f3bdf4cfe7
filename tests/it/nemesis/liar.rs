//! A gateway that answers 200 before the broker confirms: it passes each webhook on, and what becomes of it is nobody's
//! business. With it in front the oracle must report lost events; an oracle that does not is blind.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use shared::http_client::HttpConnection;
use tokio::net::TcpListener;

const DEADLINE: Duration = Duration::from_secs(15);
const ANSWER_LIMIT_BYTES: usize = 65_536;

/// Where it listens, until the test's runtime ends.
pub(super) async fn before(gateway: SocketAddr) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(move |request| answer(request, gateway));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(address)
}

async fn answer(
    request: Request<Incoming>,
    gateway: SocketAddr,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, Full::new(body.collect().await?.to_bytes()));
    tokio::spawn(async move {
        let mut connection = HttpConnection::open(gateway, DEADLINE).await.ok()?;
        connection.exchange(request, ANSWER_LIMIT_BYTES, DEADLINE).await.ok()
    });
    Ok(Response::new(Full::default()))
}
