//! What must be derived again when an object changes: its owners, up the chain.

use std::collections::BTreeSet;

use super::{InGraph, ObjectGraph};
use crate::charges::Charge;
use crate::customers::Customer;
use crate::dispute_movements::Movement;
use crate::disputes::Dispute;
use crate::index::Link;
use crate::{Key, Kind, Object, Observation, of_kind};

/// The objects whose derived fields may no longer be true.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    pub(super) disputes: BTreeSet<Key>,
    pub(super) charges: BTreeSet<Key>,
    pub(super) payments: BTreeSet<Key>,
    pub(super) invoices: BTreeSet<Key>,
    pub(super) users: BTreeSet<Key>,
    /// Who decide which user it is.
    pub(super) customers: BTreeSet<Key>,
}

impl ObjectGraph {
    /// Marks what hangs on the observed object, by the links as they stand now.
    pub(super) fn mark(&self, observation: &Observation, dirty: &mut Dirty) {
        let (kind, key) = observation.subject();
        match kind {
            Kind::Movement => {
                // What a prevented dispute took is told by the money that it moved.
                if let Some(dispute) = self.movements.get(key).and_then(Movement::owner) {
                    self.mark_charge(self.disputes.get(&dispute).and_then(Dispute::owner), dirty);
                    dirty.disputes.insert(dispute);
                }
            }
            Kind::Dispute => {
                dirty.disputes.insert(key.clone());
                self.mark_charge(self.disputes.get(key).and_then(Dispute::owner), dirty);
            }
            Kind::Charge => self.mark_charge(Some(key.clone()), dirty),
            Kind::Payment => self.mark_payment(Some(key.clone()), dirty),
            Kind::Invoice => {
                dirty.invoices.insert(key.clone());
                let awaiting = self.payments_awaiting(key);
                dirty.invoices.extend(awaiting.filter_map(|payment| self.payments.get(payment)?.owner()));
            }
            Kind::Customer => {
                for payment in self.links.of(Link::PaymentOfCustomer, key) {
                    self.mark_user_of(payment, dirty);
                }
            }
            Kind::Subscription => {
                dirty.invoices.extend(self.links.of(Link::InvoiceOfSubscription, key).cloned());
            }
            _ => {
                let owners = of_kind!(kind, |Row| Row::rows(self).get(key).map(Object::owners));
                for (kind, owner) in owners.unwrap_or_default() {
                    match kind {
                        Kind::Charge => self.mark_charge(Some(owner), dirty),
                        Kind::Payment => self.mark_payment(Some(owner), dirty),
                        Kind::Invoice => {
                            dirty.invoices.insert(owner);
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    fn mark_charge(&self, charge: Option<Key>, dirty: &mut Dirty) {
        let Some(charge) = charge else { return };
        self.mark_payment(self.charges.get(&charge).and_then(Charge::owner), dirty);
        dirty.charges.insert(charge);
    }

    fn mark_payment(&self, payment: Option<Key>, dirty: &mut Dirty) {
        let Some(payment) = payment else { return };
        dirty.invoices.extend(self.invoices_of_payment(&payment));
        self.mark_user_of(&payment, dirty);
        dirty.payments.insert(payment);
    }

    /// Users are concerned only where there is a dispute: their rows are few, and many want them.
    fn mark_user_of(&self, payment: &Key, dirty: &mut Dirty) {
        if self.is_disputed(payment) {
            dirty.users.extend(self.user_of(payment));
            let customer =
                self.payments.get(payment).and_then(|row| Some(payment.sibling(row.customer.id()?)));
            dirty.customers.extend(customer);
        }
    }

    /// Whether any of its charges is disputed: as the ledger had it, or by a dispute that came since.
    pub fn is_disputed(&self, payment: &Key) -> bool {
        self.links.of(Link::ChargeOfPayment, payment).any(|key| {
            let stored = self.charges.get(key).is_some_and(|charge| charge.dispute_count > 0);
            stored || self.links.of(Link::DisputeOfCharge, key).next().is_some()
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
        let named = self.links.of(Link::PaymentOfUser, user);
        let customers = self.links.of(Link::CustomerOfUser, user).chain(std::iter::once(user));
        let by_customer = customers.flat_map(|customer| self.links.of(Link::PaymentOfCustomer, customer));
        let payments: BTreeSet<&Key> = named.chain(by_customer).collect();
        let own = payments.into_iter().filter(|payment| self.user_of(payment).as_ref() == Some(user));
        let charges = own.flat_map(|payment| self.links.of(Link::ChargeOfPayment, payment));
        let disputes = charges.flat_map(|charge| self.links.of(Link::DisputeOfCharge, charge));
        disputes.filter_map(|dispute| self.disputes.get(dispute))
    }
}
