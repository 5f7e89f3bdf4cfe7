//! The gateway as a process of its own, for a queue that others read. It contains no SQL.

use std::process::ExitCode;

use shared::env::Env;
use shared::queue::{Queue, QueueConfig, Role};
use shared::{queue, shutdown, telemetry};

const HELP: &str = "Takes Stripe's webhooks in: verifies, makes durable, answers.\n\n\
    Usage: tidegate-gateway [--help | --version]\n\n\
    It is configured by environment variables:\n";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.iter().map(|argument| argument.to_str()).collect::<Vec<_>>()[..] {
        [] => {}
        [Some("--help" | "-h")] => {
            let variables = [gateway::VARIABLES, queue::VARIABLES, telemetry::VARIABLES];
            print!("{HELP}{}", shared::env::help(&variables));
            return ExitCode::SUCCESS;
        }
        [Some("--version" | "-V")] => {
            println!("tidegate-gateway {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("tidegate-gateway takes --help, --version or nothing");
            return ExitCode::from(2);
        }
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tidegate-gateway: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run() -> anyhow::Result<()> {
    let env = Env::of_process();
    telemetry::init(&env)?;
    let config = gateway::GatewayConfig::from_env(&env)?;
    let shutdown = shutdown::on_signal()?;
    let queue = Queue::open(QueueConfig::from_env(&env)?, Role::Publish).await?;
    let served = gateway::run(config, queue.clone(), shutdown).await;
    queue.close().await;
    served
}
