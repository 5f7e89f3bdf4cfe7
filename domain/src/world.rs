//! The merged objects that a set of events is about, and the one place where events are applied to them:
//! merge the observations, derive what hangs on them, tell the transitions.

mod billing;
mod stale;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::stale::Stale;
use super::bans::Ban;
use super::charges::Charge;
use super::customers::Customer;
use super::disputes::Dispute;
use super::failures::PaymentFailure;
use super::freshness::Freshness;
use super::index::Index;
use super::invoice_payments::InvoicePayment;
use super::invoices::Invoice;
use super::movements::Movement;
use super::payments::Payment;
use super::policy::Policy;
use super::refunds::Refund;
use super::shelf::Shelf;
use super::subscriptions::Subscription;
use super::warnings::Warning;
use super::{Key, Object, Observation, Transition};

/// One event, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    pub observations: Vec<Observation>,
}

impl Event {
    /// Stripe's order, as far as stamps and ranks tell it.
    pub fn place(&self) -> Option<(DateTime<Utc>, Freshness)> {
        self.observations.first().map(|observation| (observation.at(), observation.freshness()))
    }
}

/// Objects by key. What is not in here is a placeholder: a ledger loads all that its events may touch first.
#[derive(Clone, Debug, Default)]
pub struct World {
    policy: Arc<Policy>,
    pub refunds: Shelf<Refund>,
    pub movements: Shelf<Movement>,
    pub disputes: Shelf<Dispute>,
    pub failures: Shelf<PaymentFailure>,
    pub warnings: Shelf<Warning>,
    pub invoice_payments: Shelf<InvoicePayment>,
    pub charges: Shelf<Charge>,
    pub payments: Shelf<Payment>,
    pub invoices: Shelf<Invoice>,
    pub subscriptions: Shelf<Subscription>,
    pub customers: Shelf<Customer>,
    pub bans: Shelf<Ban>,
    refunds_of_charge: Index,
    refunds_of_payment: Index,
    movements_of_dispute: Index,
    disputes_of_charge: Index,
    failures_of_payment: Index,
    reports_of_invoice: Index,
    charges_of_payment: Index,
    payments_of_invoice: Index,
    payments_by_reference: Index,
    rows_of_invoice: Index,
    rows_of_payment: Index,
    invoices_of_subscription: Index,
    payments_of_customer: Index,
    payments_of_user: Index,
    customers_of_user: Index,
    users_concerned: BTreeSet<Key>,
    customers_concerned: BTreeSet<Key>,
}

impl World {
    pub fn new(policy: Arc<Policy>) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Merges what the event says, derives what hangs on it, and tells what the audit keeps.
    pub fn apply(&mut self, event: &Event) -> Vec<Transition> {
        let mut stale = Stale::default();
        for observation in &event.observations {
            // The owners that an object leaves, and those that it comes to.
            self.mark(observation, &mut stale);
            self.merge(observation);
            self.mark(observation, &mut stale);
        }
        self.derive(&stale);
        self.users_concerned.extend(stale.users);
        self.customers_concerned.extend(stale.customers);
        let mut transitions = Vec::new();
        self.failures.tell(&event.id, &mut transitions);
        self.refunds.tell(&event.id, &mut transitions);
        self.movements.tell(&event.id, &mut transitions);
        self.disputes.tell(&event.id, &mut transitions);
        self.warnings.tell(&event.id, &mut transitions);
        self.invoice_payments.tell(&event.id, &mut transitions);
        self.charges.tell(&event.id, &mut transitions);
        self.payments.tell(&event.id, &mut transitions);
        self.invoices.tell(&event.id, &mut transitions);
        self.subscriptions.tell(&event.id, &mut transitions);
        self.customers.tell(&event.id, &mut transitions);
        self.bans.tell(&event.id, &mut transitions);
        transitions
    }

    /// The users whose disputes the events so far touched, the former ones too.
    pub fn users_concerned(&self) -> &BTreeSet<Key> {
        &self.users_concerned
    }

    /// The customers whom a payment named while it was disputed, however briefly among the events so far: a charge
    /// that comes to another payment takes its disputes along.
    pub fn customers_concerned(&self) -> &BTreeSet<Key> {
        &self.customers_concerned
    }

    /// Takes in a row as the ledger has it; what is here already stays.
    pub fn load_refund(&mut self, row: Refund) {
        if self.refunds.has(&row.key) {
            return;
        }
        self.refunds_of_charge.put(&row.key, row.owner());
        self.refunds_of_payment.put(&row.key, row.paid_by());
        self.refunds.load(row);
    }

    pub fn load_movement(&mut self, row: Movement) {
        if self.movements.has(&row.key) {
            return;
        }
        self.movements_of_dispute.put(&row.key, row.owner());
        self.movements.load(row);
    }

    pub fn load_dispute(&mut self, row: Dispute) {
        if self.disputes.has(&row.key) {
            return;
        }
        self.disputes_of_charge.put(&row.key, row.owner());
        self.disputes.load(row);
    }

    pub fn load_failure(&mut self, row: PaymentFailure) {
        if self.failures.has(&row.key) {
            return;
        }
        self.failures_of_payment.put(&row.key, row.owner());
        self.reports_of_invoice.put(&row.key, row.reported_by());
        self.failures.load(row);
    }

    pub fn load_warning(&mut self, row: Warning) {
        self.warnings.load(row);
    }

    pub fn load_invoice_payment(&mut self, row: InvoicePayment) {
        if self.invoice_payments.has(&row.key) {
            return;
        }
        self.rows_of_invoice.put(&row.key, row.owner());
        self.rows_of_payment.put(&row.key, row.paid_by());
        self.invoice_payments.load(row);
    }

    pub fn load_charge(&mut self, row: Charge) {
        if self.charges.has(&row.key) {
            return;
        }
        self.charges_of_payment.put(&row.key, row.owner());
        self.charges.load(row);
    }

    pub fn load_payment(&mut self, row: Payment) {
        if self.payments.has(&row.key) {
            return;
        }
        let (invoice, customer, user) = owners_of(&row);
        self.payments_of_invoice.put(&row.key, invoice);
        self.payments_by_reference.put(&row.key, row.referenced());
        self.payments_of_customer.put(&row.key, customer);
        self.payments_of_user.put(&row.key, user);
        self.payments.load(row);
    }

    pub fn load_invoice(&mut self, row: Invoice) {
        if self.invoices.has(&row.key) {
            return;
        }
        self.invoices_of_subscription.put(&row.key, row.subscribed());
        self.invoices.load(row);
    }

    pub fn load_subscription(&mut self, row: Subscription) {
        self.subscriptions.load(row);
    }

    pub fn load_customer(&mut self, row: Customer) {
        if self.customers.has(&row.key) {
            return;
        }
        self.customers_of_user.put(&row.key, row.user());
        self.customers.load(row);
    }

    pub fn load_ban(&mut self, row: Ban) {
        self.bans.load(row);
    }

    fn merge(&mut self, observation: &Observation) {
        match observation {
            Observation::Refund(report) => {
                self.refunds.change(&report.key, |row| row.merge(report));
                let row = self.refunds.get(&report.key);
                self.refunds_of_charge.put(&report.key, row.and_then(Refund::owner));
                self.refunds_of_payment.put(&report.key, row.and_then(Refund::paid_by));
            }
            Observation::Movement(report) => {
                self.movements.change(&report.key, |row| row.merge(report));
                let owner = self.movements.get(&report.key).and_then(Movement::owner);
                self.movements_of_dispute.put(&report.key, owner);
            }
            Observation::Dispute(report) => {
                self.disputes.change(&report.key, |row| row.merge(report));
                let owner = self.disputes.get(&report.key).and_then(Dispute::owner);
                self.disputes_of_charge.put(&report.key, owner);
            }
            Observation::Failure(report) => {
                self.failures.change(&report.key, |row| row.merge(report));
                let row = self.failures.get(&report.key);
                self.failures_of_payment.put(&report.key, row.and_then(PaymentFailure::owner));
                self.reports_of_invoice.put(&report.key, row.and_then(PaymentFailure::reported_by));
            }
            Observation::Warning(report) => self.warnings.change(&report.key, |row| row.merge(report)),
            Observation::InvoicePayment(report) => {
                self.invoice_payments.change(&report.key, |row| row.merge(report));
                let row = self.invoice_payments.get(&report.key);
                self.rows_of_invoice.put(&report.key, row.and_then(InvoicePayment::owner));
                self.rows_of_payment.put(&report.key, row.and_then(InvoicePayment::paid_by));
            }
            Observation::Charge(report) => {
                self.charges.change(&report.key, |row| row.merge(report));
                let owner = self.charges.get(&report.key).and_then(Charge::owner);
                self.charges_of_payment.put(&report.key, owner);
            }
            Observation::Payment(report) => {
                self.payments.change(&report.key, |row| row.merge(report));
                self.count_payment(&report.key);
                if let Some(row) = self.payments.get(&report.key) {
                    let (_, customer, user) = owners_of(row);
                    self.payments_of_customer.put(&report.key, customer);
                    self.payments_of_user.put(&report.key, user);
                }
            }
            Observation::Invoice(report) => {
                self.invoices.change(&report.key, |row| row.merge(report));
                let subscription = self.invoices.get(&report.key).and_then(Invoice::subscribed);
                self.invoices_of_subscription.put(&report.key, subscription);
                self.count_awaiting_payments(&report.key);
            }
            Observation::Subscription(report) => {
                self.subscriptions.change(&report.key, |row| row.merge(report));
            }
            Observation::Customer(report) => {
                self.customers.change(&report.key, |row| row.merge(report));
                let user = self.customers.get(&report.key).and_then(Customer::user);
                self.customers_of_user.put(&report.key, user);
            }
        }
    }

    /// Derives from below upwards, each once: what a parent derives hangs on what its children have derived.
    fn derive(&mut self, stale: &Stale) {
        for key in &stale.disputes {
            let movements = self.movements.among(self.movements_of_dispute.of(key));
            self.disputes.change(key, |row| row.derive(movements));
        }
        for key in &stale.charges {
            let refunds = self.refunds.among(self.refunds_of_charge.of(key));
            let disputes = self.disputes.among(self.disputes_of_charge.of(key));
            self.charges.change(key, |row| row.derive(refunds, disputes));
        }
        for key in &stale.payments {
            let charges = self.charges.among(self.charges_of_payment.of(key));
            let refunds = self.refunds.among(self.refunds_of_payment.of(key));
            let failures = self.failures.among(self.failures_of_payment.of(key));
            self.payments.change(key, |row| row.derive(charges, refunds, failures));
        }
        for key in &stale.invoices {
            let mut derived =
                self.invoices.get(key).cloned().unwrap_or_else(|| Invoice::placeholder(key.clone()));
            derived.derive(&self.parts_of_invoice(key), &self.policy);
            self.invoices.change(key, |row| *row = derived);
        }
        for key in &stale.users {
            let disputes: Vec<Dispute> = self.disputes_of_user(key).cloned().collect();
            self.bans.change(key, |row| row.derive(disputes.iter(), &self.policy));
        }
    }

    /// Every object that says something, as its row, without revisions: how many steps led here depends on
    /// the order. A row that only was touched says nothing.
    pub fn state(&self) -> BTreeMap<(&'static str, Key), serde_json::Value> {
        let mut state = BTreeMap::new();
        add(&mut state, &self.refunds);
        add(&mut state, &self.movements);
        add(&mut state, &self.disputes);
        add(&mut state, &self.failures);
        add(&mut state, &self.warnings);
        add(&mut state, &self.invoice_payments);
        add(&mut state, &self.charges);
        add(&mut state, &self.payments);
        add(&mut state, &self.invoices);
        add(&mut state, &self.subscriptions);
        add(&mut state, &self.customers);
        add(&mut state, &self.bans);
        state
    }

    /// Whether both have the same `state`.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.refunds.is_same_as(&other.refunds)
            && self.movements.is_same_as(&other.movements)
            && self.disputes.is_same_as(&other.disputes)
            && self.failures.is_same_as(&other.failures)
            && self.warnings.is_same_as(&other.warnings)
            && self.invoice_payments.is_same_as(&other.invoice_payments)
            && self.charges.is_same_as(&other.charges)
            && self.payments.is_same_as(&other.payments)
            && self.invoices.is_same_as(&other.invoices)
            && self.subscriptions.is_same_as(&other.subscriptions)
            && self.customers.is_same_as(&other.customers)
            && self.bans.is_same_as(&other.bans)
    }
}

/// The invoice, the customer and the user of a payment, as far as it names them.
fn owners_of(row: &Payment) -> (Option<Key>, Option<Key>, Option<Key>) {
    let sibling = |id: Option<&str>| id.map(|id| row.key.sibling(id));
    (row.owner(), sibling(row.customer.id()), sibling(row.user.id()))
}

fn add<T: Object>(state: &mut BTreeMap<(&'static str, Key), serde_json::Value>, shelf: &Shelf<T>) {
    for row in shelf.telling() {
        let value = serde_json::to_value(&row).expect("a row is plain text, numbers and moments");
        state.insert((T::KIND, row.key().clone()), value);
    }
}
