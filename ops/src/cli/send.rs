//! The options of `tidegate send`.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use stripe_sim::ApiVersion;

use super::Shape;

/// Those that stories can be told in: before links moved out of the objects, when a failed payment named its
/// invoice nowhere, and since its order reference is that invoice.
const API_VERSIONS: [ApiVersion; 4] =
    [ApiVersion::Acacia, ApiVersion::Basil, ApiVersion::Dahlia, ApiVersion::Endive];

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate send                              one of every story
  tidegate send --list                       the stories, and the event types in them
  tidegate send broken                       events that no rule can read: they end as dead letters
  tidegate send charge.dispute.created       a story up to and including this event
  tidegate send retried --count 1000 --rate 200
  tidegate send --count 100 --shuffle --repeat 3   out of order, each event three times
  tidegate send --seed 7                     twice: the second run is nothing but repetitions

Events are signed with the first secret in STRIPE_WEBHOOK_SECRET, else with dev-webhook-secret in the \
data folder. `broken` and the stories whose names begin so are told only when they are asked for.")]
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
    /// Shape the objects as this version of Stripe's API does; the others are 2026-07-29.dahlia, 2025-04-30.basil
    /// and 2024-09-30.acacia
    #[arg(long, value_name = "VERSION", default_value = ApiVersion::default().as_str(), value_parser = api_version(), hide_possible_values = true)]
    pub api_version: ApiVersion,
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

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.001..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("not a number from 0.001 to 1000000".to_owned()),
    }
}

fn api_version() -> impl TypedValueParser<Value = ApiVersion> {
    PossibleValuesParser::new(API_VERSIONS.map(ApiVersion::as_str)).try_map(|name| name.parse::<ApiVersion>())
}
