//! Options of `tidegate listings`.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use marketplace::State;

use super::{PageOptions, Shape, WhoseOptions};

#[derive(Subcommand)]
pub enum ListingsCommand {
    /// List listings: active ones bumped first, all others the newest first
    List(ListingsListOptions),
    /// Show one listing: how it stands, what was paid for it, and what became of that
    Show(ListingOptions),
    /// Show what listings are sold on: fees, prices, and how long things last
    Terms(Shape),
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate listings list --status active --category Housing    as the homepage shows them
  tidegate listings list --user user_4711")]
pub struct ListingsListOptions {
    /// Only with this status
    #[arg(long, value_parser = PossibleValuesParser::new(State::WORDS))]
    pub status: Option<String>,
    /// Only in this category: `Cars & Trucks` and `cars_trucks` are the same
    #[arg(long, value_name = "CATEGORY")]
    pub category: Option<String>,
    /// Only of this user
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Example
  tidegate listings show lst_4711")]
pub struct ListingOptions {
    /// The merchant's own id of the listing
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}
