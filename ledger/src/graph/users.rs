//! What a user's ban is derived from: the user's disputed payments, named by the payments or by their
//! customers, down to the disputes. Workers read it under the user's lock; `explain` reads the same.

use std::collections::BTreeSet;

use crate::{LedgerError, Transaction};
use domain::Key;
use domain::bans::Ban;
use domain::customers::Customer;
use domain::disputes::Dispute;
use domain::object_graph::ObjectGraph;
use domain::payments::Payment;

/// Every dispute of these users, with all that tells whose it is. Keys must be sorted, each once.
#[shared::built_once]
pub async fn read_disputes_of(
    tx: &mut Transaction,
    users: &[Key],
    graph: &mut ObjectGraph,
) -> Result<(), LedgerError> {
    let mut customers: BTreeSet<Key> = users.iter().cloned().collect();
    // A user may be a customer whom nobody says more about.
    for row in tx.look_up::<Customer>(users).await? {
        graph.load(row);
    }
    for row in tx.customers_of_users(users).await? {
        customers.insert(row.key.clone());
        graph.load(row);
    }
    let customers: Vec<Key> = customers.into_iter().collect();
    let mut payments = tx.disputed_payments_of_users(users).await?;
    payments.extend(tx.disputed_payments_of_customers(&customers).await?);
    read_charged(tx, payments, graph).await?;
    let charges = graph.charges.rows().filter(|charge| charge.dispute_count > 0);
    let charges: Vec<Key> = charges.map(|charge| charge.key.clone()).collect();
    for row in tx.children::<Dispute>("charge", &charges).await? {
        graph.load(row);
    }
    Ok(())
}

/// Payments, with their charges: a payment may be a charge itself.
#[shared::built_once]
pub async fn read_charged(
    tx: &mut Transaction,
    payments: Vec<Payment>,
    graph: &mut ObjectGraph,
) -> Result<(), LedgerError> {
    let keys: BTreeSet<Key> = payments.iter().map(|payment| payment.key.clone()).collect();
    let keys: Vec<Key> = keys.into_iter().collect();
    for row in payments {
        graph.load(row);
    }
    for row in tx.charges_of_payments(&keys).await? {
        graph.load(row);
    }
    Ok(())
}

/// Everyone of this name: users whom disputes or staff concerned, and customers, who are the user that their
/// metadata name; else whom a payment or goods name.
#[shared::built_once]
pub async fn users_of_name(tx: &mut Transaction, id: &str) -> Result<BTreeSet<Key>, LedgerError> {
    let mut found: BTreeSet<Key> = tx.find::<Ban>(id).await?.into_iter().map(|ban| ban.key).collect();
    let named = tx.find_by::<Customer>("user_id", id).await?;
    found.extend(named.into_iter().map(|customer| customer.key.sibling(id)));
    for customer in tx.find::<Customer>(id).await? {
        let user = customer.user();
        let is_somebody_else = user.as_ref().is_some_and(|user| *user != customer.key);
        if is_somebody_else && !has_history(tx, &customer.key).await? {
            found.remove(&customer.key);
        }
        found.insert(user.unwrap_or(customer.key));
    }
    // A payment or a listing of the other mode makes nobody ambiguous who is known otherwise.
    if found.is_empty() {
        found.extend(tx.users_named(id).await?);
    }
    Ok(found)
}

/// Whether anything was ever decided or derived under this name.
async fn has_history(tx: &mut Transaction, user: &Key) -> Result<bool, LedgerError> {
    let bans: Vec<Ban> = tx.look_up(std::slice::from_ref(user)).await?;
    Ok(bans.iter().any(|ban| ban.revision > 0 || ban.chargebacks > 0))
}
