//! The one task that writes queue.db. All requests that wait when it is free share one transaction, hence one
//! fsync, and are answered after the commit.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Connection, SqliteConnection};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::grants::{PendingGrants, Returns};
use super::group::{Group, Op};
use super::health::{FatalError, QueueHealth};
use super::lease_holders::Others;
use super::statements::{self, Grant};
use crate::files_in_use::FilesInUse;
use crate::queue::Settled;

/// How often the files are looked at when nothing is written.
const FILES_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    pub conn: SqliteConnection,
    pub ops: mpsc::Receiver<Op>,
    pub stop: CancellationToken,
    pub health: Arc<QueueHealth>,
    pub returns: Arc<Returns>,
    /// Told whenever there may be something to lease.
    pub ready: Arc<Notify>,
    /// Names our leases among those of other processes.
    pub owner: String,
    pub files: FilesInUse,
    pub others: Others,
    pub lease: Duration,
    /// No more than this is leased at once.
    pub prefetch: usize,
    pub leased: usize,
}

/// What a committed group came to.
struct Written {
    settled: Vec<Settled>,
    grants: Vec<Vec<Grant>>,
    leased: usize,
    /// Something may be leased that could not be before.
    news: bool,
}

impl Writer {
    /// Until the handle closes: then what waits is finished, and what is leased is released. If all handles are
    /// dropped instead, leases stay and run out, as those of a process that died.
    pub(super) async fn run(mut self) {
        let mut renewed = Instant::now();
        let mut looks = tokio::time::interval(FILES_INTERVAL);
        loop {
            let renewal = tokio::time::sleep_until((renewed + self.lease / 3).into());
            let mut group = Group::default();
            tokio::select! {
                op = self.ops.recv() => match op {
                    Some(op) => group.add(op),
                    None => break,
                },
                () = self.returns.arrived.notified() => {}
                () = renewal, if self.leased > 0 => {}
                () = self.stop.cancelled(), if !self.ops.is_closed() => self.ops.close(),
                () = self.health.fatal.cancelled() => return,
                _ = looks.tick() => match self.files.check() {
                    Ok(()) => continue,
                    Err(gone) => return self.health.set_fatal(gone.into()),
                },
            }
            while group.has_room() {
                let Ok(op) = self.ops.try_recv() else { break };
                group.add(op);
            }
            group.returns = self.returns.take();
            // Beside other work too: a busy writer must not let its leases run out.
            group.renew = self.leased > 0 && renewed.elapsed() >= self.lease / 3;
            if self.leased == 0 || group.renew {
                renewed = Instant::now();
            }
            if self.health.fatal.is_cancelled() {
                return; // this refuses everything that waits, here or in the channel
            }
            self.write(group).await;
        }
        if self.stop.is_cancelled() {
            self.close().await;
        }
    }

    /// Writes the group and answers it; on a lock, again for as long as somebody waits.
    async fn write(&mut self, mut group: Group) {
        loop {
            group.forget_abandoned();
            if group.is_empty() {
                return;
            }
            match self.transaction(&mut group).await {
                // A commit to a file that nobody can open any more is worth nothing.
                Ok(written) => match self.files.check() {
                    Ok(()) => return self.answer(group, written),
                    Err(gone) => {
                        self.health.set_fatal(gone.clone().into());
                        return group.refuse(gone);
                    }
                },
                Err(error) => match Fault::of(&error) {
                    Fault::Busy if group.is_awaited() => {}
                    // What was settled makes room, once it is written without what needs some.
                    Fault::Full if group.brings_and_more() => {
                        self.health.full(&error);
                        group.refuse_publishes();
                    }
                    fault => return self.fail(group, fault, error),
                },
            }
        }
    }

    async fn transaction(&mut self, group: &mut Group) -> sqlx::Result<Written> {
        statements::begin(&mut self.conn).await?;
        group.forget_abandoned(); // the lock may have been long in coming
        let written = match self.statements(group).await {
            Ok(written) => statements::commit(&mut self.conn).await.map(|()| written),
            Err(error) => Err(error),
        };
        if written.is_err() {
            statements::rollback(&mut self.conn).await;
        }
        written
    }

    async fn statements(&mut self, group: &Group) -> sqlx::Result<Written> {
        let now_ms = crate::clock::now().timestamp_millis();
        let conn = &mut self.conn;
        let mut written =
            Written { settled: Vec::new(), grants: Vec::new(), leased: self.leased, news: false };

        if !group.publishes.is_empty() {
            let messages = group.publishes.iter().map(|publish| &publish.message);
            statements::insert(conn, messages, now_ms).await?;
            written.news = true;
        }
        let tags = group.tags();
        let held = if tags.is_empty() { HashSet::new() } else { statements::held(conn, &tags).await? };
        let plan = group.plan(held);
        if !plan.finish.is_empty() {
            statements::finish(conn, &plan.finish).await?;
        }
        if !plan.release.is_empty() {
            statements::release(conn, &plan.release).await?;
        }
        let ended = plan.finish.len() + plan.release.len();
        written.news |= ended > 0;
        written.leased = written.leased.saturating_sub(ended);
        written.settled = plan.answers;

        if group.renew {
            statements::beat(conn, &self.owner).await?;
            written.leased =
                usize::try_from(statements::leased(conn, &self.owner).await?).unwrap_or(usize::MAX);
        }
        let now = Instant::now();
        if !group.asks.is_empty() && self.others.wants_a_look(now) {
            let others = statements::other_holders(conn, &self.owner).await?;
            for dead in self.others.dead(others, now) {
                statements::bury(conn, &dead).await?;
                written.news = true;
            }
        }
        // After the publishes: what this group brings may be leased by it, for both are durable together.
        for ask in &group.asks {
            let max = ask.max.min(self.prefetch.saturating_sub(written.leased));
            let grants = match max {
                0 => Vec::new(),
                max => statements::lease(conn, &self.owner, max).await?,
            };
            // Before anybody asks again: what nobody is the holder of may be leased.
            if !grants.is_empty() {
                statements::beat(conn, &self.owner).await?;
            }
            written.leased += grants.len();
            written.grants.push(grants);
        }
        Ok(written)
    }

    fn answer(&mut self, group: Group, written: Written) {
        // What only settles and leases needs no room, so it shows none.
        if !group.publishes.is_empty() {
            self.health.fine();
        }
        self.leased = written.leased;
        for publish in group.publishes {
            drop(publish.place);
            let _ = publish.done.send(Ok(()));
        }
        for (settlement, settled) in group.settlements.into_iter().zip(written.settled) {
            drop(settlement.done.send(Ok(settled)));
        }
        for (ask, grants) in group.asks.into_iter().zip(written.grants) {
            drop(ask.done.send(PendingGrants::new(grants, &self.returns)));
        }
        if written.news {
            self.ready.notify_waiters();
        }
    }

    fn fail(&self, group: Group, fault: Fault, error: sqlx::Error) {
        let error = Arc::new(error);
        match fault {
            Fault::Fatal | Fault::Damaged => self.health.set_fatal(FatalError::by(fault, Arc::clone(&error))),
            Fault::Full => self.health.full(&error),
            Fault::Busy => tracing::warn!(%error, "queue.db stayed locked by another process"),
            Fault::Refused => tracing::error!(%error, "queue.db refused a group of events"),
        }
        self.returns.add(group.unsettled());
        group.refuse(error);
    }

    async fn close(mut self) {
        self.returns.take();
        let released = match statements::begin(&mut self.conn).await {
            Ok(()) => match statements::release_all(&mut self.conn, &self.owner).await {
                Ok(()) => statements::commit(&mut self.conn).await,
                failed => failed,
            },
            failed => failed,
        };
        if let Err(error) = released {
            tracing::warn!(%error, "leased events come again when their leases expire");
        }
        // Both are for the next opener's ease; what is committed is safe without them.
        drop(statements::checkpoint(&mut self.conn).await);
        drop(self.conn.close().await);
    }
}
