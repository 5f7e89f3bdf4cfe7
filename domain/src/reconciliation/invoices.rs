//! The third way: what Stripe says was paid of an invoice, beside the payments that paid it.

use super::difference::{Difference, DifferenceKind};
use crate::readable;

readable! {
    /// An invoice of Stripe's that was paid, and what its payments come to.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct PaidInvoice {
        pub id: String,
        pub currency: String,
        /// As the invoice says.
        pub stated: i64,
        /// Invoice payments that are paid, and their sum.
        pub items: i64,
        pub itemised: i64,
        /// The part of it that payments of Stripe's paid; the rest was paid elsewhere, and recorded.
        pub by_payments: i64,
        /// What the payments received that name the invoice.
        pub received: i64,
    }
}

impl PaidInvoice {
    /// Where Stripe itemises who paid, the items count; else the payments that are linked.
    pub(super) fn difference(&self) -> Option<Difference> {
        let paid = if self.items > 0 { self.itemised } else { self.received };
        (paid != self.stated).then(|| Difference {
            kind: DifferenceKind::InvoiceDiffers,
            subject_kind: "invoice",
            subject: self.id.clone(),
            item: String::new(),
            currency: self.currency.clone(),
            stripe_amount: Some(self.stated),
            ledger_amount: Some(paid),
        })
    }

    /// What its payments received does not cover what they are said to have paid.
    pub(super) fn uncovered(&self) -> Option<Difference> {
        (self.items > 0 && self.received > 0 && self.received < self.by_payments).then(|| Difference {
            kind: DifferenceKind::PaymentDiffers,
            subject_kind: "invoice",
            subject: self.id.clone(),
            item: String::new(),
            currency: self.currency.clone(),
            stripe_amount: Some(self.received),
            ledger_amount: Some(self.by_payments),
        })
    }
}
