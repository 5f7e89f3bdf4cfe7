//! A flood of refused signatures is slowed down, and nobody else is: not from another address, nor from the
//! same one, which may be that of a proxy in front.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use harness::process_guard::until;
use tokio::task::JoinSet;

use crate::in_process_gateway::{Edge, PATH, event, signed, signed_by};
use crate::raw_http::{Raw, post};

const PATIENCE: Duration = Duration::from_secs(30);
const OTHER_SECRET: &str = "whsec_9876543210abcdefGHIJ";
const FREE: u32 = 20;
const DELAY_SECS: u32 = 2;
const FLOODERS: u32 = 40;
const GOOD: usize = 150;
/// Large enough that each refused one costs more than each good one.
const FORGED_BYTES: usize = 200_000;

async fn slowed() -> Edge {
    Edge::start_with(&[
        ("GATEWAY_REFUSALS_PER_MINUTE", &FREE.to_string()),
        ("GATEWAY_REFUSAL_DELAY_SECS", &DELAY_SECS.to_string()),
    ])
    .await
}

/// Senders from this address, each with its next forgery as soon as the one before is answered.
struct Flood {
    senders: JoinSet<()>,
    refused: Arc<AtomicU32>,
    ended: Arc<AtomicBool>,
}

impl Flood {
    fn from(address: Ipv4Addr, gateway: SocketAddr) -> Self {
        let (refused, ended) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
        let body = event("evt_forged", FORGED_BYTES);
        let request: Arc<[u8]> = post(PATH, &[&signed_by(OTHER_SECRET, &body)], &body).into();
        let mut senders = JoinSet::new();
        for _ in 0..FLOODERS {
            let (refused, ended, request) = (Arc::clone(&refused), Arc::clone(&ended), Arc::clone(&request));
            senders.spawn(async move {
                while !ended.load(Ordering::Relaxed) {
                    let mut raw = Raw::open_from(address, gateway).await;
                    assert_eq!(raw.exchange(&request).await.status, 400);
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Self { senders, refused, ended }
    }

    fn refused(&self) -> u32 {
        self.refused.load(Ordering::Relaxed)
    }

    async fn end(mut self) {
        self.ended.store(true, Ordering::Relaxed);
        while let Some(ended) = self.senders.join_next().await {
            ended.expect("a forger gets its answer");
        }
    }
}

/// Sends good events, each on a new connection, as a proxy may; how long the slowest answer took.
async fn slowest_of_good(edge: &Edge, from: Ipv4Addr) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in 0..GOOD {
        let body = event(&format!("evt_{number}"), 1_000);
        let request = post(PATH, &[&signed(&body)], &body);
        let began = Instant::now();
        assert_eq!(Raw::open_from(from, edge.address).await.exchange(&request).await.status, 200);
        slowest = slowest.max(began.elapsed());
    }
    slowest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_refused_signatures_is_slowed_down_and_good_senders_are_not() {
    let edge = slowed().await;
    let (stranger, us) = (Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::LOCALHOST);
    for good_from in [us, stranger] {
        let flood = Flood::from(stranger, edge.address);
        until("the flood to be slowed down", PATIENCE, async || {
            Ok(edge.metric("tidegate_refusals_waiting").await > f64::from(FLOODERS) - 0.5)
        })
        .await
        .unwrap();
        let (before, began) = (flood.refused(), Instant::now());
        let slowest = slowest_of_good(&edge, good_from).await;
        let (refused, took) = (flood.refused() - before, began.elapsed());
        let delay = Duration::from_secs(DELAY_SECS.into());
        assert!(slowest < delay, "{good_from}: a good event is not kept waiting: {slowest:?}");
        let rounds = u32::try_from(took.as_secs()).unwrap() / DELAY_SECS + 2;
        eprintln!(
            "{good_from}: {GOOD} good events in {took:?}, slowest {slowest:?}; {refused} refused beside them"
        );
        assert!(refused <= FLOODERS * rounds, "{refused} were refused in {took:?}");
        flood.end().await;
    }
    let late = edge.metric("tidegate_refusals_slowed_total{answer=\"late\"}").await;
    let all = "tidegate_signature_refusals_total{endpoint=\"default\",reason=\"wrong_mac\"}";
    let all = edge.metric(all).await;
    assert!(late >= f64::from(FLOODERS) && late <= all - f64::from(FREE) + 0.5, "{late} of {all} were late");
    assert!(edge.metric("tidegate_refusals_waiting").await < 0.5, "none waits any more");
    assert!(edge.metric("tidegate_bodies_bytes").await < 0.5, "who waits holds no body");
    edge.end().await.unwrap();
}

#[tokio::test]
async fn late_answers_take_no_more_than_a_quarter_of_the_connections() {
    let edge = Edge::start_with(&[
        ("GATEWAY_REFUSALS_PER_MINUTE", "1"),
        ("GATEWAY_REFUSAL_DELAY_SECS", "10"),
        ("GATEWAY_LIMIT_CONNECTIONS", "8"),
    ])
    .await;
    let mut late = Vec::new();
    assert_eq!(Raw::open(edge.address).await.exchange(post(PATH, &[], b"{}")).await.status, 400, "is free");
    for _ in 0..2 {
        let mut raw = Raw::open(edge.address).await;
        raw.send(post(PATH, &[], b"{}")).await;
        late.push(raw);
    }
    until("two to wait", PATIENCE, async || Ok(edge.metric("tidegate_refusals_waiting").await > 1.5))
        .await
        .unwrap();
    let began = Instant::now();
    assert_eq!(Raw::open(edge.address).await.exchange(post(PATH, &[], b"{}")).await.status, 400);
    assert!(began.elapsed() < Duration::from_secs(5), "the third is answered at once: {:?}", began.elapsed());
    let at_once = edge.metric("tidegate_refusals_slowed_total{answer=\"at_once\"}").await;
    assert!((at_once - 1.0).abs() < 0.5, "{at_once}");
    let body = event("evt_1", 100);
    let reply = Raw::open(edge.address).await.exchange(post(PATH, &[&signed(&body)], &body)).await;
    assert_eq!(reply.status, 200);
    drop(late);
    edge.end().await.unwrap();
}
