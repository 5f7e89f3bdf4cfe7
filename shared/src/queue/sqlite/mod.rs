//! The handle of the queue in a file, `queue.db`, shared by several processes. One task per handle writes
//! (`writer`); concurrent requests share a transaction (`group`); a delivery is a lease with a fencing number;
//! every statement is in `statements`.

mod fault;
mod file;
mod grants;
mod group;
mod health;
mod integrity_check;
mod lease_holders;
pub mod recovery;
mod refusal;
mod statements;
mod writer;

use std::collections::HashMap;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};
use tokio::sync::{Mutex, Notify, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::fault::Fault;
use self::grants::{PendingGrants, Returns};
use self::group::{Ask, Op, Publish, Settlement};
use self::health::{FatalError, QueueHealth};
use self::lease_holders::Others;
use self::statements::Message;
use self::writer::Writer;
use super::{
    Delivery, Depth, Forgotten, OpenError, PublishError, QueueConfig, QueueError, QueueUrl, Role, Settle,
    Settled, Tag, Taken, Unusable,
};
use crate::Pending;
use crate::digest::EnvelopeKeys;
use crate::files_in_use::FilesInUse;
use crate::queue::Backend;
use crate::queue::affinity::Affinity;
use crate::queue::rabbitmq::topology;
use envelope::Envelope;

/// For what no signal of this process tells: another one published, or a lease ran out.
const POLL: Duration = Duration::from_millis(250);
/// Room beside the publishes for those who ask and settle.
const OTHER_OPS: usize = 64;

pub struct Sqlite {
    ops: mpsc::Sender<Op>,
    places: Arc<Semaphore>,
    health: Arc<QueueHealth>,
    ready: Arc<Notify>,
    stop: CancellationToken,
    draining: CancellationToken,
    writer: Mutex<Option<JoinHandle<()>>>,
    bodies: Reader,
    gauge: Reader,
    deadline: Duration,
    keys: EnvelopeKeys,
    /// The file's own, for as long as it lives.
    identity: Arc<str>,
}

/// A connection that only reads; `None` once closed.
type Reader = Mutex<Option<SqliteConnection>>;

impl Sqlite {
    /// Whatever the role, the file is opened in one way; who only looks does not look for damage.
    pub(super) async fn open(config: QueueConfig, role: Role) -> Result<Self, OpenError> {
        let QueueUrl::Sqlite(path) = &config.url else { unreachable!("the caller looked at the URL") };
        let health = Arc::new(QueueHealth::default());
        file::create(path).await?;
        integrity_check::of_log(path)?;
        if role != Role::Look {
            integrity_check::at_start(path, &health).await?;
        }
        let reader = async || file::open_reader(path).await.map_err(|error| refusal::refusal(path, error));
        let (conn, mut readers) = (file::open_writer(path).await?, [reader().await?, reader().await?]);
        let identity = statements::identity(&mut readers[1]).await;
        let identity = identity.map_err(|error| refusal::refusal(path, error))?;
        // Its companions are there by now, and stay while a connection is open.
        let files = FilesInUse::of_database(path).map_err(|error| refusal::failed(path, error))?;
        Ok(Self::over(conn, readers, files, (health, identity), &config))
    }

    fn over(
        conn: SqliteConnection,
        [bodies, gauge]: [SqliteConnection; 2],
        files: FilesInUse,
        (health, identity): (Arc<QueueHealth>, String),
        config: &QueueConfig,
    ) -> Self {
        let (ops, asked) = mpsc::channel(config.publish_in_flight + OTHER_OPS);
        let ready = Arc::new(Notify::new());
        let stop = CancellationToken::new();
        let writer = Writer {
            conn,
            ops: asked,
            stop: stop.clone(),
            health: Arc::clone(&health),
            returns: Arc::new(Returns::default()),
            ready: Arc::clone(&ready),
            owner: crate::trace::random_hex::<8>(),
            files,
            others: Others::new(config.lease),
            lease: config.lease,
            prefetch: usize::from(config.prefetch),
            leased: 0,
        };
        Self {
            ops,
            places: Arc::new(Semaphore::new(config.publish_in_flight)),
            health,
            ready,
            stop,
            draining: CancellationToken::new(),
            writer: Mutex::new(Some(tokio::spawn(writer.run()))),
            bodies: Mutex::new(Some(bodies)),
            gauge: Mutex::new(Some(gauge)),
            deadline: config.deadline,
            keys: config.keys.clone(),
            identity: identity.into(),
        }
    }

    async fn ask(&self, max: usize) -> Option<PendingGrants> {
        let (done, answer) = oneshot::channel();
        self.ops.send(Op::Ask(Ask { max, done })).await.ok()?;
        answer.await.ok()
    }

    /// Reads what was leased. If that fails, or the caller is gone before it ends, it all goes back.
    async fn read(&self, leased: PendingGrants) -> Vec<Delivery> {
        let tags = leased.tags();
        if tags.is_empty() {
            return Vec::new();
        }
        let mut bodies = self.bodies.lock().await;
        let Some(conn) = bodies.as_mut() else { return Vec::new() };
        let rows = match statements::read(conn, &tags).await {
            Ok(rows) => rows,
            Err(error) => {
                self.read_failed(error);
                return Vec::new();
            }
        };
        let now = crate::clock::now();
        let mut envelopes: HashMap<u64, Envelope> = HashMap::with_capacity(rows.len());
        for (id, row) in rows {
            match envelope(&row, &self.keys, now) {
                Ok(envelope) => drop(envelopes.insert(id, envelope)),
                Err(error) => {
                    self.read_failed(error);
                    return Vec::new();
                }
            }
        }
        // One that is missing was settled by another, after this process slept through its lease.
        let delivery = |grant: statements::Grant| {
            let envelope = envelopes.remove(&grant.tag.scope)?;
            Some(Delivery { envelope, tag: grant.tag, redelivered: grant.redelivered })
        };
        leased.hand_over().into_iter().filter_map(delivery).collect()
    }

    fn read_failed(&self, error: sqlx::Error) -> Arc<sqlx::Error> {
        let (fault, error) = (Fault::of(&error), Arc::new(error));
        if matches!(fault, Fault::Fatal | Fault::Damaged) {
            self.health.set_fatal(FatalError::by(fault, Arc::clone(&error)));
        } else {
            tracing::warn!(%error, "queue.db cannot be read at the moment");
        }
        error
    }
}

impl Backend for Sqlite {
    fn keys(&self) -> &EnvelopeKeys {
        &self.keys
    }

    fn publish<'a>(&'a self, envelope: &'a Envelope) -> Pending<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| PublishError::Overloaded)?;
            let message = Message { header: self.keys.seal(envelope), body: envelope.body.clone() };
            let (done, answer) = oneshot::channel();
            let confirmed = async {
                let publish = Op::Publish(Publish { message, done, place });
                self.ops.send(publish).await.map_err(|_| PublishError::Unavailable)?;
                answer.await.unwrap_or(Err(PublishError::Unavailable))
            };
            timeout(self.deadline, confirmed).await.unwrap_or(Err(PublishError::Deadline))
        })
    }

    fn receive(&self, max: usize, _: Affinity) -> Pending<'_, Vec<Delivery>> {
        Box::pin(async move {
            while !self.draining.is_cancelled() {
                let mut ready = pin!(self.ready.notified());
                // Before asking: what is published between the answer and the wait must end the wait.
                ready.as_mut().enable();
                if let Some(leased) = self.ask(max.max(1)).await {
                    let deliveries = self.read(leased).await;
                    if !deliveries.is_empty() {
                        return deliveries;
                    }
                }
                tokio::select! {
                    _ = timeout(POLL, ready) => {}
                    () = self.draining.cancelled() => {}
                }
            }
            Vec::new() // it leases only on request, so nothing is left
        })
    }

    fn begin_drain(&self) {
        self.draining.cancel();
    }

    fn settle<'a>(&'a self, settlements: &'a [(Tag, Settle)]) -> Pending<'a, Result<Settled, QueueError>> {
        Box::pin(async move {
            if settlements.is_empty() {
                return Ok(Settled::default());
            }
            let (done, answer) = oneshot::channel();
            let settled = async {
                let settlement = Op::Settle(Settlement { settlements: settlements.to_vec(), done });
                self.ops.send(settlement).await.map_err(|_| QueueError::Closed)?;
                answer.await.unwrap_or(Err(QueueError::Closed))
            };
            timeout(self.deadline, settled).await.unwrap_or(Err(QueueError::Deadline))
        })
    }

    fn taken(&self, tags: &[Tag]) -> Option<Taken> {
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        let highest = tags.iter().map(|tag| tag.scope).max()?;
        let queue = Arc::clone(&self.identity);
        Some(Taken { queue, highest: highest.cast_signed(), deliveries: number(tags.len()) })
    }

    fn forgotten(&self) -> Pending<'_, Result<Option<Forgotten>, QueueError>> {
        Box::pin(async move {
            let asked = async {
                let mut gauge = self.gauge.lock().await;
                let conn = gauge.as_mut().ok_or(QueueError::Closed)?;
                let asked = statements::forgotten(conn).await;
                let (highest, count) = asked.map_err(|error| QueueError::File(Arc::new(error)))?;
                Ok(Some(Forgotten { queue: Arc::clone(&self.identity), highest, count }))
            };
            timeout(self.deadline, asked).await.unwrap_or(Err(QueueError::Deadline))
        })
    }

    fn depths(&self) -> Pending<'_, Result<Vec<(&'static str, Depth)>, QueueError>> {
        Box::pin(async move {
            let counted = async {
                let mut gauge = self.gauge.lock().await;
                let conn = gauge.as_mut().ok_or(QueueError::Closed)?;
                let now_ms = crate::clock::now().timestamp_millis();
                statements::depth(conn, now_ms)
                    .await
                    .map_err(|error| QueueError::File(self.read_failed(error)))
            };
            let depth = timeout(self.deadline, counted).await.unwrap_or(Err(QueueError::Deadline))?;
            Ok(vec![(topology::EVENTS, depth)])
        })
    }

    fn health(&self) -> Result<(), Unusable> {
        self.health.health()?;
        if self.stop.is_cancelled() { Err(Unusable::Closed) } else { Ok(()) }
    }

    fn fatal(&self) -> CancellationToken {
        self.health.fatal.clone()
    }

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            self.stop.cancel();
            let closed = async {
                // The readers first: the last to close empties the log into the file, and readers cannot.
                for reader in [&self.bodies, &self.gauge] {
                    if let Some(conn) = reader.lock().await.take() {
                        drop(conn.close().await);
                    }
                }
                if let Some(writer) = self.writer.lock().await.take() {
                    drop(writer.await);
                }
            };
            if timeout(self.deadline, closed).await.is_err() {
                tracing::warn!("queue.db took too long to close; nothing is lost");
            }
        })
    }
}

fn envelope(row: &SqliteRow, keys: &EnvelopeKeys, now: DateTime<Utc>) -> sqlx::Result<Envelope> {
    let body = Bytes::from(row.try_get::<Vec<u8>, _>("body")?);
    Ok(keys.open(row.try_get::<&[u8], _>("header")?, body, now))
}

/// What is wrong with a file that is there; `None` where it is sound.
pub(super) async fn damage(path: &Path) -> Result<Option<String>, OpenError> {
    if path.metadata().is_ok_and(|found| found.len() == 0) {
        return Ok(Some(file::EMPTY.to_owned()));
    }
    integrity_check::examine(path).await
}

/// Copies a file that is there, as of one moment, with what its log still holds.
pub(super) async fn copy(path: &Path, to: &Path) -> Result<(), OpenError> {
    let copied = async {
        let mut reader = file::open_reader(path).await?;
        sqlx::query("VACUUM INTO $1").bind(to.display().to_string()).execute(&mut reader).await?;
        reader.close().await
    };
    copied.await.map_err(|error| refusal::refusal(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file in its own folder that is gone with the test.
    struct Folder(std::path::PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    #[tokio::test]
    async fn a_full_disk_refuses_the_group_and_passes_when_there_is_room() {
        const EVENTS: usize = 40;
        let folder = std::env::temp_dir().join(format!("tidegate-full-{}", crate::trace::random_hex::<6>()));
        let folder = Folder(folder);
        let path = folder.0.join("queue.db");
        let config = QueueConfig {
            url: QueueUrl::Sqlite(path.clone()),
            publish_in_flight: EVENTS,
            deadline: Duration::from_secs(20),
            prefetch: 1000,
            lease: Duration::from_secs(20),
            keys: EnvelopeKeys::none(),
        };
        file::create(&path).await.unwrap();
        let mut conn = file::open_writer(&path).await.unwrap();
        sqlx::query("PRAGMA max_page_count = 120").execute(&mut conn).await.unwrap();
        let readers = [file::open_reader(&path).await.unwrap(), file::open_reader(&path).await.unwrap()];
        let files = FilesInUse::of_database(&path).unwrap();
        let queue = Sqlite::over(conn, readers, files, (Arc::default(), "test".to_owned()), &config);
        let mut envelope = Envelope::from_wire(b"", Bytes::from(vec![7; 20_000]), crate::clock::now());

        let mut accepted = 0;
        while queue.publish(&envelope).await.is_ok() {
            accepted += 1;
            assert!(accepted < EVENTS, "the file has no room for so many");
        }
        assert_eq!(queue.publish(&envelope).await, Err(PublishError::Unavailable));
        assert!(queue.health().unwrap_err().to_string().contains("full"));
        assert!(!queue.fatal().is_cancelled());
        envelope.body = Bytes::from_static(b"a small one still finds room");
        queue.publish(&envelope).await.unwrap();
        queue.health().unwrap();

        let deliveries = queue.receive(EVENTS, Affinity::ANY).await;
        assert_eq!(deliveries.len(), accepted + 1);
        let done: Vec<_> = deliveries.iter().map(|delivery| (delivery.tag, Settle::Done)).collect();
        envelope.body = Bytes::from(vec![7; 20_000]);
        let (published, settled) = tokio::join!(queue.publish(&envelope), queue.settle(&done));
        assert_eq!((published, settled.unwrap().settled), (Err(PublishError::Unavailable), accepted + 1));
        queue.publish(&envelope).await.unwrap();
        queue.close().await;
    }
}
