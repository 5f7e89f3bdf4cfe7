//! The command line: its commands, their options, and the help that teaches them.

mod backup;
mod bans;
mod billing;
mod block;
mod bodies;
mod disputes;
mod fake_stripe;
mod findings;
mod fraud;
mod help;
mod hold;
mod kpi;
mod listings;
mod lists;
mod look;
mod maintenance;
mod notes;
mod notices;
mod oncall;
mod operations;
mod policy;
mod reconcile;
mod replays;
mod reports;
mod send;
mod shape;
mod staff;
#[cfg(test)]
mod tests;
mod up;
mod wanted;

use self::help::{COMPLETIONS, EXAMPLES, HELP, MANUAL};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use crate::act::ByOptions;

pub use self::backup::{BackupOptions, RestoreOptions};
pub use self::bans::{
    BansCommand, CheckOptions, ClearOptions, DecisionOptions, ExplainOptions, ListOptions as BansListOptions,
};
pub use self::billing::{
    ChargeOptions, CheckoutCommand, CreditOptions, InvoiceRetryOptions, SubscribeOptions, UnsubscribeOptions,
};
pub use self::block::{BlockCommand, BlockOptions, BlocksListOptions};
pub use self::bodies::{BodiesCommand, ResealOptions};
pub use self::disputes::{
    DisputeNoteOptions, DisputesCommand, ListOptions as DisputesListOptions, ReopenOptions, ResolveOptions,
    SummaryOptions,
};
pub use self::fake_stripe::FakeStripeOptions;
pub use self::findings::{FindingOptions, FindingsCommand, FindingsListOptions};
pub use self::fraud::FraudOptions;
pub use self::hold::{HoldCommand, HoldOptions, HoldsListOptions};
pub use self::kpi::{By, KpiOptions};
pub use self::listings::{ListingOptions, ListingsCommand, ListingsListOptions};
pub use self::lists::{
    AnomaliesOptions, ChargesCommand, ChargesListOptions, CustomersCommand, CustomersListOptions,
    FailuresCommand, FailuresListOptions, InvoicesCommand, InvoicesListOptions, PaymentsCommand,
    PaymentsListOptions, RefundsCommand, RefundsListOptions,
};
pub use self::look::{
    EraseOptions, EventOptions, EventSelection, EventsCommand, ListOptions, SearchOptions, ShowOptions,
    Subject, SubjectOptions, TailOptions, TraceOptions, TypesOptions,
};
pub use self::maintenance::{
    AuditCommand, BackfillOptions, EnvOptions, RebuildOptions, TopologyOptions, VerifyOptions,
};
pub use self::notes::{AssignOptions, NoteOptions};
pub use self::notices::{
    LiftSuppressionOptions, NoticesCommand, NoticesListOptions, NoticesReplayOptions, PreviewOptions,
    TargetAddOptions, TargetOptions, TargetStateOptions, TargetsCommand,
};
pub use self::oncall::{
    DoctorOptions, HealthcheckOptions, PauseOptions, QueueCommand, QueueOptions, RecoverOptions,
    ResumeOptions, StatusOptions, WorkerCommand, WorkerOptions,
};
pub use self::operations::{
    ApprovalsCommand, ApprovalsListOptions, OperationsCommand, OperationsListOptions, RefundBatchOptions,
    RefundEligibleOptions, RefundOptions, RefundRequestOptions, SettleOptions,
};
pub use self::policy::{PolicyCommand, PolicyHistoryOptions, PolicySetOptions};
pub use self::reconcile::{ReconcileCommand, ReconcileOptions, ShowDayOptions};
pub use self::replays::{
    DeadGroupsOptions, DeadLettersCommand, DeadListOptions, DeadShowOptions, DiscardOptions, PlanOptions,
    PlanShowOptions, PlansOptions, ReplayCommand, RunOptions, SelectionOptions,
};
pub use self::reports::{OfDateOptions, OfSpanOptions, ReportCommand, ToOptions, VerifyReportOptions};
pub use self::send::SendOptions;
pub use self::shape::{ElsewhereOptions, PageOptions, Shape, WhoseOptions, WindowOptions};
pub use self::staff::{
    AcceptOptions, AddOptions, ApproveOptions, CreateOptions, InviteOptions, LogoutOptions, RejectOptions,
    RevokeOptions, RolesOptions, StaffCommand, StaffReasonOptions, StaffShowOptions, TokensCommand,
    TokensListOptions,
};
pub use self::up::UpOptions;
pub use self::wanted::{
    AttachOptions, CaptureOptions, DraftOptions, EvidenceCommand, EvidenceShowOptions, PaymentCancelOptions,
    WantedOptions,
};

#[derive(Parser)]
#[command(
    name = "tidegate",
    version,
    about = "Tidegate takes Stripe's webhooks in, loses none, and keeps a ledger of what they say.",
    help_template = HELP,
    after_help = EXAMPLES,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run gateway, worker and console in one process; what `tidegate` alone does
    ///
    /// With nothing configured, everything lives in `data/` below the current folder: the queue, the ledger
    /// and a signing secret for development. Ctrl-C or SIGTERM stops it: the gateway first, then the worker.
    Up(UpOptions),
    /// Run only the gateway
    Gateway,
    /// Run only the console: web pages and HTTP API
    ///
    /// Listens on `CONSOLE_ADDR`. Every request but those for health and for the description of the API needs a token,
    /// which `tidegate tokens create` makes. Ctrl-C or SIGTERM stops it; requests in progress are answered first.
    Console,
    /// Run only the worker; or pause all workers, and let them go on
    Worker(WorkerOptions),
    /// Bring the ledger's schema up to date
    Migrate(Shape),
    /// Compute every row again from stored events, and compare; --yes corrects
    ///
    /// All events are folded in memory, in random order, with the decisions of staff, and compared with every
    /// row of the ledger. Nothing is written unless --yes is given. Run it as a drill, after a new version or
    /// another policy came into force, and after a disaster. Exit code 1: they differ.
    Rebuild(RebuildOptions),
    /// Ask Stripe for events that the ledger lacks, and queue them
    ///
    /// Lists Stripe's events, the oldest first, and compares them with the ledger. What is missing takes the
    /// same path as a webhook, so a worker must run to apply it. Needs `STRIPE_SECRET_KEY`. It is safe to
    /// run twice.
    Backfill(BackfillOptions),
    /// Copy ledger and queue while they are in use
    ///
    /// Copies ledger.db and queue.db as of one moment each, or calls `pg_dump` where the ledger is on Postgres, and writes a
    /// manifest with hashes and counts. What is in RabbitMQ is not copied.
    Backup(BackupOptions),
    /// List what the fraud desk found
    ///
    /// A worker checks what each batch changed; what it finds is kept. The order and the repetition of events change nothing.
    Fraud(FraudOptions),
    /// Refuse charges of a customer or a user until it is lifted
    #[command(subcommand)]
    Block(BlockCommand),
    /// Keep bodies of events beyond their retention, with a reason
    ///
    /// Without a hold they are deleted after `EVENT_RETENTION_DAYS`; those of disputes and their payments 90 days after the
    /// dispute's end.
    #[command(subcommand)]
    Hold(HoldCommand),
    /// Encrypt stored bodies again, with the newest key of `BODY_KEYS_FILE`
    #[command(subcommand)]
    Bodies(BodiesCommand),
    /// Make ledger and queue from a backup, or check one
    Restore(RestoreOptions),
    /// Declare RabbitMQ's queues and exchanges
    ///
    /// Waits 6 s after declaring a new queue: RabbitMQ loses a queue, and what it confirmed, if it is killed before the
    /// declaration is on disk.
    Topology(TopologyOptions),
    /// Show how much waits in the queue; or save what a damaged queue.db still holds
    Queue(QueueOptions),
    /// List every environment variable, its default, and what is set now
    ///
    /// Values of secrets are never shown, and addresses only without user and password.
    Env(EnvOptions),
    /// Send signed sample events to a gateway on this machine
    Send(SendOptions),
    /// Start a Stripe on this machine, to try everything without an account
    ///
    /// It has payments, refunds, disputes, invoices, subscriptions, files and payouts, keeps idempotency keys, sends
    /// signed webhooks, and fails on demand. Stripe's own libraries work with it. It keeps everything in memory.
    FakeStripe(FakeStripeOptions),
    /// Show the health of everything on one screen
    ///
    /// Each line has a mark: ok, LOOK (nothing is lost or late, but somebody should know) or ACT; and what to do
    /// where it is not ok. Works while the queue or the ledger is away, and says so. Exit code 0: no line says ACT;
    /// 1: one does, as where gateway, worker, queue, ledger or, with a key, Stripe is away.
    Status(StatusOptions),
    /// Check settings, servers, Stripe, secrets, files and clocks
    ///
    /// Changes nothing and shows no secret. With a key of Stripe's it asks for the account and its endpoints, and
    /// judges mode, address, events and API version. Exit code 0: nothing to act on; 1: something needs a person,
    /// as where gateway, worker, queue, ledger or, with a key, Stripe is away.
    Doctor(DoctorOptions),
    /// Say whether gateway and worker on this machine are ready
    ///
    /// Asks their internal listeners (`GATEWAY_INTERNAL_ADDR`, `WORKER_INTERNAL_ADDR`). Exit code 0: ready; 1: not,
    /// with one line that says why. Neither the queue nor the ledger is opened.
    Healthcheck(HealthcheckOptions),
    /// List stored events, follow them, show or erase one, or name the types that Stripe should send
    #[command(subcommand)]
    Events(EventsCommand),
    /// Show whatever an id names, why it is so, and how it came to be
    ///
    /// Finds out by itself what the id is: an invoice, also by its number; a payment, refund, dispute, charge,
    /// customer, subscription or payout; an operation or a batch; a user of yours; or an event. The history is in the order of Stripe's own stamps and
    /// names the event behind each step: `tidegate trace` tells more of it. Where an id exists in several accounts or
    /// modes, each has a page.
    Show(ShowOptions),
    /// Search payments by operators, or whatever goes by a name, an amount or a reason
    Search(SearchOptions),
    /// Show what became of one event
    Trace(TraceOptions),
    /// List what could not be applied, sum it up by cause, put it aside
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Check that nothing has disappeared and the figures add up
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Run stored events again, or those of a file
    ///
    /// A plan names its events, oldest first, and tells which rows would change. Running it queues them like live
    /// traffic; as everything is a merge, they cannot overtake it wrongly. Each plan runs an event once, however
    /// often it is taken up; the next plan runs it again.
    #[command(subcommand)]
    Replay(ReplayCommand),
    /// Charge a customer; what would become of it is shown first
    Charge(ChargeOptions),
    /// Subscribe a customer to prices; what would become of it is shown first
    Subscribe(SubscribeOptions),
    /// End a subscription; what would become of it is shown first
    Unsubscribe(UnsubscribeOptions),
    /// Show whether charging is on; stop it, or let it go on
    #[command(subcommand)]
    Checkout(CheckoutCommand),
    /// List invoices; try one again
    #[command(subcommand)]
    Invoices(InvoicesCommand),
    /// List payments; capture or cancel one
    #[command(subcommand)]
    Payments(PaymentsCommand),
    /// List charges
    #[command(subcommand)]
    Charges(ChargesCommand),
    /// Listings of the marketplace: list, show, and what they are sold on
    ///
    /// Your own program puts them, by the API: `PUT /api/v1/marketplace/listings/ID` with `user_id` and `category_id`; a posting
    /// fee makes one active. docs/marketplace.md has an example, and `tidegate up --demo` has some to look at.
    #[command(subcommand)]
    Listings(ListingsCommand),
    /// List failed attempts to pay
    #[command(subcommand)]
    Failures(FailuresCommand),
    /// List customers; credit one
    #[command(subcommand)]
    Customers(CustomersCommand),
    /// List refunds; see what may be refunded, ask for it
    #[command(subcommand)]
    Refunds(RefundsCommand),
    /// List what Stripe is asked to do, show one, confirm, cancel, try again, settle
    ///
    /// An operation is kept before anything is sent to Stripe, with who asked for it and on whose word it may be sent.
    #[command(subcommand)]
    Operations(OperationsCommand),
    /// List what waits for a second person; approve or reject it
    #[command(subcommand)]
    Approvals(ApprovalsCommand),
    /// Write a note about an object or an operation; it is never changed
    Note(NoteOptions),
    /// Say who takes care of an object or an operation
    Assign(AssignOptions),
    /// List disputes, sum them up, note on them, resolve and reopen them; answer or accept one
    #[command(subcommand)]
    Disputes(DisputesCommand),
    /// Tell who is banned and why; ban users, lift bans
    ///
    /// A user with two chargebacks (`BAN_CHARGEBACKS`) is banned, and no longer is once a dispute that was won
    /// brings the count below (`BAN_LIFT_ON_WON`). Staff may decide otherwise, for good or until a moment; every
    /// decision is kept with its reason and who took it.
    #[command(subcommand)]
    Bans(BansCommand),
    /// Say who may act, and in which roles
    ///
    /// Until an administrator has a token or a password, whoever holds `DATABASE_URL` may add people and make tokens.
    /// From then on it takes an administrator's token in `TIDEGATE_TOKEN`. What gives more power waits for a second
    /// administrator where there is one.
    #[command(subcommand)]
    Staff(StaffCommand),
    /// List, rehearse and set what the business decides: thresholds, waits, rules
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Make, list and revoke tokens, for programs and for the command line
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// List figures that contradict each other, and objects that are uncertain
    Anomalies(AnomaliesOptions),
    /// Show key figures of the last hours beside their targets
    ///
    /// By the time at which Stripe says that something happened: what arrives late counts where it belongs. Live mode
    /// unless told otherwise; currencies stay apart.
    Kpi(KpiOptions),
    /// Compare a day of Stripe's balance with the ledger
    ///
    /// Reads the balance transactions and payouts of the day and judges each of them, then the sums. Needs
    /// `STRIPE_SECRET_KEY`. Comparing a day again is harmless. Exit code 0: reconciled; 1: differences, or incomplete.
    Reconcile(ReconcileOptions),
    /// List what checks turned up; note, assign, acknowledge, put off, resolve or accept it
    #[command(subcommand)]
    Findings(FindingsCommand),
    /// Write a report to a folder: CSV, a page to print, and a manifest
    ///
    /// All of it is one state of the ledger, by the time of what happened. The manifest has the SHA-256 of each file and
    /// the newest block of the audit. The same ledger and period give the same bytes.
    #[command(subcommand)]
    Report(ReportCommand),
    /// What people and programs were told, and where notices go
    #[command(subcommand)]
    Notices(NoticesCommand),
    /// Print the completions of a shell, to be loaded by it
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// Which shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Write manual pages, one for each command, into a folder
    #[command(after_help = MANUAL)]
    Man {
        /// The folder; it is made where it is missing
        #[arg(value_name = "DIR")]
        folder: std::path::PathBuf,
    },
}

impl Command {
    /// Those that list what is wrong with the environment, and the one that does not look at it.
    pub fn judges_settings_itself(&self) -> bool {
        matches!(self, Self::Env(_) | Self::Doctor(_) | Self::Events(EventsCommand::Types(_)))
    }
}

/// Reads the command line, or ends the process with help or with what is wrong. `variables` are listed in the help of
/// `env`.
pub fn parse(variables: String) -> Cli {
    let with_table = |env: clap::Command| env.after_help(variables);
    let matches = Cli::command().mut_subcommand("env", with_table).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The commands as they are described, for completions and manual pages.
pub fn described() -> clap::Command {
    Cli::command()
}
