//! Measures Tidegate beside the physical limit, in the same run, because absolute figures drift on shared machines.
//! Every comparison runs its contestants in turn, A B A B, and speaks of medians.

#![expect(unreachable_pub, reason = "a binary exports nothing; `pub` says what a module offers the others")]

mod events;
mod gateway;
mod instructions;
mod load;
mod measure;
mod report;
mod scale;
mod whole;
mod worker;

use clap::{Parser, Subcommand};

use crate::gateway::alternatives::{self, Alternative};
use crate::instructions::Loop;
use crate::report::{Options, Section, text};
use crate::worker::toy::Toy;

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
    /// Intake: against raw publishing, a bare server and raw SQLite; latency, flushes, memory, start
    Gateway(Options),
    /// The worker with all rules: against raw inserts of the same bytes, batches of one, and toy rules
    Worker(Options),
    /// Everything together: against one transaction an event in the handler; latency at a constant rate
    EndToEnd(Options),
    /// Growth: ever more waiting in the queue, ever more events in the ledger
    Scale(Options),
    /// Instructions of one gateway request and one applied event, by callgrind
    Instructions(Options),
    /// One of the servers that others are held against; for the bench itself
    #[command(hide = true)]
    Serve { alternative: Alternative },
    /// What many would write instead of a worker; for the bench itself
    #[command(hide = true)]
    Toy { toy: Toy },
    /// A loop to count the instructions of; for the bench itself
    #[command(hide = true)]
    Loop { which: Loop, times: usize, of: usize },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (options, sections): (Options, Vec<Section>) = match Arguments::parse().command {
        Command::Gateway(options) => {
            let sections = gateway::run(&options).await?;
            (options, sections)
        }
        Command::Worker(options) => {
            let sections = worker::run(&options).await?;
            (options, sections)
        }
        Command::EndToEnd(options) => {
            let sections = whole::run(&options).await?;
            (options, sections)
        }
        Command::Scale(options) => {
            let sections = scale::run(&options).await?;
            (options, sections)
        }
        Command::Instructions(options) => {
            let sections = instructions::section(&options)?;
            (options, sections)
        }
        Command::Loop { which, times, of } => return instructions::run(which, times, of).await,
        Command::Toy { toy } => return worker::toy::run(toy).await,
        Command::Serve { alternative } => return alternatives::serve(alternative).await,
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&sections)?);
    } else {
        print!("{}", text::write(&sections));
    }
    Ok(())
}
