//! Histories of deliveries to a cluster of three nodes of RabbitMQ, while a nemesis that a seed decides cuts, stops,
//! kills, fills and misleads its nodes. Many clients deliver events of their own, and some never ask again: what was
//! answered 200 is in the ledger once when everything has healed, and what was not may be there, once.
//! `scripts/nemesis` plays as many as one likes.

mod clients;
mod heal;
mod history;
mod liar;
mod strikes;
mod table;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use harness::client::Balancer;
use harness::cluster::{Cluster, Ground};
use harness::oracle::{Verdict, judge};
use harness::postgres::Postgres;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use shared::env::{Env, Variable};
use stripe_sim::Random;

use self::clients::Clients;
use self::history::History;
use self::strikes::Nemesis;
use self::table::{Row, Table};

const SECONDS: Variable = Variable {
    name: "NEMESIS_SECS",
    default: "60",
    example: "3600",
    help: "How long histories are played: each nemesis in turn, again and again; each once at least.",
};
const LENGTH: Variable = Variable {
    name: "NEMESIS_HISTORY_SECS",
    default: "40",
    example: "120",
    help: "How long one history is, until it heals.",
};
const RATE: Variable = Variable {
    name: "NEMESIS_RATE",
    default: "100",
    example: "1000",
    help: "How many deliveries are begun per second, at most.",
};
const NAMES: Variable = Variable {
    name: "NEMESIS_NAMES",
    default: "all",
    example: "bridge,one-way",
    help: "Which of them, between commas, or all.",
};
const SEED: Variable =
    Variable { name: "NEMESIS_SEED", default: "", example: "42", help: "Repeats the choices of a run." };
const KEEP: Variable = Variable {
    name: "NEMESIS_KEEP",
    default: "",
    example: "target/nemesis",
    help: "The folder in which every history is kept as JSON lines; else only those that went wrong are shown.",
};

const LIES: Variable = Variable {
    name: "NEMESIS_LIES",
    default: "",
    example: "1",
    help: "Answers 200 before the broker confirms: now events must be lost, or the oracle is blind.",
};

const NODES: usize = 3;
/// What everything that was accepted may take to reach the ledger when the last fault is over.
const PATIENCE: Duration = Duration::from_secs(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "plays for minutes: scripts/nemesis"]
async fn whatever_befalls_the_nodes_what_was_accepted_is_there_once() {
    let env = Env::of_process();
    let seconds = env.seconds(&SECONDS, 1..=86_400).unwrap();
    let length = env.seconds(&LENGTH, 10..=3_600).unwrap();
    let rate = env.number::<u64>(&RATE, 1..=20_000).unwrap();
    let names = env.parse(&NAMES, Nemesis::read_all).unwrap();
    let seed = env.given(SEED.name).map_or_else(Random::new_seed, |text| text.parse().expect("a number"));
    println!("NEMESIS_SEED={seed}");
    let begun = Instant::now();
    let mut table = Table::default();
    let mut turn = 0;
    while turn == 0 || begun.elapsed() < seconds {
        // Those that stand on the same ground share a cluster, each with a queue of its own.
        for ground in [Ground::Plain, Ground::Clocks, Ground::Disks] {
            let here: Vec<Nemesis> = names.iter().copied().filter(|name| name.ground() == ground).collect();
            if here.is_empty() || turn > 0 && begun.elapsed() > seconds {
                continue;
            }
            let mut cluster = Cluster::start_on(ground, NODES, 0).await.unwrap();
            for nemesis in here {
                if turn > 0 && begun.elapsed() > seconds {
                    break;
                }
                let random = Random::of_sequence(seed, turn * 100 + nemesis as u64);
                println!("{}: {}", nemesis.name(), nemesis.meaning());
                let played = play(&mut cluster, nemesis, length, rate, random).await;
                let row = played.with_context(|| format!("{}, seed {seed}", nemesis.name()));
                let row = row.with_context(|| cluster.logs()).unwrap();
                println!("{row}");
                table.add(row);
            }
        }
        turn += 1;
    }
    println!("{table}");
    if env.given(LIES.name).is_some() {
        assert!(table.lost() > 0, "seed {seed}: the oracle is blind, or no strike hit a delivery");
        return;
    }
    let failures = table.failures();
    assert!(failures.is_empty(), "seed {seed}\n{failures}");
}

/// One history, on a queue and a ledger of its own, with two gateways and two workers that nobody restarts.
async fn play(
    cluster: &mut Cluster,
    nemesis: Nemesis,
    length: Duration,
    rate: u64,
    mut random: Random,
) -> anyhow::Result<Row> {
    let url = cluster.vhost("nemesis", &[0, 1, 2]).await?;
    let postgres = Postgres::shared().await;
    let mut stack = Stack::prepare_at(Combination::RabbitPostgres, &[], url.clone(), Some(postgres)).await?;
    let second = stack.add("gateway-2");
    stack.begin().await?;
    stack.spawn("gateway-2")?;
    stack.wait_until_ready("gateway-2").await?;
    ensure!(cluster.copies(&url, "events").await? == (NODES, NODES), "`events` has a copy on each node");

    let mut gateways = [stack.gateway(), second];
    if Env::of_process().given(LIES.name).is_some() {
        for gateway in &mut gateways {
            *gateway = liar::before(*gateway).await?;
        }
    }
    let gateways = Balancer::over(&gateways);
    let clients = Clients::begin(random.number(), rate, &gateways, stack.secret());
    let strikes = nemesis.strike(cluster, length, &mut random, clients.clock()).await?;
    let restarted = heal::heal(cluster, &url).await?;
    let history = clients.end(strikes).await?;

    let healed = Instant::now();
    let mut verdict = Verdict::default();
    let settled = until("an empty queue and a right ledger", PATIENCE, async || {
        if stack.waiting().await? > 0 {
            return Ok(false);
        }
        verdict = verdict_of(&stack, &history).await?;
        Ok(verdict.is_good())
    });
    let settled = settled.await;
    let drained = healed.elapsed();
    for name in ["gateway", "gateway-2", "worker-1", "worker-2"] {
        ensure!(stack.runs(name), "{name} has ended by itself");
    }
    keep(&history, nemesis, stack.ledger().events().await?.as_slice())?;
    if let Err(error) = settled {
        verdict = verdict_of(&stack, &history).await?;
        println!("{error:#}\n{verdict}\n{}\n{}", stack.logs(), history.shown(&verdict.lost));
        let left = stack.waiting().await?;
        stack.abandon();
        return Ok(Row::of(nemesis, &history, &verdict, restarted, drained).unsettled(left));
    }
    stack.halt().await;
    verdict = verdict_of(&stack, &history).await?;
    Ok(Row::of(nemesis, &history, &verdict, restarted, drained))
}

/// By what was answered, and by what the events that are there say together.
async fn verdict_of(stack: &Stack, history: &History) -> anyhow::Result<Verdict> {
    let there = stack.ledger().events().await?;
    let truth = history.truth_of(there.iter().map(|row| row.id.as_str()));
    judge(stack.ledger(), &history.log, &truth).await
}

fn keep(history: &History, nemesis: Nemesis, handled: &[harness::ledger::EventRow]) -> anyhow::Result<()> {
    let Some(folder) = Env::of_process().given(KEEP.name).map(PathBuf::from) else { return Ok(()) };
    std::fs::create_dir_all(&folder)?;
    let number = std::fs::read_dir(&folder)?.count();
    let file = folder.join(format!("{number:04}-{}.jsonl", nemesis.name()));
    std::fs::write(&file, history.lines(handled))?;
    println!("    kept in {}", file.display());
    Ok(())
}
