//! Loads everything related to an object for its page, in the caller's transaction, so that one page shows one
//! state. The result is a `World`, so that the rules can be asked about it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::graph::users::{read_charged, read_disputes_of};
use crate::{Ledger, LedgerError, Transaction};
use domain::charges::Charge;
use domain::customers::Customer;
use domain::disputes::Dispute;
use domain::failures::PaymentFailure;
use domain::invoice_payments::InvoicePayment;
use domain::invoices::Invoice;
use domain::movements::Movement;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::subscriptions::Subscription;
use domain::warnings::Warning;
use domain::world::{InWorld, World};
use domain::{Key, Kind, Object, each_kind};

/// Sorted keys, each once.
type Keys = BTreeSet<Key>;

impl Ledger {
    /// An empty world under this ledger's policy.
    pub fn world(&self) -> World {
        World::new(Arc::clone(self.policy()))
    }
}

/// The payments of invoices: those that count for them, and those that Stripe's own objects link. The links are
/// put into the world. Keys must be sorted, each once.
pub async fn payments_of_invoices(
    tx: &mut Transaction,
    invoices: &[Key],
    world: &mut World,
) -> Result<Vec<Payment>, LedgerError> {
    let mut payments: Vec<Payment> = tx.children("invoice", invoices).await?;
    let mut linked = Keys::new();
    for row in tx.children::<InvoicePayment>("invoice", invoices).await? {
        linked.extend(row.paid_by());
        world.load(row);
    }
    for payment in &payments {
        linked.remove(&payment.key);
    }
    payments.extend(tx.look_up::<Payment>(&sorted(&linked)).await?);
    Ok(payments)
}

/// An invoice with all that it derives from, and what hangs on that.
pub async fn read_invoice(
    tx: &mut Transaction,
    invoice: Invoice,
    world: &mut World,
) -> Result<(), LedgerError> {
    let key = [invoice.key.clone()];
    let subscriptions: Vec<Key> = invoice.subscribed().into_iter().collect();
    world.load(invoice);
    let payments = payments_of_invoices(tx, &key, world).await?;
    read_payments(tx, payments, world).await?;
    for row in tx.children::<PaymentFailure>("invoice", &key).await? {
        world.load(row);
    }
    for row in tx.look_up::<Subscription>(&subscriptions).await? {
        world.load(row);
    }
    Ok(())
}

/// Payments with all that hangs on them, the invoices that they are for, and their customers.
pub async fn read_payments(
    tx: &mut Transaction,
    payments: Vec<Payment>,
    world: &mut World,
) -> Result<(), LedgerError> {
    let keys: Keys = payments.iter().map(|payment| payment.key.clone()).collect();
    let mut invoices: Keys = payments.iter().filter_map(Payment::owner).collect();
    read_charged(tx, payments, world).await?;
    let charges: Keys = charges_of(world, &keys);
    let keys = sorted(&keys);
    for row in tx.children::<InvoicePayment>("payment", &keys).await? {
        invoices.extend(row.owner());
        world.load(row);
    }
    for row in tx.children::<PaymentFailure>("payment", &keys).await? {
        world.load(row);
    }
    for row in tx.children::<Refund>("payment", &keys).await? {
        world.load(row);
    }
    for row in tx.look_up::<Invoice>(&sorted(&invoices)).await? {
        world.load(row);
    }
    read_below_charges(tx, &sorted(&charges), world).await?;
    read_customers(tx, world).await
}

/// What hangs on charges: refunds, disputes with their movements, warnings. Keys must be sorted, each once.
pub async fn read_below_charges(
    tx: &mut Transaction,
    charges: &[Key],
    world: &mut World,
) -> Result<(), LedgerError> {
    for row in tx.children::<Refund>("charge", charges).await? {
        world.load(row);
    }
    for row in tx.children::<Warning>("charge", charges).await? {
        world.load(row);
    }
    let disputes: Vec<Dispute> = tx.children("charge", charges).await?;
    let keys: Keys = disputes.iter().map(|dispute| dispute.key.clone()).collect();
    for row in disputes {
        world.load(row);
    }
    for row in tx.children::<Movement>("dispute", &sorted(&keys)).await? {
        world.load(row);
    }
    Ok(())
}

/// Where charges belong: their payments, the invoices, the customers. Keys must be sorted, each once.
pub async fn read_above_charges(
    tx: &mut Transaction,
    charges: &[Key],
    world: &mut World,
) -> Result<(), LedgerError> {
    let charges: Vec<Charge> = tx.look_up(charges).await?;
    let payments: Keys = charges.iter().filter_map(Charge::owner).collect();
    for row in charges {
        world.load(row);
    }
    let payments: Vec<Payment> = tx.look_up(&sorted(&payments)).await?;
    let invoices: Keys = payments.iter().filter_map(Payment::owner).collect();
    for row in payments {
        world.load(row);
    }
    for row in tx.look_up::<Invoice>(&sorted(&invoices)).await? {
        world.load(row);
    }
    read_customers(tx, world).await
}

/// Disputes with the charges, payments, invoices and customers that they are about.
pub async fn read_above_disputes(
    tx: &mut Transaction,
    disputes: &[Dispute],
    world: &mut World,
) -> Result<(), LedgerError> {
    let charges: Keys = disputes.iter().filter_map(Dispute::owner).collect();
    for row in disputes {
        world.load(row.clone());
    }
    read_above_charges(tx, &sorted(&charges), world).await
}

/// The disputes of an invoice, by way of its payments and their charges.
pub async fn disputes_of_invoices(tx: &mut Transaction, invoices: &Keys) -> Result<Keys, LedgerError> {
    let mut world = World::default();
    let payments = payments_of_invoices(tx, &sorted(invoices), &mut world).await?;
    read_payments(tx, payments, &mut world).await?;
    Ok(world.disputes.rows().map(|dispute| dispute.key.clone()).collect())
}

/// The disputes of users, as the rules tell whose a dispute is.
pub async fn disputes_of_users(tx: &mut Transaction, users: &Keys) -> Result<Keys, LedgerError> {
    let mut world = World::default();
    read_disputes_of(tx, &sorted(users), &mut world).await?;
    let disputes = users.iter().flat_map(|user| world.disputes_of_user(user));
    Ok(disputes.map(|dispute| dispute.key.clone()).collect())
}

/// The objects of a world whose changes the audit tells; what it tells of users stands for itself.
pub fn audited(world: &World) -> Vec<(&'static str, Key)> {
    let mut audited = Vec::new();
    each_kind!(|Row| if Row::IS_AUDITED && Row::KIND != Kind::Ban {
        audited.extend(Row::rows(world).rows().map(|row| (Row::NAME, row.key().clone())));
    });
    audited
}

/// The customers whom the payments of a world name.
async fn read_customers(tx: &mut Transaction, world: &mut World) -> Result<(), LedgerError> {
    let payments = world.payments.rows();
    let named = payments.filter_map(|payment| payment.customer.id().map(|id| payment.key.sibling(id)));
    let customers: Keys = named.collect();
    for row in tx.look_up::<Customer>(&sorted(&customers)).await? {
        world.load(row);
    }
    Ok(())
}

fn charges_of(world: &World, payments: &Keys) -> Keys {
    let charges = world.charges.rows();
    let own = charges.filter(|charge| charge.owner().is_some_and(|payment| payments.contains(&payment)));
    own.map(|charge| charge.key.clone()).collect()
}

fn sorted(keys: &Keys) -> Vec<Key> {
    keys.iter().cloned().collect()
}
