//! What people and programs do with operations: ask, confirm, approve, reject, cancel, settle, retry. Each act is one
//! transaction under the locks of the payment, of the sums of the last day and of the operation, in this order; the
//! row, the decision and the audit line are one. Refused acts are kept too.

pub mod approve;
pub mod batch;
mod billing;
pub mod cancel;
mod collecting;
pub mod confirm;
pub mod decide;
pub mod gather;
pub mod lapse;
mod lock;
pub mod plan;
pub mod planned_retries;
pub mod record;
pub mod request;
pub mod retry;
pub mod settle;
pub mod wanted;

use domain::goods::Unreadable;
use domain::operations::adoption::NotIts;
use domain::operations::{OperationState, OutOfPlace, Unsendable};
use ledger::LedgerError;

use super::Refusal;
use crate::actor::Forbidden;

/// The leases under which workers send operations, of test mode and of live mode.
pub const SENDING_LEASES: [&str; 2] = ["operations_test", "operations_live"];

/// Why an act on an operation was not done. Where the operation is known, the audit has it.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    #[error("there is no operation {id}")]
    NoSuchOperation { id: String },
    #[error("`{id}` is not an id of Stripe's")]
    NoId { id: String },
    #[error("`{id}` is not the id of a customer: cus_ and letters and digits")]
    NoCustomerId { id: String },
    #[error(
        "{id} exists in several accounts or modes: choose with --account, --live or --test-mode (in the API: account, livemode)"
    )]
    Ambiguous { id: String },
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("{who} asked for it: another person must {act} it")]
    OwnRequest { who: String, act: &'static str },
    #[error("it is because of what {who} did: another person must {act} it")]
    OwnCause { who: String, act: &'static str },
    #[error("only {who}, who asked for it, can confirm it")]
    OthersRequest { who: String },
    #[error("a program cannot {act} an operation")]
    Program { act: &'static str },
    #[error("the operation is {state}: only one that is {wanted} can be {done}")]
    State { state: OperationState, wanted: &'static str, done: &'static str },
    #[error("its time is over: it has lapsed, and must be asked for again")]
    Expired,
    #[error("it was asked for later than this clock says it is: put the clock right")]
    ClockBehind,
    #[error("the operation has changed since you saw it: look at it again (`tidegate operations show {id}`)")]
    OtherParameters { id: String },
    #[error("it is being sent or looked up at this moment: try again in a minute")]
    Held,
    #[error(
        "Stripe said last that it is still at work on it, so nobody can know yet that it was not done: a worker asks again, try in a few minutes"
    )]
    StillRuns,
    #[error(
        "Stripe made a payment for it that may be paid yet, so nobody can know that it will not be done: cancel the payment in Stripe's dashboard, and a worker finds that within the hour"
    )]
    MayBePaid,
    #[error("a list has 1 to {limit} refunds, and this one has {items}")]
    ItemsLimit { items: usize, limit: usize },
    #[error("a list is of one account and mode: make several of them")]
    OneAccount,
    #[error("{subject} refuses the whole list, and nothing was asked for: {why}")]
    ItemRefused { subject: String, why: String },
    #[error("the plan has changed since it was shown: look at it again")]
    OtherList,
    #[error(
        "you asked for the same list within 24 hours: it is {batch} (`tidegate operations show {batch}`). To refund any of them again, ask for them one at a time"
    )]
    SameList { batch: String },
    #[error(transparent)]
    NotIts(#[from] NotIts),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("it was tried again already: {by}")]
    TriedAgain { by: String },
    #[error(transparent)]
    OutOfPlace(#[from] OutOfPlace),
    #[error(transparent)]
    Unsendable(#[from] Unsendable),
    #[error(transparent)]
    Text(#[from] Refusal),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl NotDone {
    /// For programs: never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchOperation { .. } => "operation_not_found",
            Self::NoId { .. } | Self::NoCustomerId { .. } => "invalid_id",
            Self::Ambiguous { .. } => "ambiguous_id",
            Self::Forbidden(_) => "forbidden",
            Self::OwnRequest { .. } | Self::OwnCause { .. } => "four_eyes",
            Self::OthersRequest { .. } => "not_the_requester",
            Self::Program { .. } => "program_not_allowed",
            Self::State { .. } | Self::OutOfPlace(_) => "wrong_state",
            Self::Expired => "lapsed",
            Self::ClockBehind => "clock_behind",
            Self::OtherParameters { .. } | Self::Unsendable(_) => "parameters_changed",
            Self::Held | Self::StillRuns | Self::MayBePaid => "busy",
            Self::ItemsLimit { .. } => "items_limit",
            Self::OneAccount => "one_account",
            Self::ItemRefused { .. } => "item_refused",
            Self::OtherList => "list_changed",
            Self::SameList { .. } => "same_list",
            Self::NotIts(_) => "not_its_object",
            Self::Unreadable(_) => "goods_unreadable",
            Self::TriedAgain { .. } => "already_retried",
            Self::Text(_) => "invalid_text",
            Self::Ledger(_) => "ledger_unavailable",
        }
    }
}
