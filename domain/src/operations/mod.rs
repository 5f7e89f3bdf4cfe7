//! Operations: what Stripe is asked to do. Each is a row before anything is sent, and moves through these states.
//!
//! ```text
//! needs_confirmation ─► needs_approval ─► approved ─► executing ─► succeeded
//!        │                    │              │            ├─► failed   (definite; the reason is kept)
//!        └─► lapsed           ├─► rejected   └─► canceled └─► unknown ─► succeeded | failed
//! refused                     └─► lapsed
//! ```

pub mod adoption;
mod answer_class;
pub mod batch;
pub mod customer;
pub mod decision;
pub mod dispute;
pub mod intent;
pub mod invoice_retry;
pub mod ladder;
pub mod limits;
pub mod lost_cards;
pub mod network_limits;
mod operation;
pub mod parameters;
pub mod refund;
pub mod refused;
#[cfg(test)]
mod testing;
mod transitions;
pub mod unsubscribe;

pub use self::answer_class::{
    AnswerClass, KEY_LIFETIME, Next, NotFound, REPEATS_LIMIT, after, rest, when_not_found,
};
pub use self::decision::{Decision, Facts, Verdict, decide};
pub use self::ladder::{Climb, Sums};
pub use self::limits::{Limits, Thresholds};
pub use self::operation::{Call, Decided, Operation, Request, Requester};
pub use self::parameters::{Parameters, Unsendable};
pub use self::refused::Refused;
pub use self::transitions::{Answer, Begun, Fault, OutOfPlace};
use super::row::words;

/// The name of operations in the audit and in commands.
pub const NAME: &str = "operation";
pub const TABLE: &str = "operations";
/// Whom the audit names where the rules approved, or the executor acted: no person can be named so.
pub const POLICY: &str = "tidegate policy";
pub const EXECUTOR: &str = "tidegate executor";
/// Who asks for what is planned, and how it is known: no person and no token can be named so.
pub const CLOCK: &str = "tidegate clock";
pub const KNOWN_BY_CLOCK: &str = "clock";

words! {
    pub enum OperationKind {
        Refund = "refund",
        Charge = "charge",
        Capture = "capture",
        Cancel = "cancel",
        Subscribe = "subscribe",
        Unsubscribe = "unsubscribe",
        InvoiceRetry = "invoice_retry",
        Credit = "credit",
        EvidenceStage = "evidence_stage",
        EvidenceSubmit = "evidence_submit",
        DisputeAccept = "dispute_accept",
    }
}

words! {
    pub enum OperationState {
        NeedsConfirmation = "needs_confirmation",
        NeedsApproval = "needs_approval",
        Approved = "approved",
        Executing = "executing",
        Succeeded = "succeeded",
        Failed = "failed",
        Unknown = "unknown",
        Refused = "refused",
        Lapsed = "lapsed",
        Rejected = "rejected",
        Canceled = "canceled",
    }
}

words! {
    /// Why somebody asks for it. What else there is to say stands in the note.
    pub enum Reason {
        Other = "other",
        RequestedByCustomer = "requested_by_customer",
        Duplicate = "duplicate",
        Fraudulent = "fraudulent",
        TechnicalFailure = "technical_failure",
        ModerationRejection = "moderation_rejection",
    }
}

words! {
    /// On whose word it may be sent.
    pub enum Approval {
        None = "none",
        // The requester's own, who may manage money and stayed below the thresholds.
        Own = "own",
        // The rules', for a program.
        Policy = "policy",
        // A second person's.
        Person = "person",
    }
}

words! {
    /// What a person or a rule decides about an operation; kept for ever.
    pub enum DecisionKind {
        Request = "request",
        Confirm = "confirm",
        Approve = "approve",
        Reject = "reject",
        Cancel = "cancel",
        // It was done: somebody found what it made at Stripe.
        Adopt = "adopt",
        // It was not done: somebody looked at Stripe and says so.
        GiveUp = "give_up",
    }
}

impl OperationState {
    /// Whether it may still move money: its amount counts as spent.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::NeedsConfirmation | Self::NeedsApproval | Self::Approved | Self::Executing | Self::Unknown
        )
    }

    /// Whether people still wait for it, and nothing was sent.
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::NeedsConfirmation | Self::NeedsApproval | Self::Approved)
    }
}

impl Reason {
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
    }

    /// Stripe's own word for it, where it has one.
    pub fn at_stripe(self) -> Option<&'static str> {
        match self {
            Self::RequestedByCustomer | Self::Duplicate | Self::Fraudulent => Some(self.as_str()),
            Self::Other | Self::TechnicalFailure | Self::ModerationRejection => None,
        }
    }

    /// Whether the rules may approve it for a program, soon after the payment.
    pub fn is_for_programs(self) -> bool {
        matches!(self, Self::TechnicalFailure | Self::ModerationRejection)
    }
}
