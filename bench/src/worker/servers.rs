//! The servers that all contestants share: one broker, one Postgres, each run in a new, empty database that
//! is dropped after it, and a queue that is filled before the clock runs.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use envelope::Envelope;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use harness::broker::Broker;
use harness::postgres::Postgres;
use harness::process_guard::ProcessGuard;
use lapin::options::{QueueDeclareOptions, QueuePurgeOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use ledger::{Ledger, LedgerConfig};
use rustix::process::Signal;
use shared::env::Env;
use shared::queue::rabbitmq::topology::{self, NewQueues};
use shared::queue::{Queue, QueueConfig, Role};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::measure::process::Parts;

/// A small server as people would set it up; everything that durability rests on stays as it is.
pub const POSTGRES_SETTINGS: &[&str] = &["shared_buffers=512MB", "max_wal_size=2GB", "log_checkpoints=on"];
const CALM_PATIENCE: Duration = Duration::from_secs(20);
const IN_FLIGHT: usize = 512;

pub struct Servers {
    pub broker: Arc<Broker>,
    pub postgres: Arc<Postgres>,
    pub queue_url: String,
    guard: ProcessGuard,
    channel: Channel,
    _connection: Connection,
}

/// Which database a ledger is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Postgres,
    Sqlite,
}

impl Servers {
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(&[]).await
    }

    /// The same with further settings of Postgres.
    pub async fn start_with(settings: &[&str]) -> anyhow::Result<Self> {
        let settings = [POSTGRES_SETTINGS, settings].concat();
        let (broker, postgres) = (Broker::start().await?, Postgres::start_with(&settings).await?);
        Self::on(Arc::new(broker), Arc::new(postgres)).await
    }

    /// Another queue on the same servers.
    pub async fn vhost(&self) -> anyhow::Result<Self> {
        Self::on(Arc::clone(&self.broker), Arc::clone(&self.postgres)).await
    }

    async fn on(broker: Arc<Broker>, postgres: Arc<Postgres>) -> anyhow::Result<Self> {
        let queue_url = broker.vhost("bench").await?;
        topology::declare(&queue_url, NewQueues::UseAtOnce).await?;
        let connection = Connection::connect(&queue_url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let guard = ProcessGuard::new("bench", Signal::KILL)?;
        Ok(Self { broker, postgres, queue_url, guard, channel, _connection: connection })
    }

    pub fn folder(&self) -> &Path {
        self.guard.folder()
    }

    /// Whose CPU is looked at, besides the contestant's own.
    pub fn parts(&self) -> anyhow::Result<Parts> {
        let broker = self.broker.id().context("the broker runs")?;
        let postgres = self.postgres.id().context("Postgres runs")?;
        Ok(crate::measure::process::generator().with("broker", broker).with("postgres", postgres))
    }

    /// A new, empty place for tables.
    pub async fn database(&self, kind: Kind) -> anyhow::Result<Database> {
        let url = match kind {
            Kind::Postgres => self.postgres.database("bench").await?,
            Kind::Sqlite => {
                let name = format!("ledger-{}.db", shared::trace::random_hex::<4>());
                format!("sqlite:{}", self.folder().join(name).display())
            }
        };
        Ok(Database { url })
    }

    /// The same with the ledger's tables.
    pub async fn ledger(&self, kind: Kind) -> anyhow::Result<Database> {
        let database = self.database(kind).await?;
        let ledger = database.open().await?;
        ledger.migrate().await?;
        ledger.close().await;
        Ok(database)
    }

    /// Publishes everything and waits until all of it waits in the queue.
    pub async fn fill(&self, events: &[Envelope]) -> anyhow::Result<()> {
        let queue = self.publisher().await?;
        let mut events = events.iter();
        let mut under_way: FuturesUnordered<_> =
            events.by_ref().take(IN_FLIGHT).map(|event| queue.publish(event)).collect();
        while let Some(published) = under_way.next().await {
            published?;
            under_way.extend(events.next().map(|event| queue.publish(event)));
        }
        queue.close().await;
        Ok(())
    }

    /// Publishes so many a second, each by itself.
    pub async fn publish_at(&self, events: &[Envelope], per_second: u32) -> anyhow::Result<()> {
        let queue = self.publisher().await?;
        let mut due = tokio::time::interval(Duration::from_secs(1) / per_second);
        for event in events {
            due.tick().await;
            queue.publish(event).await?;
        }
        queue.close().await;
        Ok(())
    }

    async fn publisher(&self) -> anyhow::Result<Queue> {
        let config = QueueConfig::from_env(&Env::of(&[
            ("QUEUE_URL", &self.queue_url),
            ("QUEUE_DEADLINE_SECS", "30"),
        ]))?;
        let queue = Queue::open(config, Role::Publish).await?;
        let begun = Instant::now();
        while queue.health().is_err() {
            ensure!(begun.elapsed() < CALM_PATIENCE, "the queue does not open");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(queue)
    }

    /// How many messages: what was published together shares them.
    pub async fn waiting(&self) -> anyhow::Result<u32> {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let found =
            self.channel.queue_declare(topology::EVENTS.into(), passive, FieldTable::default()).await?;
        Ok(found.message_count())
    }

    pub async fn purge(&self) -> anyhow::Result<()> {
        self.channel.queue_purge(topology::EVENTS.into(), QueuePurgeOptions::default()).await?;
        Ok(())
    }

    /// What was written before the clock runs shall not be paid for while it runs: a checkpoint, and then
    /// waiting until broker and Postgres have nothing to do.
    pub async fn calm_down(&self) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.postgres.address("postgres")).await?;
        sqlx::query("CHECKPOINT").execute(&mut connection).await?;
        connection.close().await?;
        let (parts, begun) = (self.parts()?, Instant::now());
        loop {
            let before = parts.cpu();
            tokio::time::sleep(Duration::from_millis(200)).await;
            let busy: f64 = parts.cpu_since(&before).values().sum();
            if busy < 0.03 || begun.elapsed() > CALM_PATIENCE {
                return Ok(());
            }
        }
    }
}

/// Where a run's tables are.
#[derive(Clone, Debug)]
pub struct Database {
    pub url: String,
}

impl Database {
    /// As the product opens it.
    pub async fn open(&self) -> anyhow::Result<Ledger> {
        let env = Env::of(&[("DATABASE_URL", &self.url)]);
        Ok(Ledger::open(&LedgerConfig::from_env(&env)?).await?)
    }

    pub fn file(&self) -> Option<&str> {
        self.url.strip_prefix("sqlite:")
    }

    pub async fn drop(self, servers: &Servers) -> anyhow::Result<()> {
        if let Some(file) = self.file() {
            for suffix in ["", "-wal", "-shm"] {
                drop(std::fs::remove_file(format!("{file}{suffix}")));
            }
            return Ok(());
        }
        let name = self.url.rsplit('/').next().unwrap_or_default();
        let mut connection = PgConnection::connect(&servers.postgres.address("postgres")).await?;
        let statement = format!("DROP DATABASE \"{name}\" WITH (FORCE)");
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }
}
