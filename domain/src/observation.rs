//! What one event says about one object.

use chrono::{DateTime, Utc};

use super::freshness::Freshness;
use super::{Key, Object, charges, customers, disputes, failures, invoice_payments, invoices, movements};
use super::{payments, refunds, subscriptions, warnings};

/// A report of one object: its state `S`, and its links to others `L`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report<S, L> {
    pub key: Key,
    pub freshness: Freshness,
    /// Stripe's stamp of the event.
    pub at: DateTime<Utc>,
    /// The fields that the freshest report replaces together; `None` where the event only names the object.
    pub state: Option<S>,
    pub links: L,
}

/// An event's own object comes first among its observations; the objects that it names follow, so that every
/// reference makes a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    Refund(refunds::Report),
    Movement(movements::Report),
    Dispute(disputes::Report),
    Failure(failures::Report),
    Warning(warnings::Report),
    Charge(charges::Report),
    Payment(payments::Report),
    InvoicePayment(invoice_payments::Report),
    Invoice(invoices::Report),
    Subscription(subscriptions::Report),
    Customer(customers::Report),
}

impl Observation {
    /// The object that it is about: its kind and its key.
    pub fn subject(&self) -> (&'static str, &Key) {
        match self {
            Self::Refund(report) => (refunds::Refund::KIND, &report.key),
            Self::Movement(report) => (movements::Movement::KIND, &report.key),
            Self::Dispute(report) => (disputes::Dispute::KIND, &report.key),
            Self::Failure(report) => (failures::PaymentFailure::KIND, &report.key),
            Self::Warning(report) => (warnings::Warning::KIND, &report.key),
            Self::Charge(report) => (charges::Charge::KIND, &report.key),
            Self::Payment(report) => (payments::Payment::KIND, &report.key),
            Self::InvoicePayment(report) => (invoice_payments::InvoicePayment::KIND, &report.key),
            Self::Invoice(report) => (invoices::Invoice::KIND, &report.key),
            Self::Subscription(report) => (subscriptions::Subscription::KIND, &report.key),
            Self::Customer(report) => (customers::Customer::KIND, &report.key),
        }
    }

    pub fn freshness(&self) -> Freshness {
        self.stamped().1
    }

    /// Stripe's stamp of the event.
    pub fn at(&self) -> DateTime<Utc> {
        self.stamped().0
    }

    fn stamped(&self) -> (DateTime<Utc>, Freshness) {
        match self {
            Self::Refund(report) => (report.at, report.freshness),
            Self::Movement(report) => (report.at, report.freshness),
            Self::Dispute(report) => (report.at, report.freshness),
            Self::Failure(report) => (report.at, report.freshness),
            Self::Warning(report) => (report.at, report.freshness),
            Self::Charge(report) => (report.at, report.freshness),
            Self::Payment(report) => (report.at, report.freshness),
            Self::InvoicePayment(report) => (report.at, report.freshness),
            Self::Invoice(report) => (report.at, report.freshness),
            Self::Subscription(report) => (report.at, report.freshness),
            Self::Customer(report) => (report.at, report.freshness),
        }
    }
}
