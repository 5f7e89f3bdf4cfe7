//! The options of `tidegate fraud`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use domain::fraud::FraudRule;

use super::{PageOptions, Shape, WhoseOptions};

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate fraud                             what the rules found in the last day, resolved or not
  tidegate fraud --since 7d --rule decline_velocity --json
  tidegate findings list --by-check fraud_desk    what nobody has resolved
  tidegate block add user_4711 --reason 'five cards within ten minutes'

Rules: 5 payments or 3 declines of one user, customer or card within 10 minutes; 3 cards of one user within a day; a payment \
above 5,000.00, or 5 times what the user usually pays; a bank's warning that a refund may still settle; money that went back \
twice; payments of users who were banned. The numbers are policies: `tidegate policy list` has fraud.*. `tidegate disputes list \
--overdue` has disputes that are past due.")]
pub struct FraudOptions {
    /// Found from then on: 1h, 7d, or 2026-11-21T08:00:00Z
    #[arg(long, value_name = "WHEN", default_value = "24h")]
    pub since: String,
    /// Only of this rule
    #[arg(long, value_parser = PossibleValuesParser::new(FraudRule::WORDS.iter().copied()))]
    pub rule: Option<String>,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}
