//! What waits in a queue, seen from outside, once nobody holds any of it; and groups of events, written and read by
//! their description rather than by the product's code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;
use envelope::Header;
use lapin::message::Delivery;
use lapin::options::{BasicGetOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

#[derive(Clone, Debug)]
pub enum Queue {
    RabbitMq(String),
    Sqlite(PathBuf),
}

impl Queue {
    /// From the value of `QUEUE_URL`.
    pub fn at(url: &str) -> Self {
        url.strip_prefix("sqlite:")
            .map_or_else(|| Self::RabbitMq(url.to_owned()), |path| Self::Sqlite(path.into()))
    }

    /// How many messages are left, wherever they lie. Events that were published one after the other have a
    /// message each.
    pub async fn waiting(&self) -> anyhow::Result<u64> {
        match self {
            Self::RabbitMq(url) => {
                let connection = connect(url).await?;
                let channel = connection.create_channel().await?;
                let mut waiting = 0;
                for queue in ["events", "events.dead", "events.unrouted"] {
                    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
                    let found = channel.queue_declare(queue.into(), options, FieldTable::default()).await?;
                    waiting += u64::from(found.message_count());
                }
                connection.close(200, "done".into()).await?;
                Ok(waiting)
            }
            Self::Sqlite(path) => {
                let mut connection = reader(path).await?;
                let waiting: i64 =
                    sqlx::query_scalar("SELECT count(*) FROM messages").fetch_one(&mut connection).await?;
                connection.close().await?;
                Ok(u64::try_from(waiting)?)
            }
        }
    }

    /// The ids of the events that are left in `events`. A look at RabbitMQ takes them out and puts them back, so
    /// they count as delivered before.
    pub async fn ids(&self) -> anyhow::Result<BTreeSet<String>> {
        let mut left = BTreeSet::new();
        match self {
            Self::RabbitMq(url) => {
                let connection = connect(url).await?;
                let channel = connection.create_channel().await?;
                let kept = BasicGetOptions { no_ack: false };
                while let Some(message) = channel.basic_get("events".into(), kept).await? {
                    left.extend(ids_in(&message.delivery)?);
                }
                connection.close(200, "all goes back".into()).await?;
            }
            Self::Sqlite(path) => {
                let mut connection = reader(path).await?;
                let heads: Vec<String> =
                    sqlx::query_scalar("SELECT header FROM messages").fetch_all(&mut connection).await?;
                for head in heads {
                    left.insert(serde_json::from_str::<Header>(&head)?.id);
                }
                connection.close().await?;
            }
        }
        Ok(left)
    }
}

/// The ids of the events in a message.
pub fn ids_in(message: &Delivery) -> anyhow::Result<Vec<String>> {
    if let Some(id) = message.properties.message_id() {
        return Ok(vec![id.to_string()]);
    }
    let group = unframed(&message.data).context("a message without an id is a group")?;
    group.iter().map(|(head, _)| Ok(serde_json::from_slice::<Header>(head)?.id)).collect()
}

/// A group as it lies in RabbitMQ, of heads and bodies.
pub fn framed(parts: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let length = |bytes: &Vec<u8>| u32::try_from(bytes.len()).expect("a short one").to_be_bytes();
    let count = u16::try_from(parts.len()).expect("a few").to_be_bytes();
    let mut message = [b"tidegate-group\x01", &count[..]].concat();
    message.extend(parts.iter().flat_map(|(head, body)| [length(head), length(body)].concat()));
    message.extend(parts.iter().flat_map(|(head, body)| [&head[..], body].concat()));
    message
}

/// Heads and bodies of a group; `None` of what is none.
pub fn unframed(message: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let rest = message.strip_prefix(b"tidegate-group\x01")?;
    let (count, rest) = rest.split_first_chunk::<2>()?;
    let (lengths, mut rest) = rest.split_at_checked(8 * usize::from(u16::from_be_bytes(*count)))?;
    let mut take = |length: &[u8]| {
        let length = u32::from_be_bytes(length.try_into().ok()?);
        let (taken, left) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        rest = left;
        Some(taken.to_vec())
    };
    lengths.chunks(8).map(|lengths| Some((take(&lengths[..4])?, take(&lengths[4..])?))).collect()
}

async fn reader(path: &Path) -> anyhow::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    Ok(SqliteConnection::connect_with(&options).await?)
}

/// To the first of the nodes between the commas that answers.
async fn connect(url: &str) -> anyhow::Result<Connection> {
    let (user, rest) = url.split_once('@').unwrap_or((url, ""));
    let (hosts, vhost) = rest.split_once('/').unwrap_or((rest, ""));
    let mut last = anyhow::anyhow!("{hosts} names no node");
    for host in hosts.split(',') {
        let one = format!("{user}@{host}/{vhost}");
        match Connection::connect(&one, ConnectionProperties::default()).await {
            Ok(connection) => return Ok(connection),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}
