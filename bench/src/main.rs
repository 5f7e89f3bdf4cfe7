//! Measures Tidegate beside the physical limit, in the same run, because absolute figures drift on shared machines.
//! Every comparison runs its contestants in turn, A B A B, and speaks of medians.

#![expect(unreachable_pub, reason = "a binary exports nothing; `pub` says what a module offers the others")]

mod end_to_end;
mod events;
mod gateway;
mod instructions;
mod load;
mod measure;
mod mix;
mod queue;
mod report;
mod scale;
mod worker;

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::{Parser, Subcommand};
use harness::broker::Broker;
use harness::postgres::Postgres;
use sqlx::Connection;

use crate::gateway::alternatives::{self, Alternative};
use crate::instructions::Loop;
use crate::report::document::{self, Machine};
use crate::report::{Options, Section, text};
use crate::worker::naive::Toy;

/// Measures Tidegate beside the physical limit, in the same run.
///
/// Each command starts private servers of its own (RabbitMQ and Postgres from the installed packages), lets the
/// contestants take turns, and prints what the medians are: ours, the limit, the ratio, the CPU that each process
/// took for an event, latencies, memory. Progress goes to standard error. The machine should be idle otherwise.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    version,
    after_help = "Measure a release build: cargo run --release -p bench -- gateway"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Intake beside raw publishing, bare servers and raw SQLite; latency, flushes, memory, start
    Gateway(Options),
    /// Both queues by themselves beside lapin and SQLite, and as they grow
    Queue(Options),
    /// The worker with all rules: against raw inserts of the same bytes, batches of one, and toy rules
    Worker(Options),
    /// Everything together: against one transaction an event in the handler; latency at a constant rate
    EndToEnd(Options),
    /// Growth: ever more waiting in the queue, ever more events in the ledger
    Scale(Options),
    /// A ledger of ten million events beside a small one, also at 200 a second over a whole checkpoint interval
    Growth(Options),
    /// Instructions of one gateway request and one applied event, by callgrind
    Instructions(Options),
    /// Everything, and writes docs/performance.md (unless --quick)
    All(Options),
    /// Which indexes keep Postgres from updating rows in place
    Updates(Options),
    /// This build of the gateway, or the worker, or all at a constant rate, beside another: whether a change helps
    Against {
        part: Part,
        /// A folder with the binaries of another commit, of the same profile
        folder: PathBuf,
        #[command(flatten)]
        options: Options,
    },
    /// One of the servers that others are held against; for the bench itself
    #[command(hide = true)]
    Serve { alternative: Alternative },
    /// What many would write instead of a worker; for the bench itself
    #[command(hide = true)]
    Toy { toy: Toy },
    /// A loop to count the instructions of; for the bench itself
    #[command(hide = true)]
    Loop { which: Loop, times: usize, file: PathBuf },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Part {
    Gateway,
    Worker,
    Latency,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let command = Arguments::parse().command;
    if !matches!(command, Command::Serve { .. } | Command::Toy { .. } | Command::Loop { .. }) {
        harness::binaries::binary("tidegate"); // built now if need be, and not while a clock runs
    }
    let (options, sections) = match command {
        Command::Gateway(options) => (options.clone(), gateway::run(&options).await?),
        Command::Queue(options) => (options.clone(), queue::run(&options).await?),
        Command::Worker(options) => (options.clone(), worker::run(&options).await?),
        Command::EndToEnd(options) => (options.clone(), end_to_end::run(&options).await?),
        Command::Scale(options) => (options.clone(), scale::run(&options).await?),
        Command::Growth(options) => (options.clone(), scale::growth::run(&options).await?),
        Command::Instructions(options) => (options.clone(), instructions::section(&options)?),
        Command::Updates(options) => (options.clone(), worker::updates::run(&options).await?),
        Command::All(options) => (options.clone(), all(&options).await?),
        Command::Against { part: Part::Gateway, folder, options } => {
            (options.clone(), gateway::compare_builds::run(&options, &folder).await?)
        }
        Command::Against { part: Part::Worker, folder, options } => {
            (options.clone(), worker::compare_builds::run(&options, &folder).await?)
        }
        Command::Against { part: Part::Latency, folder, options } => {
            (options.clone(), end_to_end::compare_builds::run(&options, &folder).await?)
        }
        Command::Toy { toy } => return worker::naive::run(toy).await,
        Command::Loop { which, times, file } => return instructions::run(which, times, &file).await,
        Command::Serve { alternative } => return alternatives::serve(alternative).await,
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&sections)?);
    } else {
        print!("{}", text::write(&sections));
    }
    Ok(())
}

async fn all(options: &Options) -> anyhow::Result<Vec<Section>> {
    ensure!(options.quick || !cfg!(debug_assertions), "figures worth keeping come from a release build");
    let (mut sections, mut failures) = (Vec::new(), Vec::new());
    let mut take = |name, measured: anyhow::Result<Vec<Section>>| match measured {
        Ok(measured) => sections.extend(measured),
        Err(error) => {
            eprintln!("{name} failed, and the others go on: {error:#}");
            failures.push(name);
        }
    };
    take("gateway", gateway::run(options).await);
    take("queue", queue::run(options).await);
    take("worker", worker::run(options).await);
    take("end-to-end", end_to_end::run(options).await);
    take("scale", scale::run(options).await);
    take("instructions", instructions::section(options));
    if !failures.is_empty() {
        print!("{}", text::write(&sections));
        bail!("{} failed; docs/performance.md stays as it is", failures.join(", "));
    }
    if !options.quick {
        document::write(&machine().await?, &sections)?;
        eprintln!("docs/performance.md is written");
    }
    Ok(sections)
}

async fn machine() -> anyhow::Result<Machine> {
    let overview = Broker::shared().await.api(hyper::Method::GET, "/api/overview", "").await?;
    let overview: serde_json::Value = serde_json::from_slice(&overview)?;
    let rabbitmq = overview["rabbitmq_version"].as_str().context("a broker says its version")?;
    let url = Postgres::shared().await.database("version").await?;
    let mut connection = sqlx::PgConnection::connect(&url).await?;
    let postgres: String = sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(Machine::here(rabbitmq.to_owned(), postgres))
}
