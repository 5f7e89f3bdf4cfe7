//! Loads everything related to an object for its page, in the caller's transaction, so that one page shows one
//! state. The result is an `ObjectGraph`, so that the rules can be asked about it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::graph::users::{read_charged, read_disputes_of};
use crate::{Ledger, LedgerError, Transaction};
use domain::charges::Charge;
use domain::customers::Customer;
use domain::dispute_movements::Movement;
use domain::disputes::Dispute;
use domain::fraud_warnings::Warning;
use domain::invoice_payments::InvoicePayment;
use domain::invoices::Invoice;
use domain::object_graph::{InGraph, ObjectGraph};
use domain::payment_failures::PaymentFailure;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::subscriptions::Subscription;
use domain::{Key, Kind, Object, each_kind};

/// Sorted keys, each once.
type Keys = BTreeSet<Key>;

impl Ledger {
    /// An empty object graph under this ledger's policy.
    pub fn object_graph(&self) -> ObjectGraph {
        ObjectGraph::new(Arc::clone(self.policy()))
    }
}

/// The payments of invoices: those that count for them, and those that Stripe's own objects link. The links are
/// put into the graph. Keys must be sorted, each once.
#[shared::built_once]
pub async fn payments_of_invoices(
    tx: &mut Transaction,
    invoices: &[Key],
    graph: &mut ObjectGraph,
) -> Result<Vec<Payment>, LedgerError> {
    let mut payments: Vec<Payment> = tx.children("invoice", invoices).await?;
    let mut linked = Keys::new();
    for row in tx.children::<InvoicePayment>("invoice", invoices).await? {
        linked.extend(row.paid_by());
        graph.load(row);
    }
    for payment in &payments {
        linked.remove(&payment.key);
    }
    payments.extend(tx.look_up::<Payment>(&sorted(&linked)).await?);
    Ok(payments)
}

/// An invoice with all that it derives from, and what hangs on that.
#[shared::built_once]
pub async fn read_invoice(
    tx: &mut Transaction,
    invoice: Invoice,
    graph: &mut ObjectGraph,
) -> Result<(), LedgerError> {
    let key = [invoice.key.clone()];
    let subscriptions: Vec<Key> = invoice.subscribed().into_iter().collect();
    graph.load(invoice);
    let payments = payments_of_invoices(tx, &key, graph).await?;
    read_payments(tx, payments, graph).await?;
    for row in tx.children::<PaymentFailure>("invoice", &key).await? {
        graph.load(row);
    }
    for row in tx.look_up::<Subscription>(&subscriptions).await? {
        graph.load(row);
    }
    Ok(())
}

/// Payments with all that hangs on them, the invoices that they are for, and their customers.
#[shared::built_once]
pub async fn read_payments(
    tx: &mut Transaction,
    payments: Vec<Payment>,
    graph: &mut ObjectGraph,
) -> Result<(), LedgerError> {
    let keys: Keys = payments.iter().map(|payment| payment.key.clone()).collect();
    let mut invoices: Keys = payments.iter().filter_map(Payment::owner).collect();
    read_charged(tx, payments, graph).await?;
    let charges: Keys = charges_of(graph, &keys);
    let keys = sorted(&keys);
    for row in tx.children::<InvoicePayment>("payment", &keys).await? {
        invoices.extend(row.owner());
        graph.load(row);
    }
    for row in tx.children::<PaymentFailure>("payment", &keys).await? {
        graph.load(row);
    }
    for row in tx.children::<Refund>("payment", &keys).await? {
        graph.load(row);
    }
    for row in tx.look_up::<Invoice>(&sorted(&invoices)).await? {
        graph.load(row);
    }
    read_below_charges(tx, &sorted(&charges), graph).await?;
    read_customers(tx, graph).await
}

/// What hangs on charges: refunds, disputes with their movements, warnings. Keys must be sorted, each once.
#[shared::built_once]
pub async fn read_below_charges(
    tx: &mut Transaction,
    charges: &[Key],
    graph: &mut ObjectGraph,
) -> Result<(), LedgerError> {
    for row in tx.children::<Refund>("charge", charges).await? {
        graph.load(row);
    }
    for row in tx.children::<Warning>("charge", charges).await? {
        graph.load(row);
    }
    let disputes: Vec<Dispute> = tx.children("charge", charges).await?;
    let keys: Keys = disputes.iter().map(|dispute| dispute.key.clone()).collect();
    for row in disputes {
        graph.load(row);
    }
    for row in tx.children::<Movement>("dispute", &sorted(&keys)).await? {
        graph.load(row);
    }
    Ok(())
}

/// Where charges belong: their payments, the invoices, the customers. Keys must be sorted, each once.
#[shared::built_once]
pub async fn read_above_charges(
    tx: &mut Transaction,
    charges: &[Key],
    graph: &mut ObjectGraph,
) -> Result<(), LedgerError> {
    let charges: Vec<Charge> = tx.look_up(charges).await?;
    let payments: Keys = charges.iter().filter_map(Charge::owner).collect();
    for row in charges {
        graph.load(row);
    }
    let payments: Vec<Payment> = tx.look_up(&sorted(&payments)).await?;
    let invoices: Keys = payments.iter().filter_map(Payment::owner).collect();
    for row in payments {
        graph.load(row);
    }
    for row in tx.look_up::<Invoice>(&sorted(&invoices)).await? {
        graph.load(row);
    }
    read_customers(tx, graph).await
}

/// Disputes with the charges, payments, invoices and customers that they are about.
#[shared::built_once]
pub async fn read_above_disputes(
    tx: &mut Transaction,
    disputes: &[Dispute],
    graph: &mut ObjectGraph,
) -> Result<(), LedgerError> {
    let charges: Keys = disputes.iter().filter_map(Dispute::owner).collect();
    for row in disputes {
        graph.load(row.clone());
    }
    read_above_charges(tx, &sorted(&charges), graph).await
}

/// The disputes of an invoice, by way of its payments and their charges.
#[shared::built_once]
pub async fn disputes_of_invoices(tx: &mut Transaction, invoices: &Keys) -> Result<Keys, LedgerError> {
    let mut graph = ObjectGraph::default();
    let payments = payments_of_invoices(tx, &sorted(invoices), &mut graph).await?;
    read_payments(tx, payments, &mut graph).await?;
    Ok(graph.disputes.rows().map(|dispute| dispute.key.clone()).collect())
}

/// The disputes of users, as the rules tell whose a dispute is.
#[shared::built_once]
pub async fn disputes_of_users(tx: &mut Transaction, users: &Keys) -> Result<Keys, LedgerError> {
    let mut graph = ObjectGraph::default();
    read_disputes_of(tx, &sorted(users), &mut graph).await?;
    let disputes = users.iter().flat_map(|user| graph.disputes_of_user(user));
    Ok(disputes.map(|dispute| dispute.key.clone()).collect())
}

/// The objects of an object graph whose changes the audit tells; what it tells of users stands for itself.
pub fn audited(graph: &ObjectGraph) -> Vec<(&'static str, Key)> {
    let mut audited = Vec::new();
    each_kind!(|Row| if Row::IS_AUDITED && Row::KIND != Kind::Ban {
        audited.extend(Row::rows(graph).rows().map(|row| (Row::NAME, row.key().clone())));
    });
    audited
}

/// The customers whom the payments of an object graph name.
async fn read_customers(tx: &mut Transaction, graph: &mut ObjectGraph) -> Result<(), LedgerError> {
    let payments = graph.payments.rows();
    let named = payments.filter_map(|payment| payment.customer.id().map(|id| payment.key.sibling(id)));
    let customers: Keys = named.collect();
    for row in tx.look_up::<Customer>(&sorted(&customers)).await? {
        graph.load(row);
    }
    Ok(())
}

fn charges_of(graph: &ObjectGraph, payments: &Keys) -> Keys {
    let charges = graph.charges.rows();
    let own = charges.filter(|charge| charge.owner().is_some_and(|payment| payments.contains(&payment)));
    own.map(|charge| charge.key.clone()).collect()
}

fn sorted(keys: &Keys) -> Vec<Key> {
    keys.iter().cloned().collect()
}
