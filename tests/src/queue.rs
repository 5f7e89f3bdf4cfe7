//! What waits in a queue, seen from outside, once nobody holds any of it.

use std::path::PathBuf;

use lapin::options::QueueDeclareOptions;
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

    /// How many events are left, wherever they lie.
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
                let options = SqliteConnectOptions::new().filename(path).read_only(true);
                let mut connection = SqliteConnection::connect_with(&options).await?;
                let waiting: i64 =
                    sqlx::query_scalar("SELECT count(*) FROM messages").fetch_one(&mut connection).await?;
                connection.close().await?;
                Ok(u64::try_from(waiting)?)
            }
        }
    }
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
