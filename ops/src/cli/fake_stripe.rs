//! The options of `tidegate fake-stripe`.

use clap::Args;

#[derive(Args, Default)]
#[command(after_help = "\
Examples
  tidegate fake-stripe
  tidegate fake-stripe --port 13000          files are taken on the next port
  STRIPE_WEBHOOK_SECRET=whsec_… tidegate fake-stripe --webhook-url http://127.0.0.1:9000/hooks

Its key, and what it can do, are printed when it is up. `GET /_fake/` lists the faults.")]
pub struct FakeStripeOptions {
    /// Answer on this port, and take files on the next [default: 12111]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65_534))]
    pub port: Option<u16>,
    /// Send webhooks there, signed with `STRIPE_WEBHOOK_SECRET` or the secret for development [default: the
    /// gateway of `tidegate up`]
    #[arg(long, value_name = "URL")]
    pub webhook_url: Option<String>,
}
