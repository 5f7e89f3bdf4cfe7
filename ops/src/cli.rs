//! The command line: its commands, their options, and the help that teaches them.

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::configuration;

const HELP: &str = "\
{about}

Usage: tidegate [COMMAND]

Run
  up            Gateway and worker in one process; what `tidegate` alone does
  gateway       Only the gateway: takes webhooks in, makes them durable, answers
  worker        Only the worker: turns queued events into the ledger
  migrate       Bring the ledger's schema up to date
  rebuild       Make the ledger again from its events, and compare
  topology      Declare RabbitMQ's queues and exchanges, or check them

Look
  events        List stored events, or show one
  trace         What became of one event: received, applied, what it changed
  show          An invoice or a payment, with its history
  queue         How much waits in the queue
  env           Every environment variable, and what is set now

Try
  send          Send signed sample events to a gateway on this machine

Options
  -h, --help     Print help; `tidegate help COMMAND` says more
  -V, --version  Print version{after-help}";

const EXAMPLES: &str = "\
Examples
  tidegate                                   everything, in this folder's data/
  tidegate send dispute-lost                 an invoice that is paid, disputed and lost
  tidegate events list --type 'invoice.*' --since 1h
  tidegate trace evt_1PgafuB7WZ01zgkWXYmPNZs8
  tidegate show invoice in_1PgafuB7WZ01zgkWXYmPNZs8

Configuration comes from the environment alone; `tidegate env` lists it.
Exit codes: 0 done, 1 failed or not found, 2 called or configured wrongly.";

#[derive(Parser)]
#[command(
    name = "tidegate",
    version,
    about = "Tidegate takes Stripe's webhooks in, loses none, and keeps a ledger of what they say.",
    help_template = HELP,
    after_help = EXAMPLES,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run gateway and worker in one process; what `tidegate` alone does
    ///
    /// With nothing configured, everything lives in `data/` below the current folder: the queue, the ledger
    /// and a signing secret for development. Ctrl-C or SIGTERM stops it: the gateway first, then the worker.
    Up,
    /// Run only the gateway
    Gateway,
    /// Run only the worker
    Worker,
    /// Bring the ledger's schema up to date
    Migrate(Shape),
    /// Make the ledger again from its stored events, and compare
    ///
    /// All events are folded in memory, in random order, with the decisions of staff, and compared with every
    /// row of the ledger. Nothing is written unless --yes is given. Run it as a drill, after a new version or
    /// another policy came into force, and after a disaster. Exit code 1: they differ.
    Rebuild(crate::rebuild::RebuildOptions),
    /// Declare RabbitMQ's queues and exchanges
    Topology(TopologyOptions),
    /// Show how much waits in the queue
    Queue(Shape),
    /// List every environment variable, its default, and what is set now
    ///
    /// Values of secrets are never shown, and addresses only without user and password.
    Env(EnvOptions),
    /// Send signed sample events to a gateway on this machine
    Send(SendOptions),
    /// List stored events, or show one
    #[command(subcommand)]
    Events(EventsCommand),
    /// Show an invoice or a payment, with its history
    #[command(subcommand)]
    Show(Subject),
    /// Show what became of one event
    Trace(TraceOptions),
}

#[derive(Args)]
pub struct Shape {
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct TopologyOptions {
    /// Change nothing; say what is missing or differs
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct EnvOptions {
    /// Print the table of the README
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate send                              one of every story
  tidegate send --list                       the stories, and the event types in them
  tidegate send charge.dispute.created       a story up to and including this event
  tidegate send retried --count 1000 --rate 200
  tidegate send --count 100 --shuffle --repeat 3   out of order, each event three times
  tidegate send --seed 7                     twice: the second run is nothing but repetitions

Events are signed with the first secret in STRIPE_WEBHOOK_SECRET, else with data/dev-webhook-secret.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct SendOptions {
    /// A story, or an event type; every story when left out
    #[arg(value_name = "WHAT")]
    pub what: Option<String>,
    /// How many stories to tell [default: 1, or one of each]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub count: Option<u64>,
    /// Send at most so many events a second
    #[arg(long, value_name = "EVENTS", value_parser = rate)]
    pub rate: Option<f64>,
    /// How many connections send at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub concurrency: u16,
    /// Send each event so many times
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub repeat: u16,
    /// Send out of order, across stories
    #[arg(long)]
    pub shuffle: bool,
    /// Make the same events as every run with this seed
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Shape the objects as this version of Stripe's API does; the other is 2024-09-30.acacia
    #[arg(long, value_name = "VERSION", value_enum, default_value_t, hide_possible_values = true)]
    pub api_version: crate::send::ApiVersion,
    /// Mark the events as live; test mode otherwise
    #[arg(long)]
    pub livemode: bool,
    /// Where to send [default: the gateway at `GATEWAY_ADDR`]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Send even where this does not look like a gateway for development
    #[arg(long)]
    pub yes_i_know: bool,
    /// List the stories and their event types, and send nothing
    #[arg(long)]
    pub list: bool,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Subcommand)]
pub enum EventsCommand {
    /// List stored events, the newest first
    List(ListOptions),
    /// Show one event as it is stored
    Show(EventOptions),
}

#[derive(Args)]
pub struct ListOptions {
    /// Only this type; a trailing `*` matches a prefix, as in 'invoice.*'
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Only events with this outcome
    #[arg(long, value_parser = worker::outcome::Outcome::NAMES)]
    pub outcome: Option<String>,
    /// Only events recorded since: 90s, 15m, 1h, 7d, or 2026-11-21T08:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only events of this connected account; '' is your own
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    pub limit: i64,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct EventOptions {
    /// The event's id
    #[arg(value_name = "EVENT")]
    pub id: String,
    /// Print what Stripe sent, byte for byte; it may hold personal data
    #[arg(long)]
    pub body: bool,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Subcommand)]
pub enum Subject {
    /// Show an invoice: its state, money, payments and history
    Invoice(SubjectOptions),
    /// Show a payment: its state, money and history
    Payment(SubjectOptions),
}

#[derive(Args)]
pub struct SubjectOptions {
    /// The object's id
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct TraceOptions {
    /// The event's id
    #[arg(value_name = "EVENT")]
    pub id: String,
    #[command(flatten)]
    pub shape: Shape,
}

/// Reads the command line, or ends the process with help or with what is wrong.
pub fn parse() -> Cli {
    let with_table = |env: clap::Command| env.after_help(configuration::described());
    let matches = Cli::command().mut_subcommand("env", with_table).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.001..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("not a number from 0.001 to 1000000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_every_command_once() {
        for command in Cli::command().get_subcommands() {
            let listed = HELP.lines().filter(|line| line.trim_start().starts_with(command.get_name()));
            assert_eq!(listed.count(), 1, "{}", command.get_name());
        }
    }

    #[test]
    fn without_a_command_everything_runs() {
        assert!(Cli::try_parse_from(["tidegate"]).unwrap().command.is_none());
    }
}
