//! More idle connections than the gateway lets in, from several addresses: those beyond the limit are told so and closed,
//! the others stay, and webhooks come through again as soon as some are free.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use harness::client::Answer;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use harness::stories::Stories;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shared::env::{Env, Variable};

use super::samples::Process;
use crate::raw_http::Raw;

const CONNECTIONS: Variable = Variable {
    name: "SOAK_CONNECTIONS",
    default: "200",
    example: "100000",
    help: "How many connections the gateway lets in; some more are opened. The limit on open files bounds it.",
};
const BEYOND: usize = 50;
/// A port is used once for each address of ours.
const OF_ONE_ADDRESS: usize = 10_000;
const PATIENCE: Duration = Duration::from_mins(1);
/// As `gateway_limits` holds it, and as much again for what else one process does.
const EACH_LIMIT_KIB: usize = 40;
const ALONE_LIMIT_KIB: usize = 200_000;

#[tokio::test]
async fn connections_beyond_the_limit_are_told_and_webhooks_come_through_when_one_is_free() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("a soft limit may be raised");
    let wanted = Env::of_process().number::<usize>(&CONNECTIONS, 10..=1_000_000).unwrap();
    let files = maximum.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    let limit = wanted.min(files.saturating_sub(2_000)).max(10);
    let settings =
        [("GATEWAY_LIMIT_CONNECTIONS", limit.to_string()), ("GATEWAY_HEADER_DEADLINE_SECS", "60".to_owned())];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut stack = Stack::start_with(Combination::SqliteSqlite, &settings).await;
    let id = stack.process_id("tidegate").unwrap();
    let (before, begun) = (Process::of(id).unwrap(), Instant::now());
    let mut idle = Vec::with_capacity(limit);
    for number in 0..limit {
        idle.push(Raw::open_from(address(number), stack.gateway()).await);
    }
    until("all connections to be let in", PATIENCE, async || {
        let page = stack.metrics("tidegate").await?;
        Ok(page.contains(&format!("tidegate_connections_open {limit}\n")))
    })
    .await
    .unwrap();
    let full = Process::of(id).unwrap();
    println!(
        "{limit} of {wanted} connections wanted, the limit on open files is {files}: open after {:.1} s; {} MiB before, {} MiB then, {} open files",
        begun.elapsed().as_secs_f64(),
        before.rss_kib >> 10,
        full.rss_kib >> 10,
        full.files,
    );
    let rss_limit_kib = ALONE_LIMIT_KIB + EACH_LIMIT_KIB * limit;
    assert!(full.rss_kib < rss_limit_kib as u64, "{} KiB for {limit} connections", full.rss_kib);

    for number in 0..BEYOND {
        let mut one_more = Raw::open_from(address(limit + number), stack.gateway()).await;
        let reply = one_more.reply().await.expect("an answer without a request");
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("5")));
        assert!(one_more.reads_end().await);
    }
    let event = Stories::of_seed(1).succeeded_payment();
    let mut client = stack.client();
    assert!(!client.send(&event.body).await.accepted(), "there is no room for one more");

    drop(idle.split_off(limit - 5));
    until("a webhook to come through", PATIENCE, async || {
        Ok(client.send(&event.body).await == Answer::Status(200))
    })
    .await
    .unwrap();
    drop(idle);
    until("the connections to be gone", PATIENCE, async || Ok(Process::of(id)?.files < before.files + 100))
        .await
        .unwrap();
    println!(
        "{BEYOND} beyond were answered 503; {} MiB once all are gone",
        Process::of(id).unwrap().rss_kib >> 10
    );
    stack.ledger().has_handled(1, PATIENCE).await.unwrap();
    stack.end().await;
}

fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, u8::try_from(2 + number / OF_ONE_ADDRESS).unwrap_or(255))
}
