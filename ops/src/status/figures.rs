//! The data of `tidegate status`, read from ledger, queue, gateway and worker at the same time. An unreachable
//! one does not hide the others.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use ledger::tables::checkout_closings::Closing;
use ledger::tables::pauses::Pause;
use ledger::views::gauges::NamedOnly;
use ledger::views::search::Whose;
use ledger::views::status_queries::{DeadCause, Intake, Recent, Retries};
use ledger::{Ledger, LedgerConfig, LedgerError};
use serde::Serialize;
use shared::clock;
use shared::env::Env;
use shared::queue::{Queue, QueueConfig, Role};

use super::finding_lines::FindingsStatus;
use super::money_lines::{self, Money};
use crate::cli::ElsewhereOptions;
use crate::finding::Finding;
use crate::probe::{self, Process, Samples};
use crate::{clock_skew, open, stripe_account, variables};

/// Latencies, clocks and outcomes are those of so many of the newest events, at most.
const SAMPLE_EVENTS: i64 = 10_000;
const SAMPLE_SPAN: TimeDelta = TimeDelta::hours(1);
/// A screen that is painted again and again asks Stripe no oftener.
const STRIPE_FRESH: Duration = Duration::from_mins(1);

/// The part of `--json` below the lines.
#[derive(Serialize)]
pub struct Figures {
    pub ledger: Side<LedgerFigures>,
    pub queue: Side<QueueFigures>,
    pub gateway: ProcessFigures,
    pub worker: ProcessFigures,
    /// What Stripe says of the key and the endpoints, judged; in the lines, where a key is set.
    #[serde(skip)]
    pub stripe: Vec<Finding>,
    /// Our clock less the time of the last good signature, as the gateway has it.
    pub signature_age_secs: Option<f64>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub enum Side<T> {
    Answers(T),
    Away { at: String, error: String },
}

#[derive(Serialize)]
pub struct LedgerFigures {
    pub at: String,
    pub schema: i64,
    pub intake: Intake,
    pub last_event: Option<LastEvent>,
    /// Of the newest events of the last hour.
    pub sample: Sample,
    pub dead: Vec<DeadCause>,
    pub retries: Retries,
    pub named_only: Vec<NamedOnly>,
    pub uncertain: BTreeMap<&'static str, i64>,
    pub money: Money,
    pub findings: FindingsStatus,
    pub pause: Option<Pause>,
    /// Why nothing is charged, where that is so.
    pub closing: Option<Closing>,
    /// By how much the database's clock is ahead of ours; `null` where it is a file.
    pub clock_ahead_secs: Option<f64>,
}

#[derive(Serialize)]
pub struct LastEvent {
    #[serde(rename = "type")]
    pub kind: String,
    pub received_at: DateTime<Utc>,
    pub recorded_at: DateTime<Utc>,
}

#[derive(Default, Serialize)]
pub struct Sample {
    pub events: usize,
    pub outcomes: BTreeMap<String, u64>,
    /// From the gateway's receipt to the ledger's record; `null` where nothing came.
    pub latency_p50_secs: Option<f64>,
    pub latency_p95_secs: Option<f64>,
    /// The least time from Stripe's stamp, in whole seconds, to our receipt. Far below 0, our clock is behind.
    pub stripe_delay_least_secs: Option<f64>,
    pub handler_versions: Vec<i64>,
}

#[derive(Serialize)]
pub struct QueueFigures {
    pub at: String,
    /// RabbitMQ's hold 1 to 32 events each, those of a file one.
    pub ready_messages: u64,
    pub leased_messages: Option<u64>,
    pub oldest_secs: Option<f64>,
}

#[derive(Serialize)]
pub struct ProcessFigures {
    pub at: SocketAddr,
    /// `null`: nobody listens there.
    pub ready: Option<bool>,
    pub why: Option<String>,
    pub version: Option<String>,
    /// Said to run on another machine: it was not asked.
    pub elsewhere: bool,
    #[serde(skip)]
    pub samples: Samples,
}

/// What stays open from one look to the next.
pub struct Eyes {
    env: Env,
    gateway: SocketAddr,
    worker: SocketAddr,
    ledger: Option<Ledger>,
    queue: Option<Queue>,
    shown: [String; 2],
    elsewhere: [bool; 2],
    stripe: Option<(Instant, Vec<Finding>)>,
}

impl Eyes {
    pub fn open(env: &Env, elsewhere: &ElsewhereOptions) -> anyhow::Result<Self> {
        let address = |name| variables::address(env, name).map(probe::reachable);
        Ok(Self {
            gateway: address("GATEWAY_INTERNAL_ADDR")?,
            worker: address("WORKER_INTERNAL_ADDR")?,
            shown: [LedgerConfig::from_env(env)?.shown(), QueueConfig::from_env(env)?.url.shown()],
            env: env.clone(),
            ledger: None,
            queue: None,
            elsewhere: [elsewhere.is("gateway"), elsewhere.is("worker")],
            stripe: None,
        })
    }

    pub async fn look(&mut self, now: DateTime<Utc>) -> Figures {
        let Self { env, ledger, queue, shown, gateway, worker, elsewhere, stripe } = self;
        let (ledger, mut queue, stripe, gateway, worker) = tokio::join!(
            look_at_ledger(env, ledger, now),
            look_at_queue(env, queue),
            look_at_stripe(env, stripe),
            look_at_process(*gateway, elsewhere[0]),
            look_at_process(*worker, elsewhere[1]),
        );
        // A broker reports neither what it has delivered without an acknowledgement nor how old it is; the worker does.
        if let Ok(figures) = &mut queue
            && figures.leased_messages.is_none()
        {
            let told =
                |name: &'static str| worker.samples.values(name).filter(|_| worker.ready == Some(true));
            figures.leased_messages = told("tidegate_queue_leased_messages").reduce(|a, b| a + b).map(whole);
            figures.oldest_secs =
                told("tidegate_queue_oldest_seconds").reduce(f64::max).filter(|secs| *secs > 0.0);
        }
        let side = |at: &String, error: anyhow::Error| (at.clone(), format!("{error:#}"));
        Figures {
            ledger: ledger.map_or_else(|error| away(side(&shown[0], error)), Side::Answers),
            queue: queue.map_or_else(|error| away(side(&shown[1], error)), Side::Answers),
            signature_age_secs: clock_skew::signature_age_secs(&gateway.samples),
            gateway,
            worker,
            stripe,
        }
    }

    pub async fn close(self) {
        if let Some(ledger) = self.ledger {
            ledger.close().await;
        }
        if let Some(queue) = self.queue {
            queue.close().await;
        }
    }
}

fn away<T>((at, error): (String, String)) -> Side<T> {
    Side::Away { at, error }
}

async fn look_at_ledger(
    env: &Env,
    kept: &mut Option<Ledger>,
    now: DateTime<Utc>,
) -> anyhow::Result<LedgerFigures> {
    let ledger = match kept {
        Some(ledger) => ledger.clone(),
        None => kept.insert(open::patient(env).await?).clone(),
    };
    ledger.check_schema().await?;
    Ok(ask(&ledger, now).await?)
}

async fn ask(ledger: &Ledger, now: DateTime<Utc>) -> Result<LedgerFigures, LedgerError> {
    let hour = now - SAMPLE_SPAN;
    let (before, server, after) = (clock::now(), ledger.server_clock().await?, clock::now());
    let last = ledger.recent(None, 1).await?.pop();
    Ok(LedgerFigures {
        at: ledger.shown(),
        schema: ledger.schema_versions().await?.0,
        intake: ledger.intake(now - TimeDelta::minutes(1), hour, now - TimeDelta::days(1)).await?,
        last_event: last.map(|Recent { kind, received_at, recorded_at, .. }| LastEvent {
            kind,
            received_at,
            recorded_at,
        }),
        sample: Sample::of(&ledger.recent(Some(hour), SAMPLE_EVENTS).await?),
        dead: ledger.dead_causes(hour).await?,
        retries: ledger.retries().await?,
        named_only: ledger.named_only().await?,
        uncertain: ledger.read().await?.count_uncertain(&Whose::default()).await?.into_iter().collect(),
        money: Money::of(&ledger.money_status(now, now + money_lines::DUE_SOON).await?, now),
        findings: FindingsStatus::of(ledger.finding_figures(now).await?),
        pause: ledger.lasting_pause().await?,
        closing: ledger.read().await?.checkout_closing().await?,
        // The answer was on its way for half of the time.
        clock_ahead_secs: server.map(|server| secs(server - (before + (after - before) / 2))),
    })
}

async fn look_at_queue(env: &Env, kept: &mut Option<Queue>) -> anyhow::Result<QueueFigures> {
    let at = QueueConfig::from_env(env)?.url.shown();
    let queue = match kept {
        Some(queue) => queue.clone(),
        None => kept.insert(open::queue(env, Role::Look).await?.0).clone(),
    };
    let depth = queue.depth().await?;
    let oldest_secs = depth.oldest_age.map(|age: Duration| age.as_secs_f64());
    Ok(QueueFigures { at, ready_messages: depth.ready, leased_messages: depth.leased, oldest_secs })
}

async fn look_at_stripe(env: &Env, kept: &mut Option<(Instant, Vec<Finding>)>) -> Vec<Finding> {
    if let Some((at, findings)) = kept
        && at.elapsed() < STRIPE_FRESH
    {
        return findings.clone();
    }
    let asked = Box::pin(stripe_account::ask(env)).await;
    let findings = asked
        .map_or_else(Vec::new, |asked| stripe_account::judged(Some(&asked), &stripe_account::Ours::of(env)));
    kept.insert((Instant::now(), findings)).1.clone()
}

async fn look_at_process(at: SocketAddr, elsewhere: bool) -> ProcessFigures {
    let asked = if elsewhere { Process::Absent } else { probe::process(at).await };
    let (ready, why, samples) = match asked {
        Process::Absent => (None, None, Samples::default()),
        Process::Ready(samples) => (Some(true), None, samples),
        Process::NotReady(why, samples) => (Some(false), Some(why), samples),
    };
    let version = samples.label("tidegate_build_info", "version").map(str::to_owned);
    ProcessFigures { at, ready, why, version, elsewhere, samples }
}

impl Sample {
    fn of(recent: &[Recent]) -> Self {
        let mut sample = Self { events: recent.len(), ..Self::default() };
        let (mut latencies, mut delays) = (Vec::new(), Vec::new());
        for event in recent {
            *sample.outcomes.entry(event.outcome.to_string()).or_default() += 1;
            sample.handler_versions.push(event.handler_version);
            // What we fetched ourselves says nothing about Stripe's deliveries.
            if event.source == "stripe" {
                latencies.push(secs(event.recorded_at - event.received_at));
                delays.push(secs(event.received_at - event.created_at));
            }
        }
        sample.handler_versions.sort_unstable();
        sample.handler_versions.dedup();
        latencies.sort_by(f64::total_cmp);
        sample.latency_p50_secs = percentile(&latencies, 50);
        sample.latency_p95_secs = percentile(&latencies, 95);
        sample.stripe_delay_least_secs = delays.into_iter().min_by(f64::total_cmp);
        sample
    }
}

/// The least value that so many of a hundred do not exceed.
fn percentile(sorted: &[f64], of_hundred: usize) -> Option<f64> {
    let rank = (sorted.len() * of_hundred).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

fn secs(span: TimeDelta) -> f64 {
    span.as_seconds_f64()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, which is what it was")]
fn whole(count: f64) -> u64 {
    count as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        assert_eq!(percentile(&[], 95), None);
        assert_eq!(percentile(&[3.0], 50), Some(3.0));
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 95)), (Some(50.0), Some(95.0)));
    }

    #[test]
    fn a_sample_tells_latency_from_the_delay_before_us() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let event = |source: &str, delay, latency| Recent {
            kind: "invoice.paid".to_owned(),
            source: source.to_owned(),
            created_at: at,
            received_at: at + TimeDelta::seconds(delay),
            recorded_at: at + TimeDelta::seconds(delay + latency),
            outcome: domain::outcome::OutcomeKind::Applied,
            handler_version: 2,
        };
        let sample = Sample::of(&[event("stripe", 5, 1), event("stripe", 3, 2), event("backfill", -9, 90)]);
        assert_eq!((sample.latency_p50_secs, sample.latency_p95_secs), (Some(1.0), Some(2.0)));
        assert_eq!(sample.stripe_delay_least_secs, Some(3.0));
        assert_eq!((sample.outcomes["applied"], sample.handler_versions), (3, vec![2]));
    }
}
