//! The options of `tidegate report`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::{Shape, WindowOptions};

#[derive(Subcommand)]
pub enum ReportCommand {
    /// Payments, failures, invoices, refunds and disputes of a day, hour by hour
    Day(OfDateOptions),
    /// The same of a week, day by day, compared with the four weeks before
    Week(OfDateOptions),
    /// Invoices, refunds and disputes of a month, day by day, with approvals and reasons
    Month(OfDateOptions),
    /// A month for auditors: who may act, what they did and who approved it, policies, reconciliation, the audit's proof
    Soc2(OfDateOptions),
    /// Key figures alone, of any span
    Kpi(OfSpanOptions),
    /// Events, calls with Stripe's request ids, acts, payments, refunds and disputes of a span, for your own review
    Incident(OfSpanOptions),
    /// What Stripe's support can look up of a span: event ids, calls, request ids; no names and no figures
    Support(OfSpanOptions),
    /// Check that the files of a report are still those of its manifest
    ///
    /// Exit code 0: they are; 1: a file has other content, is missing, or cannot be read.
    Verify(VerifyReportOptions),
}

#[derive(Args)]
pub struct OfDateOptions {
    /// A day in the period, in UTC [default: the last day, week or month that has ended]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub of: Option<NaiveDate>,
    #[command(flatten)]
    pub to: ToOptions,
}

#[derive(Args)]
pub struct OfSpanOptions {
    #[command(flatten)]
    pub window: WindowOptions,
    #[command(flatten)]
    pub to: ToOptions,
}

#[derive(Args)]
pub struct ToOptions {
    /// A new or empty folder [default: reports/ and a name that says kind and period]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Only of this connected account; '' is your own
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// Test mode instead of live
    #[arg(long)]
    pub test_mode: bool,
    #[command(flatten)]
    pub shape: Shape,
}

#[derive(Args)]
pub struct VerifyReportOptions {
    /// The folder of the report
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The public key that must have signed it, as `audit key` prints it [default: that of `AUDIT_KEY`, where it is set]
    #[arg(long, value_name = "HEX")]
    pub key: Option<String>,
    #[command(flatten)]
    pub shape: Shape,
}
