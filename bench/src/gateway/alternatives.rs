//! What the gateway is held against, as servers in their own processes: hyper that reads a body and answers,
//! the same with the MAC, and what many would write, axum with one Postgres transaction for every event.

use std::convert::Infallible;
use std::net::SocketAddr;

use anyhow::Context;
use axum::body::Bytes as AxumBytes;
use axum::extract::State;
use axum::http::HeaderMap;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sha2::Sha256;
use shared::env::Env;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;

pub const SIGNATURE: &str = "stripe-signature";
/// More than the transactions that two cores can have under way.
const POOL_CONNECTIONS: u32 = 32;
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS webhook_events \
     (id TEXT PRIMARY KEY, type TEXT NOT NULL, body BYTEA NOT NULL, received_at TIMESTAMPTZ NOT NULL DEFAULT now())";
const INSERT: &str = "INSERT INTO webhook_events (id, type, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

/// Which of them a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Alternative {
    Bare,
    Mac,
    Axum,
}

/// Serves until it is killed, at the address, with the secret and on the database of the environment.
pub async fn serve(alternative: Alternative) -> anyhow::Result<()> {
    let env = Env::of_process();
    let given = |name: &str| env.given(name).with_context(|| format!("{name} is missing"));
    let address: SocketAddr = given("GATEWAY_ADDR")?.parse()?;
    let key = Hmac::<Sha256>::new_from_slice(given("STRIPE_WEBHOOK_SECRET")?.as_bytes())?;
    let listener = TcpListener::bind(address).await?;
    match alternative {
        Alternative::Bare => bare(listener, None).await,
        Alternative::Mac => bare(listener, Some(key)).await,
        Alternative::Axum => {
            let pool = PgPoolOptions::new().max_connections(POOL_CONNECTIONS);
            let pool = pool.connect(given("DATABASE_URL")?).await?;
            sqlx::query(SCHEMA).execute(&pool).await?;
            let routes = axum::Router::new().route("/webhooks/stripe", axum::routing::post(record));
            Ok(axum::serve(listener, routes.with_state((key, pool))).await?)
        }
    }
}

async fn bare(listener: TcpListener, key: Option<Hmac<Sha256>>) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let key = key.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, key.as_ref()));
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    key: Option<&Hmac<Sha256>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let mut response = Response::new(Full::new(Bytes::from_static(b"{\"received\":true}")));
    let is_good = match body.collect().await {
        Ok(body) => key.is_none_or(|key| is_signed(key, head.headers.get(SIGNATURE), &body.to_bytes())),
        Err(_) => false,
    };
    if !is_good {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

pub fn is_signed(key: &Hmac<Sha256>, header: Option<&hyper::header::HeaderValue>, body: &[u8]) -> bool {
    let Some((time, claimed)) = header.and_then(|value| value.to_str().ok()).and_then(elements) else {
        return false;
    };
    let mut mac = key.clone();
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(&claimed).is_ok()
}

fn elements(header: &str) -> Option<(&str, Vec<u8>)> {
    let (time, claimed) = header.strip_prefix("t=")?.split_once(",v1=")?;
    let pairs = claimed.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    Some((time, pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect::<Option<_>>()?))
}

async fn record(
    State((key, pool)): State<(Hmac<Sha256>, PgPool)>,
    headers: HeaderMap,
    body: AxumBytes,
) -> Result<&'static str, StatusCode> {
    if !is_signed(&key, headers.get(SIGNATURE), &body) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let event: Value = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let (Some(id), Some(kind)) = (event["id"].as_str(), event["type"].as_str()) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let recorded = async {
        let mut tx = pool.begin().await?;
        sqlx::query(INSERT).bind(id).bind(kind).bind(&body[..]).execute(&mut *tx).await?;
        tx.commit().await
    };
    recorded.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok("{\"received\":true}")
}
