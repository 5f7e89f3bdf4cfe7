//! Workers that come and go with the depth of the queue, as KEDA and the pod autoscaler would have it: real
//! processes between one and six, load in waves, a random victim at each scale-in, and now and then a worker
//! that dies. `scripts/autoscale` runs it for longer and draws the plot.

mod fleet;
mod samples;

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use harness::autoscaler::{Autoscaler, Scaling, depth};
use harness::broker::Broker;
use harness::oracle::judge;
use harness::postgres::Postgres;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use shared::env::{Env, Variable};
use stripe_sim::Random;

use self::fleet::Fleet;
use self::samples::{Sample, Samples};
use crate::kill_loops::Load;

const SECONDS: Variable = Variable {
    name: "AUTOSCALE_SECS",
    default: "20",
    example: "600",
    help: "How long the load lasts; until everything is drained and scaled in, it takes longer.",
};
const RATE: Variable = Variable {
    name: "AUTOSCALE_RATE",
    default: "800",
    example: "1500",
    help: "How many events are sent per second on top of a wave, at most.",
};
const FOLDER: Variable = Variable {
    name: "AUTOSCALE_FOLDER",
    default: "",
    example: "docs",
    help: "Where `autoscale.svg` and `autoscale.json` are written to.",
};

/// So small that one worker of a test is overwhelmed by what one machine can send.
const WORKER: &[(&str, &str)] = &[("WORKER_LANES", "1"), ("WORKER_BATCH_EVENTS", "1")];
/// The broker's figures are fresh when they are asked for, as they are beside a look every 15 s.
const BROKER: (&str, &str) = ("collect_statistics_interval = 500", "-rabbit quorum_tick_interval 500");
const LOOK: Duration = Duration::from_secs(1);
/// A shorter load is one wave.
const LONGEST_WAVE: Duration = Duration::from_mins(1);
const LOW_RATE: u64 = 20;
/// What one worker may hold: the default prefetch of `events`.
const HELD_AT_MOST: u64 = 256;
const PATIENCE: Duration = Duration::from_mins(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_come_and_go_with_the_depth_of_the_queue_and_nothing_is_lost_or_delivered_in_vain() {
    let env = Env::of_process();
    let lasts = env.seconds(&SECONDS, 10..=86_400).unwrap();
    let rate = env.number::<u64>(&RATE, 50..=20_000).unwrap();
    let seed = Random::new_seed();
    let samples = run(lasts, rate, seed).await.with_context(|| format!("seed {seed}")).unwrap();
    println!("{}", samples.summary());
    if let Some(folder) = env.given(FOLDER.name) {
        samples.write(std::path::Path::new(folder)).unwrap();
    }
}

async fn run(lasts: Duration, rate: u64, seed: u64) -> anyhow::Result<Samples> {
    let broker = Broker::start_with(BROKER.0, BROKER.1).await?;
    let postgres = Postgres::shared().await;
    let prepared = Stack::prepare(Combination::RabbitPostgres, WORKER, Some(&broker), Some(postgres));
    let mut stack = prepared.await?;
    let scaling = Scaling::default();
    let mut fleet = Fleet::of(&mut stack, scaling.max);
    stack.begin_only(&["gateway", "worker-1"]).await?;
    fleet.ensure_one();
    let vhost = stack.vhost();
    let (mut random, mut autoscaler) = (Random::of_seed(seed), Autoscaler::default());
    let mut samples = Samples::default();
    let load = Load::begin(seed, LOW_RATE, || stack.client());
    let mut load = Some(load);
    let mut sent = None;
    let begun = Instant::now();
    let mut looks = tokio::time::interval(LOOK);
    let (length, mut killed_in_wave) = (lasts.min(LONGEST_WAVE), None);
    loop {
        looks.tick().await;
        let elapsed = begun.elapsed();
        let found = depth(&broker, &vhost, "events").await?;
        let wanted = autoscaler.decide(fleet.size(), found.messages, Instant::now());
        fleet.scale(&mut stack, wanted, &mut random)?;
        // On top of a wave one dies, and is started again like any container.
        let (wave, is_top) = (elapsed.as_secs() / length.as_secs(), fleet.size() >= scaling.max / 2);
        if is_top && elapsed < lasts && killed_in_wave != Some(wave) {
            killed_in_wave = Some(wave);
            fleet.kill_one(&mut stack, &mut random)?;
            samples.kills.push(elapsed.as_secs_f64());
        }
        let rate = if elapsed < lasts { wave_rate(elapsed, length, rate) } else { 1 };
        if elapsed >= lasts
            && let Some(load) = load.take()
        {
            sent = Some(tokio::spawn(load.end()));
        } else if let Some(load) = &load {
            load.set_rate(rate);
        }
        samples.all.push(Sample::of(elapsed, rate, found, fleet.size(), fleet.ending(), wanted));
        let is_over = sent.as_ref().is_some_and(tokio::task::JoinHandle::is_finished);
        if is_over && found.messages == 0 && fleet.size() == scaling.min && fleet.ending() == 0 {
            break;
        }
        ensure!(
            elapsed < lasts + PATIENCE,
            "not drained and scaled in: {:?}\n{}",
            samples.all.last(),
            stack.logs()
        );
    }
    let (log, truth) = sent.context("the load has ended")?.await??;
    let mut verdict = judge(stack.ledger(), &log, &truth).await?;
    let settled = until("a right ledger", PATIENCE, async || {
        verdict = judge(stack.ledger(), &log, &truth).await?;
        Ok(verdict.is_good())
    });
    settled.await.with_context(|| format!("{verdict}\n{}", stack.logs()))?;
    // The broker's statistics are late by a moment.
    tokio::time::sleep(LOOK * 3).await;
    samples.redelivered = depth(&broker, &vhost, "events").await?.redelivered;
    samples.events = log.entries().len();
    (samples.lost, samples.double) = (verdict.lost.len(), verdict.double.len());
    samples.ended_late = fleet.ended_late;
    let killed = u64::try_from(samples.kills.len())?;
    println!("{}", samples.summary());
    ensure!(fleet.ended_late == 0, "{} workers did not end within their grace", fleet.ended_late);
    ensure!(
        samples.redelivered <= killed * HELD_AT_MOST,
        "{} redelivered, and only {killed} workers were killed",
        samples.redelivered
    );
    ensure!(samples.most_workers() > 1, "the load was too low for a second worker");
    stack.halt().await;
    Ok(samples)
}

/// From low to high and back, once a wave.
fn wave_rate(elapsed: Duration, length: Duration, high: u64) -> u64 {
    let phase = elapsed.as_secs_f64() / length.as_secs_f64() * std::f64::consts::TAU;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1 of a rate")]
    let share = ((1.0 - phase.cos()) / 2.0 * 1_000.0) as u64;
    LOW_RATE + high.saturating_sub(LOW_RATE) * share / 1_000
}

mod formula {
    //! The autoscaler's arithmetic, as its documentation gives it.

    use super::*;

    #[test]
    fn as_many_workers_as_the_backlog_needs_within_the_bounds() {
        let scaling = Scaling::default();
        for (workers, messages, wanted) in [
            (1, 0, 1),
            (1, 500, 1),
            (1, 549, 1),
            (1, 551, 2),
            (2, 1_501, 4),
            (6, 90_000, 6),
            (6, 0, 1),
            (0, 0, 1),
        ] {
            assert_eq!(scaling.recommend(workers, messages), wanted, "{messages} for {workers}");
        }
        assert_eq!(scaling.recommend(4, 2_150), 4, "within the tolerance");
    }

    #[test]
    fn up_at_once_by_four_at_most_and_down_after_the_window() {
        let (mut autoscaler, now) = (Autoscaler::default(), Instant::now());
        assert_eq!(autoscaler.decide(1, 90_000, now), 5);
        assert_eq!(autoscaler.decide(5, 90_000, now), 6);
        let window = autoscaler.scaling.window;
        assert_eq!(autoscaler.decide(6, 0, now + window), 6);
        assert_eq!(autoscaler.decide(6, 0, now + window + LOOK), 1);
    }

    #[test]
    fn a_wave_begins_and_ends_low() {
        assert_eq!(wave_rate(Duration::ZERO, LOOK, 1_000), LOW_RATE);
        assert!(wave_rate(LOOK / 2, LOOK, 1_000) > 990);
        assert_eq!(wave_rate(LOOK, LOOK, 1_000), LOW_RATE);
    }
}
