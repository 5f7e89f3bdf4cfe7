//! The merged objects that a set of events is about, and the one place where events are applied to them:
//! merge the observations, derive what hangs on them, tell the transitions.

use std::collections::{BTreeMap, BTreeSet};

use super::freshness::Freshness;
use super::invoices::Invoice;
use super::payments::Payment;
use super::{Key, Observation, Transition};

/// One event, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    pub observations: Vec<Observation>,
}

impl Event {
    /// How fresh it is, by its first observation.
    pub fn freshness(&self) -> Freshness {
        match self.observations.first() {
            Some(Observation::Payment(report)) => report.freshness,
            Some(Observation::Invoice(report)) => report.freshness,
            None => Freshness::NONE,
        }
    }
}

/// Objects by key. What is not in here is a placeholder: a ledger loads all that its events may touch first.
#[derive(Clone, Debug, Default)]
pub struct World {
    payments: BTreeMap<Key, Payment>,
    invoices: BTreeMap<Key, Invoice>,
    payments_of_invoice: BTreeMap<Key, BTreeSet<Key>>,
    changed_payments: BTreeSet<Key>,
    changed_invoices: BTreeSet<Key>,
}

impl World {
    /// Takes in a payment as the ledger has it.
    pub fn load_payment(&mut self, payment: Payment) {
        if let Some(owner) = payment.owner() {
            self.payments_of_invoice.entry(owner).or_default().insert(payment.key.clone());
        }
        self.payments.insert(payment.key.clone(), payment);
    }

    /// Takes in an invoice as the ledger has it.
    pub fn load_invoice(&mut self, invoice: Invoice) {
        self.invoices.insert(invoice.key.clone(), invoice);
    }

    pub fn has_payment(&self, key: &Key) -> bool {
        self.payments.contains_key(key)
    }

    pub fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.values()
    }

    pub fn invoices(&self) -> impl Iterator<Item = &Invoice> {
        self.invoices.values()
    }

    pub fn changed_payments(&self) -> Vec<&Payment> {
        self.changed_payments.iter().map(|key| &self.payments[key]).collect()
    }

    pub fn changed_invoices(&self) -> Vec<&Invoice> {
        self.changed_invoices.iter().map(|key| &self.invoices[key]).collect()
    }

    /// Merges what the event says, derives what hangs on it, and tells which statuses moved.
    pub fn apply(&mut self, event: &Event) -> Vec<Transition> {
        let mut transitions = Vec::new();
        let mut stale_invoices = BTreeSet::new();
        for observation in &event.observations {
            match observation {
                Observation::Payment(report) => {
                    // Also a link that a fresher one already replaced has named an invoice.
                    stale_invoices.extend(report.invoices());
                    let entry = self.payments.entry(report.key.clone());
                    let payment = entry.or_insert_with(|| Payment::placeholder(report.key.clone()));
                    let before = payment.clone();
                    payment.merge(report);
                    if *payment == before {
                        continue;
                    }
                    self.changed_payments.insert(report.key.clone());
                    if payment.status != before.status {
                        payment.revision += 1;
                        transitions.push(Transition {
                            kind: "payment",
                            key: report.key.clone(),
                            revision: payment.revision,
                            event_id: event.id.clone(),
                            before: before.status.clone(),
                            after: payment.status.clone(),
                            severity: payment.severity(),
                        });
                    }
                    let (old, new) = (before.owner(), payment.owner());
                    if old != new {
                        self.relink(&report.key, old.as_ref(), new.as_ref());
                    }
                    stale_invoices.extend(old.into_iter().chain(new));
                }
                Observation::Invoice(report) => {
                    let entry = self.invoices.entry(report.key.clone());
                    let invoice = entry.or_insert_with(|| Invoice::placeholder(report.key.clone()));
                    let before = invoice.clone();
                    invoice.merge(report);
                    if *invoice != before {
                        self.changed_invoices.insert(report.key.clone());
                    }
                    stale_invoices.insert(report.key.clone());
                }
            }
        }
        for key in stale_invoices {
            transitions.extend(self.derive_invoice(&key, &event.id));
        }
        transitions
    }

    fn relink(&mut self, payment: &Key, old: Option<&Key>, new: Option<&Key>) {
        if let Some(payments) = old.and_then(|old| self.payments_of_invoice.get_mut(old)) {
            payments.remove(payment);
        }
        if let Some(new) = new {
            self.payments_of_invoice.entry(new.clone()).or_default().insert(payment.clone());
        }
    }

    fn derive_invoice(&mut self, key: &Key, event_id: &str) -> Option<Transition> {
        let invoice = self.invoices.entry(key.clone()).or_insert_with(|| Invoice::placeholder(key.clone()));
        let before = invoice.clone();
        let children = self.payments_of_invoice.get(key);
        let payments = &self.payments;
        invoice.derive(children.into_iter().flatten().map(|payment| &payments[payment]));
        if *invoice == before {
            return None;
        }
        self.changed_invoices.insert(key.clone());
        if invoice.status == before.status {
            return None;
        }
        invoice.revision += 1;
        Some(Transition {
            kind: "invoice",
            key: key.clone(),
            revision: invoice.revision,
            event_id: event_id.to_owned(),
            before: before.status.as_str().to_owned(),
            after: invoice.status.as_str().to_owned(),
            severity: invoice.status.severity(),
        })
    }
}
