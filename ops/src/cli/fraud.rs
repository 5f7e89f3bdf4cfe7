//! The options of `tidegate fraud`.

use clap::Args;

use super::shape::Shape;

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate fraud                             what the rules find in the last day
  tidegate fraud --since 7d --json
  tidegate block add user_4711 --reason 'five cards within ten minutes'

Rules: 5 payments or 3 declines of one user, customer or card within 10 minutes; 3 cards of one user within a day; a payment \
above 5,000.00, or 5 times what the user usually pays; a bank's warning that a refund may still settle; money that went back \
twice; payments of users who were banned. `tidegate disputes list --overdue` has disputes that are past due.")]
pub struct FraudOptions {
    /// From when on: 1h, 7d, or 2026-11-21T08:00:00Z
    #[arg(long, value_name = "WHEN", default_value = "24h")]
    pub since: String,
    #[command(flatten)]
    pub shape: Shape,
}
