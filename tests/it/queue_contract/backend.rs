//! The queue of one test: an empty queue of one backend, which any number of handles may open.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use harness::broker::Broker;
use harness::process_guard::ProcessGuard;
use hyper::Method;
use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use rustix::process::Signal;
use shared::digest::EnvelopeKeys;
use shared::queue::rabbitmq::topology::{self, NewQueues};
use shared::queue::{Queue, QueueConfig, QueueUrl, Role};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

/// Far above every wait here but that for a lost worker, which is never waited for on a clock.
pub(crate) const LEASE: Duration = Duration::from_mins(1);
const PREFETCH: u16 = 256;

pub(crate) struct TestQueue {
    pub(crate) backend: &'static str,
    pub(crate) config: QueueConfig,
    /// Owns the folder of queue.db.
    _folder: Option<ProcessGuard>,
}

impl TestQueue {
    pub(crate) async fn sqlite() -> anyhow::Result<Self> {
        let folder = ProcessGuard::new("queue", Signal::KILL)?;
        let url = QueueUrl::Sqlite(folder.folder().join("queue.db"));
        let place = Self { backend: "SQLite", config: config(url), _folder: Some(folder) };
        place.open().await.close().await; // so that the file is there for those who look into it
        Ok(place)
    }

    pub(crate) async fn rabbitmq() -> anyhow::Result<Self> {
        let url = Broker::shared().await.vhost("contract").await?;
        topology::declare(&url, NewQueues::UseAtOnce).await?;
        Ok(Self { backend: "RabbitMQ", config: config(QueueUrl::RabbitMq(url.into())), _folder: None })
    }

    /// Its own handle, as another process would have.
    pub(crate) async fn open(&self) -> Queue {
        self.open_as(Role::Both).await
    }

    pub(crate) async fn open_as(&self, role: Role) -> Queue {
        let queue = Queue::open(self.config.clone(), role).await.expect("the queue opens");
        let usable = async || Ok(queue.health().is_ok());
        harness::process_guard::until("the queue to be usable", Duration::from_secs(30), usable)
            .await
            .expect("the queue becomes usable");
        queue
    }

    /// Ends every lease without its owner's doing: it runs out, or the connection is cut.
    pub(crate) async fn end_leases(&self) -> anyhow::Result<()> {
        if let Some(path) = self.path() {
            let mut file = open_file(&path).await?;
            sqlx::query("DELETE FROM holders").execute(&mut file).await?;
            file.close().await?;
            return Ok(());
        }
        let broker = Broker::shared().await;
        let vhost = self.vhost();
        // The broker's list of connections lags behind by some seconds.
        let listed = async || {
            let page = broker.api(Method::GET, &format!("/api/vhosts/{vhost}/connections"), "").await?;
            let connections: Vec<serde_json::Value> = serde_json::from_slice(&page)?;
            for name in connections.iter().filter_map(|connection| connection["name"].as_str()) {
                let name = name.replace(' ', "%20").replace('>', "%3E");
                broker.api(Method::DELETE, &format!("/api/connections/{name}"), "").await?;
            }
            Ok(!connections.is_empty())
        };
        harness::process_guard::until("the broker to list connections", Duration::from_secs(30), listed).await
    }

    /// A handle was dropped without being closed. RabbitMQ sees the connection go; a lease has to run out.
    pub(crate) async fn let_the_lost_lapse(&self) -> anyhow::Result<()> {
        match self.config.url {
            QueueUrl::Sqlite(_) => self.end_leases().await,
            QueueUrl::RabbitMq(_) => Ok(()),
        }
    }

    /// Puts something into the queue that none of us wrote.
    pub(crate) async fn put_junk(&self, header: &str, body: &[u8]) -> anyhow::Result<()> {
        if let Some(path) = self.path() {
            let mut file = open_file(&path).await?;
            sqlx::query("INSERT INTO messages (header, body, enqueued_at_ms) VALUES (?, ?, 0)")
                .bind(header)
                .bind(body)
                .execute(&mut file)
                .await?;
            file.close().await?;
            return Ok(());
        }
        let url = self.url();
        let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let properties = BasicProperties::default().with_delivery_mode(2).with_type(header.into());
        let options = BasicPublishOptions::default();
        channel.basic_publish("".into(), "events".into(), options, body, properties).await?.await?;
        connection.close(200, "done".into()).await?;
        Ok(())
    }

    /// queue.db
    pub(crate) fn file(&self) -> PathBuf {
        self.path().expect("a story about files happens on SQLite")
    }

    fn path(&self) -> Option<PathBuf> {
        match &self.config.url {
            QueueUrl::Sqlite(path) => Some(path.clone()),
            QueueUrl::RabbitMq(_) => None,
        }
    }

    fn url(&self) -> String {
        use secrecy::ExposeSecret;
        match &self.config.url {
            QueueUrl::RabbitMq(url) => url.expose_secret().to_owned(),
            QueueUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        }
    }

    fn vhost(&self) -> String {
        self.url().rsplit('/').next().unwrap_or_default().to_owned()
    }
}

/// A connection beside the product's, through the same library: its locks are respected.
pub(crate) async fn open_file(path: &std::path::Path) -> anyhow::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(10));
    SqliteConnection::connect_with(&options).await.context("queue.db opens")
}

pub(crate) fn config(url: QueueUrl) -> QueueConfig {
    QueueConfig {
        url,
        publish_in_flight: 1024,
        deadline: Duration::from_secs(10),
        prefetch: PREFETCH,
        lease: LEASE,
        keys: EnvelopeKeys::none(),
    }
}
