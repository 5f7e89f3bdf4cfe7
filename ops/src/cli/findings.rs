//! The options of `tidegate findings`.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use domain::Severity;
use domain::findings::{Check, FindingState};

use super::{ByOptions, PageOptions, Shape, WhoseOptions, WindowOptions};

#[derive(Subcommand)]
pub enum FindingsCommand {
    /// List what checks turned up and nobody has resolved, the newest first
    List(Box<FindingsListOptions>),
    /// Show one finding: what it says, how it stands, what happened to it
    Show(FindingOptions),
    /// Note something on a finding; the note can be read, and never changed
    Note(FindingNoteOptions),
    /// Say that a finding is known, and why; it stays in sight
    Acknowledge(FindingReasonOptions),
    /// Put a finding off until a moment
    Snooze(FindingSnoozeOptions),
    /// Say what fixed it; it opens again if it is found again
    Resolve(FindingResolveOptions),
    /// Accept it as it is; it opens again if it is found with other figures
    Accept(FindingReasonOptions),
    /// Give a finding to somebody, or to nobody
    Assign(FindingAssignOptions),
    /// Take a resolution back
    Reopen(FindingReasonOptions),
}

#[derive(Args)]
#[command(after_help = "\
Examples
  tidegate findings list                              what nobody has resolved
  tidegate findings list --state open --severity critical
  tidegate findings list --scope 2026-11-27           of one day of reconciliation
  tidegate findings list --all --csv > findings.csv")]
pub struct FindingsListOptions {
    /// Only in this state
    #[arg(long, conflicts_with = "all", value_parser = PossibleValuesParser::new(FindingState::WORDS.iter().copied()))]
    pub state: Option<String>,
    /// Also what is resolved
    #[arg(long)]
    pub all: bool,
    /// Only of this check
    #[arg(long, value_parser = PossibleValuesParser::new(Check::WORDS.iter().copied()))]
    pub by_check: Option<String>,
    /// Only of this kind, as in `amount_differs`
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Only of this severity
    #[arg(long, value_parser = PossibleValuesParser::new(Severity::WORDS.iter().copied()))]
    pub severity: Option<String>,
    /// Only of this person
    #[arg(long, value_name = "NAME")]
    pub assignee: Option<String>,
    /// Only about this object
    #[arg(long, value_name = "ID")]
    pub subject: Option<String>,
    /// Only of this scope, such as the day 2026-11-27
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<String>,
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
pub struct FindingOptions {
    /// The finding's id
    #[arg(value_name = "FINDING")]
    pub id: String,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct FindingNoteOptions {
    #[command(flatten)]
    pub finding: FindingOptions,
    /// What to note
    #[arg(long, value_name = "TEXT")]
    pub note: String,
    #[command(flatten)]
    pub by: ByOptions,
}

/// `--note` is what `--reason` was called before.
#[derive(Args)]
pub struct FindingReasonOptions {
    #[command(flatten)]
    pub finding: FindingOptions,
    /// Why
    #[arg(long, alias = "note", value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
}

#[derive(Args)]
#[command(after_help = "\
Example
  tidegate findings snooze fnd_0123456789abcdef0123 --until 3d --reason 'the bank answers on Monday'")]
pub struct FindingSnoozeOptions {
    #[command(flatten)]
    pub finding: FindingOptions,
    /// Until when: a moment, or a span from now, as in 3d
    #[arg(long, value_name = "WHEN")]
    pub until: String,
    /// Why
    #[arg(long, alias = "note", value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub by: ByOptions,
}

#[derive(Args)]
pub struct FindingResolveOptions {
    #[command(flatten)]
    pub finding: FindingOptions,
    /// What fixed it: a ticket, a refund, a change
    #[arg(long, value_name = "TEXT")]
    pub reference: String,
    /// What else there is to say
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    #[command(flatten)]
    pub by: ByOptions,
}

#[derive(Args)]
pub struct FindingAssignOptions {
    #[command(flatten)]
    pub finding: FindingOptions,
    /// To whom
    #[arg(long, value_name = "NAME", required_unless_present = "nobody", conflicts_with = "nobody")]
    pub to: Option<String>,
    /// To nobody
    #[arg(long)]
    pub nobody: bool,
    #[command(flatten)]
    pub by: ByOptions,
}
