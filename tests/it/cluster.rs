//! A cluster of three nodes of RabbitMQ, under load, with nodes that die, are cut off, restart, come and go:
//! nothing is lost or doubled, a single failure is over within ten seconds, and nobody restarts our processes.
//! `scripts/cluster` runs every fault and prints the table.

mod fault;
mod table;

use std::time::Duration;

use anyhow::{Context, ensure};
use harness::cluster::Cluster;
use harness::oracle::judge;
use harness::postgres::Postgres;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use shared::env::{Env, Variable};
use stripe_sim::Random;

use self::fault::Fault;
use self::table::{Row, Table};
use crate::kill_loops::Load;

const FAULTS: Variable = Variable {
    name: "CLUSTER_FAULTS",
    default: "kill-leader,kill-all",
    example: "all",
    help: "Which faults, between commas, or all.",
};
const SECONDS: Variable = Variable {
    name: "CLUSTER_SECS",
    default: "10",
    example: "60",
    help: "How long each fault is under load, at least.",
};
const RATE: Variable = Variable {
    name: "CLUSTER_RATE",
    default: "150",
    example: "1000",
    help: "How many events are sent per second, at most.",
};
const TABLE: Variable = Variable {
    name: "CLUSTER_TABLE",
    default: "",
    example: "cluster.md",
    help: "Where the table is written to, as Markdown.",
};

const NODES: usize = 3;
/// What a single failure may cost.
const LONGEST_GAP: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_node_dies_or_is_cut_off_nothing_is_lost_and_all_recover_by_themselves() {
    let env = Env::of_process();
    let faults = env.parse(&FAULTS, Fault::read_all).unwrap();
    let seconds = env.seconds(&SECONDS, 1..=3_600).unwrap();
    let rate = env.number::<u64>(&RATE, 1..=20_000).unwrap();
    let further = usize::from(faults.contains(&Fault::Membership));
    let mut cluster = Cluster::start(NODES, further).await.unwrap();
    let mut table = Table::default();
    for fault in faults {
        println!("{}: {}", fault.name(), fault.meaning());
        let row = strike(&mut cluster, fault, seconds, rate).await;
        let row = row.with_context(|| format!("{}\n{}", fault.name(), cluster.logs())).unwrap();
        println!("{row}");
        table.rows.push(row);
    }
    println!("{}", table.markdown());
    if let Some(path) = env.given(TABLE.name) {
        std::fs::write(path, table.markdown()).unwrap();
    }
    let failures = table.failures(LONGEST_GAP);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// One fault, on a queue and a ledger of its own.
async fn strike(cluster: &mut Cluster, fault: Fault, seconds: Duration, rate: u64) -> anyhow::Result<Row> {
    let nodes: Vec<usize> = (0..cluster.size()).collect();
    let url = cluster.vhost("cluster", &nodes).await?;
    let postgres = Postgres::shared().await;
    let mut stack = Stack::prepare_at(Combination::RabbitPostgres, &[], url.clone(), Some(postgres)).await?;
    stack.begin().await?;
    ensure!(cluster.copies(&url, "events").await? == (NODES, NODES), "`events` has a copy on each node");
    let seed = Random::new_seed();
    let load = Load::begin(seed, rate, || stack.client());
    // Some load before, some while it lasts, and some after.
    tokio::time::sleep(seconds / 4).await;
    fault.strike(cluster, &url, seconds / 2).await.context("the fault itself")?;
    tokio::time::sleep(seconds / 4).await;
    let (log, truth) = load.end().await.with_context(|| stack.logs())?;
    cluster.is_whole(&url).await?;
    let mut verdict = judge(stack.ledger(), &log, &truth).await?;
    let settled = until("an empty queue and a right ledger", PATIENCE, async || {
        if stack.waiting().await? > 0 {
            return Ok(false);
        }
        verdict = judge(stack.ledger(), &log, &truth).await?;
        Ok(verdict.is_good())
    });
    if let Err(error) = settled.await {
        println!("{error:#}\n{verdict}\n{}", stack.logs());
    } else if fault.is_single() && log.longest_gap() > LONGEST_GAP / 2 {
        println!("a long gap\n{}\n{}", stack.logs(), cluster.logs());
    }
    let mut redelivered = 0;
    for name in ["worker-1", "worker-2"] {
        ensure!(stack.runs(name), "{name} has ended by itself");
        redelivered += counter(&stack.metrics(name).await?, "tidegate_events_redelivered_total");
    }
    ensure!(stack.runs("gateway"), "the gateway has ended by itself");
    if verdict.is_good() {
        stack.halt().await;
    } else {
        stack.abandon();
    }
    Ok(Row::of(fault, &log, &verdict, redelivered))
}

/// The value of a metric without labels.
fn counter(page: &str, name: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    line.unwrap_or_default()
}

/// Two nodes that do not know each other yet would hold one copy each of whatever is declared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_are_not_declared_before_the_nodes_of_the_address_are_one_cluster() {
    use shared::queue::rabbitmq::topology::{NewQueues, TopologyError, declare};
    let broker = harness::broker::Broker::shared().await;
    let other = harness::broker::Broker::start().await.unwrap();
    let url = broker.vhost("two").await.unwrap();
    let vhost = url.rsplit('/').next().unwrap();
    other.api(hyper::Method::PUT, &format!("/api/vhosts/{vhost}"), "{}").await.unwrap();
    let port = |url: &str| url.rsplit_once(':').unwrap().1.split('/').next().unwrap().to_owned();
    let (here, there, nobody) = (port(&url), port(&other.url()), harness::ports::free_port());
    let both = format!("amqp://guest:guest@127.0.0.1:{here},127.0.0.1:{there}/{vhost}");
    let refused = declare(&both, NewQueues::UseAtOnce).await.expect_err("two brokers are no cluster");
    assert!(matches!(refused, TopologyError::NotWhole(_)), "{refused}");
    assert!(refused.to_string().contains("belongs to another cluster"), "{refused}");
    let lame = format!("amqp://guest:guest@127.0.0.1:{here},127.0.0.1:{nobody}/{vhost}");
    let refused = declare(&lame, NewQueues::UseAtOnce).await.expect_err("one of two nodes is away");
    assert!(refused.to_string().contains("connection refused"), "{refused}");
    declare(&url, NewQueues::UseAtOnce).await.unwrap();
    declare(&lame, NewQueues::UseAtOnce).await.expect("what stands already is only looked at");
}
