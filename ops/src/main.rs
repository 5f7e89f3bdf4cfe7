//! `tidegate`: the whole product in one binary. Without a command it runs everything in one process; the
//! commands run single roles, send samples, and tell people what happened.

#![expect(unreachable_pub, reason = "a binary exports nothing; `pub` says what a module offers the others")]

mod act;
mod anomalies;
mod backfill;
mod backup;
mod bans;
mod block;
mod bodies;
mod cause;
mod charges;
mod checkout;
mod cli;
mod clock_skew;
mod completions;
mod configuration;
mod customers;
mod dead_letters;
mod dev_secret;
mod disputes;
mod doctor;
mod dot_env;
mod envelope_key;
mod event_types;
mod events;
mod failure;
mod failures;
mod fake_stripe;
mod finder;
mod finding;
mod findings;
mod fraud;
mod healthcheck;
mod hold;
mod invoices;
mod kpi;
mod listing;
mod listings;
mod migrate;
mod notes;
mod notices;
mod open;
mod operations;
mod output;
mod pause;
mod payments;
mod policy;
mod preflight;
mod private_file;
mod probe;
mod queue;
mod rebuild;
mod reconcile;
mod refunds;
mod replay;
mod report;
mod roles;
mod search;
mod send;
mod settings;
mod show;
mod staff;
mod status;
mod stripe_account;
mod table;
mod terminal;
mod topology;
mod trace;
mod up;
mod variables;
mod verify;

use std::process::ExitCode;

use desk::{csv, money, time_text as time_option, when};
use shared::env::Env;

use self::cli::WorkerOptions;
use self::cli::{
    ChargesCommand, Cli, Command, CustomersCommand, DeadLettersCommand, DisputesCommand, EventsCommand,
    FailuresCommand, InvoicesCommand, PaymentsCommand, RefundsCommand, ReplayCommand, UpOptions,
};

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(run(cli::parse(configuration::described()), Env::of_process())).await {
        Ok(code) => code,
        Err(error) => failure::explain(&error),
    }
}

#[expect(clippy::too_many_lines, reason = "one line for each command")]
async fn run(cli: Cli, env: Env) -> anyhow::Result<ExitCode> {
    let command = match cli.command.unwrap_or(Command::Up(UpOptions::default())) {
        // These ask for nothing, and must work wherever they are called.
        Command::Completions { shell } => return completions::print(shell),
        Command::Man { folder } => return completions::write_manual(&folder),
        command => command,
    };
    let env = settings::read(env)?;
    terminal::look(&env);
    let serves = matches!(command, Command::Up(_) | Command::Gateway | Command::Console)
        || matches!(&command, Command::Worker(options) if options.command.is_none());
    if !command.judges_settings_itself() {
        configuration::check_names(&env)?;
    }
    // A server tells what it does; a tool speaks up only when something is odd.
    let logged = if serves { env.clone() } else { env.clone().or("LOG_LEVEL", "warn") };
    let _logging = shared::telemetry::init(&logged)?;
    match command {
        Command::Up(options) => up::run(env, &options).await?,
        Command::Gateway => roles::gateway(&env).await?,
        Command::Console => roles::console(&env).await?,
        Command::Worker(WorkerOptions { command: None }) => roles::worker(&env).await?,
        Command::Worker(WorkerOptions { command: Some(command) }) => pause::run(&env, &command).await?,
        Command::Migrate(options) => migrate::run(&env, options.json).await?,
        Command::Rebuild(options) => return rebuild::run(&env, &options).await,
        Command::Backfill(options) => backfill::run(&env, &options).await?,
        Command::Fraud(options) => fraud::run(&env, &options).await?,
        Command::Block(command) => block::run(&env, &command).await?,
        Command::Hold(command) => hold::run(&env, &command).await?,
        Command::Backup(options) => return backup::run(&env, &options).await,
        Command::Restore(options) => return backup::restore(&env, &options).await,
        Command::Topology(options) => topology::run(&env, &options).await?,
        Command::Queue(options) => queue::run(&env, &options).await?,
        Command::Env(options) => configuration::run(&env, &options)?,
        Command::Send(options) => return send::run(&env, options).await,
        Command::FakeStripe(options) => fake_stripe::run(env, &options).await?,
        Command::Status(options) => return status::run(&env, &options).await,
        Command::Healthcheck(options) => healthcheck::run(&env, &options).await?,
        Command::Doctor(options) => return doctor::run(&env, &options).await,
        Command::Events(EventsCommand::List(options)) => events::list(&env, &options).await?,
        Command::Events(EventsCommand::Tail(options)) => events::tail(&env, &options).await?,
        Command::Events(EventsCommand::Show(options)) => events::show(&env, &options).await?,
        Command::Events(EventsCommand::Erase(options)) => events::erase(&env, &options).await?,
        Command::Events(EventsCommand::Types(options)) => event_types::run(&options)?,
        Command::Search(options) => search::run(&env, options).await?,
        Command::Show(options) => finder::run(&env, options).await?,
        Command::DeadLetters(DeadLettersCommand::List(options)) => dead_letters::list(&env, &options).await?,
        Command::DeadLetters(DeadLettersCommand::Groups(options)) => {
            dead_letters::by_cause(&env, &options).await?;
        }
        Command::DeadLetters(DeadLettersCommand::Show(options)) => dead_letters::show(&env, &options).await?,
        Command::DeadLetters(DeadLettersCommand::Discard(options)) => {
            dead_letters::discard(&env, &options).await?;
        }
        Command::Bodies(command) => bodies::run(&env, &command).await?,
        Command::Audit(command) => return verify::run(&env, &command).await,
        Command::Replay(ReplayCommand::Plan(options)) => replay::plan(&env, &options).await?,
        Command::Replay(ReplayCommand::Run(options)) => replay::run(&env, &options).await?,
        Command::Replay(ReplayCommand::List(options)) => replay::list(&env, &options).await?,
        Command::Replay(ReplayCommand::Show(options)) => replay::show(&env, &options).await?,
        Command::Trace(options) => trace::run(&env, &options).await?,
        Command::Invoices(InvoicesCommand::List(options)) => invoices::list(&env, &options).await?,
        Command::Payments(PaymentsCommand::List(options)) => payments::list(&env, &options).await?,
        Command::Charges(ChargesCommand::List(options)) => charges::list(&env, &options).await?,
        Command::Listings(command) => listings::run(&env, &command).await?,
        Command::Failures(FailuresCommand::List(options)) => failures::list(&env, &options).await?,
        Command::Customers(CustomersCommand::List(options)) => customers::list(&env, &options).await?,
        Command::Refunds(RefundsCommand::List(options)) => refunds::list(&env, &options).await?,
        Command::Refunds(RefundsCommand::Eligible(options)) => {
            return operations::refund::eligible(&env, &options).await;
        }
        Command::Refunds(RefundsCommand::Request(options)) => {
            return operations::refund::request(&env, &options).await;
        }
        Command::Refunds(RefundsCommand::Batch(options)) => {
            return operations::batch::run(&env, &options).await;
        }
        Command::Charge(options) => return operations::billing::charge(&env, &options).await,
        Command::Subscribe(options) => return operations::billing::subscribe(&env, &options).await,
        Command::Unsubscribe(options) => return operations::billing::unsubscribe(&env, &options).await,
        Command::Checkout(command) => checkout::run(&env, &command).await?,
        Command::Invoices(InvoicesCommand::Retry(options)) => {
            return operations::billing::retry(&env, &options).await;
        }
        Command::Customers(CustomersCommand::Credit(options)) => {
            return operations::billing::credit(&env, &options).await;
        }
        Command::Operations(command) => return operations::run(&env, &command).await,
        Command::Approvals(command) => return operations::approvals(&env, &command).await,
        Command::Payments(PaymentsCommand::Capture(options)) => {
            return operations::payment::capture(&env, &options).await;
        }
        Command::Payments(PaymentsCommand::Cancel(options)) => {
            return operations::payment::cancel(&env, &options).await;
        }
        Command::Disputes(DisputesCommand::Accept(options)) => {
            return operations::dispute::accept(&env, &options).await;
        }
        Command::Disputes(DisputesCommand::Evidence(command)) => {
            return operations::dispute::answer(&env, &command).await;
        }
        Command::Note(options) => notes::note(&env, &options).await?,
        Command::Assign(options) => notes::assign(&env, &options).await?,
        Command::Disputes(command) => disputes::run(&env, &command).await?,
        Command::Bans(command) => return bans::run(&env, &command).await,
        Command::Staff(command) => staff::run(&env, &command).await?,
        Command::Policy(command) => policy::run(&env, &command).await?,
        Command::Tokens(command) => staff::tokens::run(&env, &command).await?,
        Command::Anomalies(options) => anomalies::run(&env, &options).await?,
        Command::Kpi(options) => kpi::run(&env, &options).await?,
        Command::Reconcile(options) => return reconcile::run(&env, &options).await,
        Command::Notices(command) => notices::run(&env, &command).await?,
        Command::Findings(command) => return findings::run(&env, &command).await,
        Command::Report(command) => return report::run(&env, &command).await,
        Command::Completions { .. } | Command::Man { .. } => unreachable!("answered above"),
    }
    Ok(ExitCode::SUCCESS)
}
