//! A worker from start to drain: its lanes, its chores and its internal listener.

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use prometheus::Registry;
use shared::Pending;
use shared::clock;
use shared::internal::{self, Probes};
use shared::queue::Queue;
use shared::spans::Spans;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::WorkerConfig;
use crate::chores;
use crate::consume::Lanes;
use crate::fatal_signal::FatalSignal;
use crate::isolated::Retries;
use crate::ledger_availability::LedgerAvailability;
use crate::lost_commits;
use crate::metrics::Metrics;
use crate::pause_signal::PauseSignal;
use crate::watchdog::Watchdog;
use desk::pace;
use domain::dead_letter_streaks::DeadLetterStreaks;
use ledger::{Ledger, LedgerError};
use stripe_api::Api;

const SCHEMA_POLL: Duration = Duration::from_secs(1);
/// Beyond what the watchdog grants: for the statements around the rules.
const CLAIM_MARGIN: Duration = Duration::from_secs(5);

/// Works until told to stop, then finishes what is in hand. Ends with an error when the ledger or the queue is
/// broken, the schema is not this build's, or the drain took too long.
pub fn run(
    config: WorkerConfig,
    queue: Queue,
    ledger: Ledger,
    shutdown: CancellationToken,
) -> Pending<'static, anyhow::Result<()>> {
    Box::pin(listen_and_work(config, queue, ledger, shutdown))
}

async fn listen_and_work(
    config: WorkerConfig,
    queue: Queue,
    ledger: Ledger,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.internal_addr).await.with_context(|| {
        format!("the worker cannot listen on {}: set WORKER_INTERNAL_ADDR", config.internal_addr)
    })?;
    let metrics = Metrics::new();
    let (spans, exporter) = Spans::start(&config.spans, "tidegate-worker", metrics.spans.clone());
    let ended = work(config, listener, queue, ledger, metrics, spans, shutdown).await;
    exporter.finish().await;
    ended
}

async fn work(
    config: WorkerConfig,
    listener: TcpListener,
    queue: Queue,
    ledger: Ledger,
    metrics: Metrics,
    spans: Spans,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let lane_count = if ledger.takes_several_writers() { config.lanes } else { 1 };
    let mut lanes = Lanes::of(&config, lane_count, queue.clone(), ledger.clone(), shutdown.clone())?;
    (lanes.metrics, lanes.spans) = (metrics, spans);
    let fatal = lanes.fatal.clone();
    let probes_end = CancellationToken::new();
    tokio::spawn(internal::serve(listener, Arc::new(lanes.clone()), probes_end.clone()));

    if !wait_for_schema(&lanes).await? {
        return Ok(());
    }
    if let Err(error) = lost_commits::check(&queue, &ledger, clock::now()).await {
        tracing::debug!(%error, "the queue's hand-over counter was not compared with the ledger");
    }
    tracing::info!(ledger = ledger.shown(), lanes = lane_count, batch_events = lanes.batch_events, "working");
    let tasks = TaskTracker::new();
    for lane in 0..lane_count {
        tasks.spawn(fatal.clone().unless_it_panics(lanes.clone().run(lane, lane_count)));
    }
    tasks.spawn(chores::pause::run(lanes.clone()));
    tasks.spawn(chores::retry::run(lanes.clone(), lane_count));
    tasks.spawn(chores::seal::run(lanes.clone()));
    tasks.spawn(chores::fraud_desk::run(lanes.clone()));
    tasks.spawn(chores::lapse::run(lanes.clone()));
    tasks.spawn(chores::goods::run(lanes.clone(), config.goods));
    tasks.spawn(chores::old_logins::run(lanes.clone()));
    tasks.spawn(chores::months::run(lanes.clone()));
    tasks.spawn(chores::retention::run(lanes.clone(), config.retention));
    let api = config.stripe.as_ref().map(|stripe| Api::open(stripe, shutdown.clone())).transpose()?;
    let api = api.map(|api| pace::shared(api, &ledger, fatal.reporter()));
    tasks.spawn(chores::notices::run(lanes.clone(), config.notices, config.staff_key, api.clone()));
    if let Some((stripe, api)) = config.stripe.zip(api) {
        tracing::info!(
            livemode = api.livemode(),
            url = stripe.url,
            "asking Stripe for missing events and uncertain objects, and sending approved operations"
        );
        tasks.spawn(chores::key_ages::run(lanes.clone(), stripe.key.clone()));
        tasks.spawn(chores::refetch::run(lanes.clone(), api.clone(), stripe.refetch_interval));
        tasks.spawn(chores::reconcile::run(lanes.clone(), api.clone(), stripe.clone()));
        tasks.spawn(chores::completeness::run(lanes.clone(), api, stripe.clone()));
        tasks.spawn(chores::planned_retries::run(lanes.clone()));
        if !config.goods.is_empty() {
            tasks.spawn(chores::goods::look(lanes.clone(), stripe.clone()));
        }
        tasks.spawn(chores::execute::run(lanes.clone(), stripe, config.failpoint));
    }
    tasks.close();

    tokio::select! {
        biased; // lanes that end because they were told to are no panic, even when they are quick
        () = shutdown.cancelled() => {}
        () = fatal.raised() => bail!(fatal.why()),
        () = queue.fatal().cancelled_owned() => {
            return Err(queue.health().err().context("the queue is broken")?.into());
        }
    }
    queue.begin_drain();
    let drained = tokio::time::timeout(config.drain, async {
        if tokio::time::timeout(config.drain / 2, tasks.wait()).await.is_err() {
            lanes.drain_cutoff.cancel();
            tasks.wait().await;
        }
    })
    .await;
    probes_end.cancel();
    drained
        .with_context(|| format!("work in progress was not finished within {} s", config.drain.as_secs()))?;
    if fatal.is_set() {
        bail!(fatal.why());
    }
    tracing::info!("the worker has stopped: everything that it started is committed and settled");
    Ok(())
}

impl Lanes {
    /// So many, which share what they know.
    pub fn of(
        config: &WorkerConfig,
        lanes: usize,
        queue: Queue,
        ledger: Ledger,
        shutdown: CancellationToken,
    ) -> std::io::Result<Self> {
        let claim = config.event_deadline + CLAIM_MARGIN;
        Ok(Self {
            queue,
            ledger,
            metrics: Metrics::new(),
            spans: Spans::default(),
            availability: Arc::new(LedgerAvailability::default()),
            pause_signal: Arc::new(PauseSignal::new()),
            watchdog: Watchdog::start(lanes + 1, config.event_deadline)?,
            retries: Arc::new(Retries { distances: config.retries.clone(), claim }),
            streaks: Arc::new(Mutex::new(DeadLetterStreaks::limited_to(config.pause_after_dead_letters))),
            batch_events: config.batch_events,
            shutdown,
            drain_cutoff: CancellationToken::new(),
            fatal: FatalSignal::default(),
        })
    }

    /// What is told at this instant.
    async fn figures(&self, now: Instant) -> Registry {
        self.metrics.ledger_unavailable.set(i64::from(self.availability.outage().is_some()));
        self.metrics.consumption_paused.set(i64::from(self.pause_signal.is_paused()));
        self.metrics.queue.read(&self.queue).await;
        if self.availability.outage().is_none() {
            self.metrics.ledger.read(&self.ledger).await;
        }
        self.metrics.ledger.forget_stale(now);
        self.metrics.registry.clone()
    }
}

/// The ledger may be away at the start: that is waited out. A wrong schema is not, and neither is a key that is missing:
/// without it the next bodies would be stored as they are. `false`: told to stop.
/// Whether consumption is paused must be known, too, before anything is received.
async fn wait_for_schema(lanes: &Lanes) -> anyhow::Result<bool> {
    loop {
        let checked = async {
            lanes.ledger.check_schema().await?;
            lanes.ledger.check_body_keys().await?;
            lanes.ledger.lasting_pause().await
        };
        match checked.await {
            Ok(pause) => {
                lanes.availability.record_answer();
                lanes.set_pause(pause);
                return Ok(true);
            }
            Err(error)
                if error.is_fatal()
                    || matches!(error, LedgerError::Schema(_) | LedgerError::KeyMissing { .. }) =>
            {
                return Err(error.into());
            }
            Err(error) => lanes.availability.record_outage(&error.to_string()),
        }
        if !lanes.rest(SCHEMA_POLL).await {
            return Ok(false);
        }
    }
}

impl Probes for Lanes {
    fn ready(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.shutdown.is_cancelled() {
            return Err("stopping".into());
        }
        if let Some(why) = self.availability.outage() {
            return Err(why.into());
        }
        Ok(self.queue.health()?)
    }

    async fn registry(&self) -> Registry {
        self.figures(Instant::now()).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ledger::LedgerConfig;
    use shared::env::Env;
    use shared::queue::QueueConfig;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_outage_ends_the_figures_about_the_last_minutes_and_keeps_the_others() {
        let folder = std::env::temp_dir().join(format!("tidegate-{}", shared::trace::random_hex::<8>()));
        let file = |name: &str| format!("sqlite:{}", folder.join(name).display());
        let env = Env::of(&[("DATABASE_URL", &file("ledger.db")), ("QUEUE_URL", &file("queue.db"))]);
        let config = WorkerConfig::from_env(&env).unwrap();
        let ledger = Ledger::open(&LedgerConfig::from_env(&env).unwrap()).await.unwrap();
        ledger.migrate().await.unwrap();
        let queue = Queue::open(QueueConfig::from_env(&env).unwrap(), config.role()).await.unwrap();
        let lanes = Lanes::of(&config, 1, queue.clone(), ledger.clone(), CancellationToken::new()).unwrap();
        let begun = Instant::now();
        let told = async |after: Duration| {
            let families = lanes.figures(begun + after).await.gather();
            families.iter().map(|family| family.name().to_owned()).collect::<BTreeSet<_>>()
        };
        let (recent, lasting) = ("tidegate_payments_refunded", "tidegate_disputes_overdue");
        assert!(told(Duration::ZERO).await.contains(recent));
        lanes.availability.record_outage("gone");
        assert!(told(Duration::from_secs(59)).await.contains(recent), "for a minute they are true enough");
        let later = told(Duration::from_mins(5)).await;
        assert!(!later.contains(recent) && later.contains(lasting), "{later:?}");
        queue.close().await;
        ledger.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }
}
