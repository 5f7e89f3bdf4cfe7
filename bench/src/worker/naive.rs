//! What many would write instead of a worker, as their own processes: toy rules, one transaction for every
//! event, either behind a queue or in the handler of the webhook. Nothing is merged, derived or audited.

use std::net::SocketAddr;

use anyhow::Context;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use futures_util::StreamExt;
use harness::queue::unframed;
use hmac::{Hmac, KeyInit};
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use serde_json::Value;
use sha2::Sha256;
use shared::env::Env;
use shared::queue::rabbitmq::topology;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::net::TcpListener;

use crate::gateway::alternatives::{SIGNATURE, is_signed};

/// As many transactions at once as two cores can use.
const CONSUMER_CONNECTIONS: u16 = 8;
const HANDLER_CONNECTIONS: u32 = 32;
const TABLES: &str = "CREATE TABLE events (id TEXT PRIMARY KEY, type TEXT NOT NULL, body BYTEA NOT NULL, \
     recorded_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()); \
     CREATE INDEX events_by_time ON events (recorded_at); \
     CREATE TABLE payments (id TEXT PRIMARY KEY, status TEXT NOT NULL, amount BIGINT NOT NULL, created BIGINT NOT NULL)";

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Toy {
    Consumer,
    Handler,
}

pub async fn create_tables(url: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(TABLES).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Works until it is killed, with what the environment names.
pub async fn run(toy: Toy) -> anyhow::Result<()> {
    let env = Env::of_process();
    let given = |name: &str| env.given(name).with_context(|| format!("{name} is missing"));
    let listener = TcpListener::bind(given("GATEWAY_ADDR")?.parse::<SocketAddr>()?).await?;
    let url = given("DATABASE_URL")?;
    match toy {
        Toy::Consumer => {
            let pool = PgPoolOptions::new().max_connections(CONSUMER_CONNECTIONS.into()).connect(url).await?;
            consume(given("QUEUE_URL")?, &pool).await
        }
        Toy::Handler => {
            let pool = PgPoolOptions::new().max_connections(HANDLER_CONNECTIONS).connect(url).await?;
            let key = Hmac::<Sha256>::new_from_slice(given("STRIPE_WEBHOOK_SECRET")?.as_bytes())?;
            let routes = axum::Router::new().route("/webhooks/stripe", axum::routing::post(handle));
            Ok(axum::serve(listener, routes.with_state((key, pool))).await?)
        }
    }
}

async fn consume(queue_url: &str, pool: &PgPool) -> anyhow::Result<()> {
    let connection = Connection::connect(queue_url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(CONSUMER_CONNECTIONS * 2, BasicQosOptions::default()).await?;
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let consumer = channel.basic_consume(topology::EVENTS.into(), "toy".into(), options, none).await?;
    let handled = consumer.map(|delivery| async move {
        let delivery = delivery?;
        match unframed(&delivery.data) {
            None => apply(pool, &delivery.data).await?,
            Some(group) => {
                for (_, body) in group {
                    apply(pool, &body).await?;
                }
            }
        }
        delivery.ack(BasicAckOptions::default()).await?;
        anyhow::Ok(())
    });
    let mut handled = handled.buffer_unordered(CONSUMER_CONNECTIONS.into());
    while let Some(result) = handled.next().await {
        result?;
    }
    Ok(())
}

async fn handle(
    State((key, pool)): State<(Hmac<Sha256>, PgPool)>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<&'static str, StatusCode> {
    if !is_signed(&key, headers.get(SIGNATURE), &body) {
        return Err(StatusCode::BAD_REQUEST);
    }
    apply(&pool, &body).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok("{\"received\":true}")
}

/// Keeps the event and, for a payment, the newest status.
async fn apply(pool: &PgPool, body: &[u8]) -> anyhow::Result<()> {
    let event: Value = serde_json::from_slice(body)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut tx = pool.begin().await?;
    let inserted =
        sqlx::query("INSERT INTO events (id, type, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(text(&event["id"]))
            .bind(text(&event["type"]))
            .bind(body)
            .execute(&mut *tx)
            .await?;
    let object = &event["data"]["object"];
    let payment = match object["object"].as_str() {
        Some("payment_intent") => &object["id"],
        _ => &object["payment_intent"],
    };
    if inserted.rows_affected() == 1
        && let Some(payment) = payment.as_str().or(payment["id"].as_str())
    {
        sqlx::query(
            "INSERT INTO payments (id, status, amount, created) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE \
             SET status = excluded.status, amount = excluded.amount, created = excluded.created \
             WHERE payments.created <= excluded.created",
        )
        .bind(payment)
        .bind(text(&object["status"]))
        .bind(object["amount"].as_i64().unwrap_or_default())
        .bind(event["created"].as_i64().unwrap_or_default())
        .execute(&mut *tx)
        .await?;
    }
    Ok(tx.commit().await?)
}
