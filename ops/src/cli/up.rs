//! The options of `tidegate up`.

use std::path::PathBuf;

use clap::Args;

#[derive(Args, Default)]
#[command(after_help = "\
Examples
  tidegate up
  tidegate up --demo                         with a fake Stripe and sample data, to look around
  tidegate up --port 8181                    beside another one; its own API is on 8184
  tidegate up --data-dir ~/tidegate          what it stores is there, wherever it is started

Other commands find what these options moved by the variables that `up` names when it is ready.")]
pub struct UpOptions {
    /// Take webhooks on this port; the next four serve probes of gateway and worker, the console, and its probes
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65_531))]
    pub port: Option<u16>,
    /// Keep the queue, the ledger and the secret for development in this folder [default: data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Begin with a fake Stripe and a day of a small marketplace, in a data folder of its own (data/demo)
    #[arg(long, conflicts_with = "data_dir")]
    pub demo: bool,
}
