//! The options of `tidegate disputes`.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use domain::disputes::Status;

use super::wanted::{EvidenceCommand, WantedOptions};
use super::{ByOptions, PageOptions, Shape, WhoseOptions, WindowOptions};

#[derive(Subcommand)]
pub enum DisputesCommand {
    /// List disputes: what is overdue, then the newest; or the most urgent first where only open ones are wanted
    List(ListOptions),
    /// Sum disputes up: how many, how much, won and lost, how long they took
    Summary(SummaryOptions),
    /// Compare disputes by reason and card brand, with and without evidence, and how soon they were answered
    ///
    /// Fields of evidence are known where it was stored from here; their content is not looked at.
    Analytics(SummaryOptions),
    /// Note something on a dispute; the note can be read, and never changed
    Note(DisputeNoteOptions),
    /// Mark a dispute as handled, and say why: it leaves the list of what is to be done
    ///
    /// It changes nothing at Stripe, and what Stripe reports later is shown as ever. When Stripe then asks for an answer
    /// that it did not ask for before (an inquiry becomes a dispute, an appeal, a later date), the dispute is back in
    /// sight by itself.
    Resolve(ResolveOptions),
    /// Take a resolution back: the dispute is still to be dealt with
    Reopen(ReopenOptions),
    /// Ask for a dispute to be accepted: it is lost with that, for good
    #[command(after_help = ACCEPT)]
    Accept(WantedOptions),
    /// Answer a dispute: store evidence at Stripe, look at it, submit it
    #[command(subcommand)]
    Evidence(EvidenceCommand),
}

const ACCEPT: &str = "\
Example
  tidegate disputes accept du_1PgafuB7WZ01zgkW                shows what would become of it";

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate disputes list --due-within 7d           what must be answered within a week
  tidegate disputes list --open
  tidegate disputes list --overdue                 what should have been answered by now
  tidegate disputes list --invoice in_1PgafuB7WZ01zgkWXYmPNZs8
  tidegate disputes list --user user_4711 --status lost")]
pub struct ListOptions {
    /// Only those that are not decided: opened or under review; without what staff have resolved
    #[arg(long, conflicts_with = "status")]
    pub open: bool,
    /// Only those that should have been answered by now, and were not; without what staff have resolved
    #[arg(long, conflicts_with_all = ["status", "due_within"])]
    pub overdue: bool,
    /// With `--open`, `--overdue` or `--due-within`: what staff have resolved, too
    #[arg(long)]
    pub all: bool,
    /// Only with this status of ours
    #[arg(long, value_parser = PossibleValuesParser::new(Status::ALL.iter().map(|status| status.as_str())))]
    pub status: Option<String>,
    /// Only those that must be answered within this span, as in 7d; those whose time has passed too, and first
    #[arg(long, value_name = "SPAN", conflicts_with = "status")]
    pub due_within: Option<String>,
    /// Only disputed for this reason of Stripe's, as in fraudulent
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// Only of this user: the payment's `metadata.user_id`, else the customer's, else the customer's id
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// Only of this invoice's payments
    #[arg(long, value_name = "INVOICE")]
    pub invoice: Option<String>,
    #[command(flatten)]
    pub window: WindowOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub page: PageOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
#[command(after_help = "\
Live and test mode are summed up apart, currencies too: nothing is converted. Disputes belong to the time at \
which they were opened. The win rate is won / (won + lost). Inquiries, which are a bank's question before \
anything is disputed, are counted by themselves.")]
pub struct SummaryOptions {
    #[command(flatten)]
    pub window: WindowOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct DisputeNoteOptions {
    /// The dispute's id
    #[arg(value_name = "DISPUTE")]
    pub id: String,
    /// What to note; `-` reads it from standard input, where no list of processes shows it
    #[arg(value_name = "TEXT")]
    pub text: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct ResolveOptions {
    /// The dispute's id
    #[arg(value_name = "DISPUTE")]
    pub id: String,
    /// Why it is done with
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct ReopenOptions {
    /// The dispute's id
    #[arg(value_name = "DISPUTE")]
    pub id: String,
    /// Why it is not done with after all
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
    #[command(flatten)]
    pub whose: WhoseOptions,
    #[command(flatten)]
    pub shape: Shape,
}
