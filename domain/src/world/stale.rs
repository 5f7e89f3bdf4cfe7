//! What has to be derived again when an object changes: its owners, up the chain.

use std::collections::BTreeSet;

use super::World;
use crate::charges::Charge;
use crate::customers::Customer;
use crate::disputes::Dispute;
use crate::failures::PaymentFailure;
use crate::invoice_payments::InvoicePayment;
use crate::movements::Movement;
use crate::{Key, Observation};

/// The objects whose derived fields may no longer be true.
#[derive(Debug, Default)]
pub(super) struct Stale {
    pub(super) disputes: BTreeSet<Key>,
    pub(super) charges: BTreeSet<Key>,
    pub(super) payments: BTreeSet<Key>,
    pub(super) invoices: BTreeSet<Key>,
    pub(super) users: BTreeSet<Key>,
    /// Who decide which user it is.
    pub(super) customers: BTreeSet<Key>,
}

impl World {
    /// Marks what hangs on the observed object, by the links as they stand now.
    pub(super) fn mark(&self, observation: &Observation, stale: &mut Stale) {
        match observation {
            Observation::Refund(report) => {
                if let Some(refund) = self.refunds.get(&report.key) {
                    self.mark_charge(refund.owner(), stale);
                    self.mark_payment(refund.paid_by(), stale);
                }
            }
            Observation::Movement(report) => {
                // What a prevented dispute took is told by the money that it moved.
                if let Some(dispute) = self.movements.get(&report.key).and_then(Movement::owner) {
                    self.mark_charge(self.disputes.get(&dispute).and_then(Dispute::owner), stale);
                    stale.disputes.insert(dispute);
                }
            }
            Observation::Dispute(report) => {
                stale.disputes.insert(report.key.clone());
                self.mark_charge(self.disputes.get(&report.key).and_then(Dispute::owner), stale);
            }
            Observation::Failure(report) => {
                let row = self.failures.get(&report.key);
                self.mark_payment(row.and_then(PaymentFailure::owner), stale);
                stale.invoices.extend(row.and_then(PaymentFailure::reported_by));
            }
            Observation::InvoicePayment(report) => {
                let row = self.invoice_payments.get(&report.key);
                self.mark_payment(row.and_then(InvoicePayment::paid_by), stale);
                stale.invoices.extend(row.and_then(InvoicePayment::owner));
            }
            Observation::Charge(report) => self.mark_charge(Some(report.key.clone()), stale),
            Observation::Payment(report) => self.mark_payment(Some(report.key.clone()), stale),
            Observation::Invoice(report) => {
                stale.invoices.insert(report.key.clone());
                let awaiting = self.payments_awaiting(&report.key);
                stale.invoices.extend(awaiting.filter_map(|payment| self.payments.get(payment)?.owner()));
            }
            Observation::Customer(report) => {
                for payment in self.payments_of_customer.of(&report.key) {
                    self.mark_user_of(payment, stale);
                }
            }
            Observation::Subscription(report) => {
                stale.invoices.extend(self.invoices_of_subscription.of(&report.key).cloned());
            }
            Observation::Warning(_) => {}
        }
    }

    fn mark_charge(&self, charge: Option<Key>, stale: &mut Stale) {
        let Some(charge) = charge else { return };
        self.mark_payment(self.charges.get(&charge).and_then(Charge::owner), stale);
        stale.charges.insert(charge);
    }

    fn mark_payment(&self, payment: Option<Key>, stale: &mut Stale) {
        let Some(payment) = payment else { return };
        stale.invoices.extend(self.invoices_of_payment(&payment));
        self.mark_user_of(&payment, stale);
        stale.payments.insert(payment);
    }

    /// Users are concerned only where there is a dispute: their rows are few, and many want them.
    fn mark_user_of(&self, payment: &Key, stale: &mut Stale) {
        if self.is_disputed(payment) {
            stale.users.extend(self.user_of(payment));
            let customer =
                self.payments.get(payment).and_then(|row| Some(payment.sibling(row.customer.id()?)));
            stale.customers.extend(customer);
        }
    }

    /// Whether any of its charges is disputed: as the ledger had it, or by a dispute that came since.
    pub fn is_disputed(&self, payment: &Key) -> bool {
        self.charges_of_payment.of(payment).any(|key| {
            let stored = self.charges.get(key).is_some_and(|charge| charge.dispute_count > 0);
            stored || self.disputes_of_charge.of(key).next().is_some()
        })
    }

    /// Whose payment it is: by its own word, else by its customer's, else the customer himself.
    pub fn user_of(&self, payment: &Key) -> Option<Key> {
        let payment = self.payments.get(payment)?;
        if let Some(user) = payment.user.id() {
            return Some(payment.key.sibling(user));
        }
        let customer = payment.key.sibling(payment.customer.id()?);
        let user = self.customers.get(&customer).and_then(Customer::user);
        Some(user.unwrap_or(customer))
    }

    /// Every dispute of a payment whose user this is.
    pub fn disputes_of_user<'a>(&'a self, user: &'a Key) -> impl Iterator<Item = &'a Dispute> {
        let named = self.payments_of_user.of(user);
        let customers = self.customers_of_user.of(user).chain(std::iter::once(user));
        let by_customer = customers.flat_map(|customer| self.payments_of_customer.of(customer));
        let payments: BTreeSet<&Key> = named.chain(by_customer).collect();
        let own = payments.into_iter().filter(|payment| self.user_of(payment).as_ref() == Some(user));
        let charges = own.flat_map(|payment| self.charges_of_payment.of(payment));
        let disputes = charges.flat_map(|charge| self.disputes_of_charge.of(charge));
        disputes.filter_map(|dispute| self.disputes.get(dispute))
    }
}
