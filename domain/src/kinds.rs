//! The one list of the kinds of object that the ledger keeps. Everything that concerns all kinds is made from it:
//! the enum, the observations, the graph's rows, and what other crates do with each kind. A new kind is its rules,
//! its table, and its line here.

use std::fmt;

use serde::Serialize;

use super::event::Circumstances;
use super::fields::Fields;
use super::row::Columns;
use super::{AtStripe, Object, Observation, Permanent};
use super::{
    charges, customers, disputes, fraud_warnings, invoice_payments, invoices, payments, payouts, refunds,
    subscriptions,
};

/// Gives the list to another macro, after that macro's own arguments. Children stand before their parents: that
/// is the order in which rows are locked. Those that no event reports are derived from the others.
#[macro_export]
macro_rules! with_kinds {
    (($($callback:tt)*) $($arguments:tt)*) => {
        $($callback)*! {
            [$($arguments)*]
            reported {
                Refund: refunds, $crate::refunds::Refund, $crate::refunds::Report;
                Movement: movements, $crate::dispute_movements::Movement, $crate::dispute_movements::Report;
                Dispute: disputes, $crate::disputes::Dispute, $crate::disputes::Report;
                Failure: failures, $crate::payment_failures::PaymentFailure, $crate::payment_failures::Report;
                Warning: warnings, $crate::fraud_warnings::Warning, $crate::fraud_warnings::Report;
                InvoicePayment: invoice_payments, $crate::invoice_payments::InvoicePayment, $crate::invoice_payments::Report;
                Payout: payouts, $crate::payouts::Payout, $crate::payouts::Report;
                Charge: charges, $crate::charges::Charge, $crate::charges::Report;
                Payment: payments, $crate::payments::Payment, $crate::payments::Report;
                Subscription: subscriptions, $crate::subscriptions::Subscription, $crate::subscriptions::Report;
                Invoice: invoices, $crate::invoices::Invoice, $crate::invoices::Report;
                Customer: customers, $crate::customers::Customer, $crate::customers::Report;
            }
            derived {
                Ban: bans, $crate::bans::Ban;
            }
        }
    };
}

/// What one rule makes of an event that it reads.
pub(crate) type Rule = fn(Circumstances<'_>, &Fields<'_>) -> Result<Vec<Observation>, Permanent>;

/// Which rule reads which type, under which name its refusals go; `None` where there is none.
pub(crate) fn rule(event_type: &str) -> Option<(&'static str, Rule)> {
    let (subject, what) = event_type.rsplit_once('.').unwrap_or_default();
    let rule: (&'static str, Rule) = match (subject, what) {
        ("payment_intent", _) => ("payments", payments::read),
        ("charge", _) if charges::TYPES.contains(&event_type) => ("charges", charges::read),
        ("refund" | "charge.refund", _) => ("refunds", refunds::read),
        ("charge.dispute", _) => ("disputes", disputes::read),
        ("invoice", "upcoming") => return None,
        ("invoice", _) => ("invoices", invoices::read),
        ("invoice_payment", _) => ("invoice_payments", invoice_payments::read),
        ("customer", "created" | "updated" | "deleted") => ("customers", customers::read),
        ("customer.subscription", _) => ("subscriptions", subscriptions::read),
        ("payout", _) => ("payouts", payouts::read),
        ("radar.early_fraud_warning", _) => ("warnings", fraud_warnings::read),
        _ => return None,
    };
    Some(rule)
}

macro_rules! kind {
    (
        []
        reported { $($reported:ident: $reported_rows:ident, $reported_row:ty, $report:ty;)* }
        derived { $($derived:ident: $derived_rows:ident, $derived_row:ty;)* }
    ) => {
        /// A kind of object.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($reported,)* $($derived,)* }

        impl Kind {
            pub const ALL: &[Self] = &[$(Self::$reported,)* $(Self::$derived,)*];
        }
    };
}
with_kinds!((kind));

/// Runs the body with `$Row` as the type of the rows of a kind that is known only when the program runs.
#[macro_export]
macro_rules! of_kind {
    ($kind:expr, |$Row:ident| $body:expr) => {
        $crate::with_kinds!(($crate::of_kind_in) $kind, |$Row| $body)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! of_kind_in {
    (
        [$kind:expr, |$Row:ident| $body:expr]
        reported { $($reported:ident: $reported_rows:ident, $reported_row:ty, $report:ty;)* }
        derived { $($derived:ident: $derived_rows:ident, $derived_row:ty;)* }
    ) => {
        match $kind {
            $($crate::kinds::Kind::$reported => { type $Row = $reported_row; $body })*
            $($crate::kinds::Kind::$derived => { type $Row = $derived_row; $body })*
        }
    };
}

/// Runs the body once for each kind, with `$Row` as the type of its rows, children before their parents.
#[macro_export]
macro_rules! each_kind {
    (|$Row:ident| $body:expr) => {
        $crate::with_kinds!(($crate::each_kind_in) | $Row | $body)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! each_kind_in {
    (
        [|$Row:ident| $body:expr]
        reported { $($reported:ident: $reported_rows:ident, $reported_row:ty, $report:ty;)* }
        derived { $($derived:ident: $derived_rows:ident, $derived_row:ty;)* }
    ) => {
        {
            $({ type $Row = $reported_row; $body; })*
            $({ type $Row = $derived_row; $body; })*
        }
    };
}

impl Kind {
    /// Its name in the audit, in metrics and in commands.
    pub fn as_str(self) -> &'static str {
        of_kind!(self, |Row| Row::NAME)
    }

    pub fn table(self) -> &'static str {
        of_kind!(self, |Row| Row::TABLE)
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Where Stripe's API has it; `None` where only events tell of it.
    pub fn at_stripe(self) -> Option<AtStripe> {
        of_kind!(self, |Row| Row::AT_STRIPE)
    }

    /// Stripe's statuses that the rules were written for; none where it has no status.
    pub fn stripe_statuses(self) -> &'static [&'static str] {
        of_kind!(self, |Row| Row::STRIPE_STATUSES)
    }

    /// Whether two reports of one moment may contradict each other, so that only Stripe can tell.
    pub fn can_be_uncertain(self) -> bool {
        of_kind!(self, |Row| {
            let mut columns = Columns::new();
            <Row as super::row::Field>::columns("", &[], &mut columns);
            columns.iter().any(|(name, _)| *name == "needs_refetch")
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_name_and_a_table_of_its_own() {
        let names: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        let tables: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.table()).collect();
        assert_eq!((names.len(), tables.len()), (Kind::ALL.len(), Kind::ALL.len()));
        assert!(Kind::ALL.iter().all(|kind| Kind::named(kind.as_str()) == Some(*kind)));
    }

    #[test]
    fn what_is_reported_may_be_uncertain_and_what_is_derived_is_not() {
        let certain: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| !kind.can_be_uncertain()).collect();
        assert_eq!(certain, [Kind::Failure, Kind::Ban]);
    }

    #[test]
    fn every_kind_is_visited_once_in_the_order_of_locks() {
        let mut visited = Vec::new();
        each_kind!(|Row| visited.push(Row::KIND));
        assert_eq!(visited, Kind::ALL);
        assert!(visited.is_sorted());
    }
}
