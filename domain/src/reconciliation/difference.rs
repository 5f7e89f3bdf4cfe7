//! One item on which Stripe and the ledger do not agree, by its kind.

use crate::row::words;

words! {
    pub enum DifferenceKind {
        // The ledger does not know what the transaction is about.
        MissingObject = "missing_object",
        // Both know it, and say different amounts.
        AmountDiffers = "amount_differs",
        // The ledger has it in a state in which no money moves that way.
        StatusDiffers = "status_differs",
        // The balance moved more than once for one object.
        DuplicateTransaction = "duplicate_transaction",
        // The ledger has it, and Stripe's balance does not.
        MissingTransaction = "missing_transaction",
        // A payout is not the sum of its transactions.
        PayoutDiffers = "payout_differs",
        // net is not amount - fee.
        NetDiffers = "net_differs",
        // An invoice is not the sum of its payments.
        InvoiceDiffers = "invoice_differs",
        // More was counted towards invoices than a payment received.
        PaymentDiffers = "payment_differs",
        // A day does not begin as the day before ended.
        BalanceDiffers = "balance_differs",
        // A type that is compared with nothing.
        Unclassified = "unclassified",
    }
}

impl DifferenceKind {
    /// It shows that something is not understood, whatever it amounts to.
    pub fn is_about_form(self) -> bool {
        matches!(self, Self::Unclassified | Self::NetDiffers)
    }

    /// Whether Stripe's own word about the object may settle it.
    pub fn is_worth_asking(self) -> bool {
        matches!(self, Self::MissingObject | Self::AmountDiffers | Self::StatusDiffers)
    }
}

/// One item on which both sides do not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub kind: DifferenceKind,
    pub subject_kind: &'static str,
    pub subject: String,
    /// The transaction, or the day, that tells several of one kind about one subject apart.
    pub item: String,
    pub currency: String,
    pub stripe_amount: Option<i64>,
    pub ledger_amount: Option<i64>,
}
