//! Operations: what Stripe is asked to do. Each is a row before anything is sent, and moves through these states.
//!
//! ```text
//! needs_confirmation ─► needs_approval ─► approved ─► executing ─► succeeded
//!        │                    │              │            ├─► failed   (definite; the reason is kept)
//!        └─► lapsed           ├─► rejected   └─► canceled └─► unknown ─► succeeded | failed
//! refused                     └─► lapsed
//! ```

use super::row::words;

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

impl OperationState {
    /// Whether it may still move money: its amount counts as spent.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::NeedsConfirmation | Self::NeedsApproval | Self::Approved | Self::Executing | Self::Unknown
        )
    }
}
