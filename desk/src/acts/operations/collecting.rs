//! What a decision about a customer, an invoice or a subscription rests on, read from the ledger: who they are, who is
//! banned, what can still be paid, and whether checkout is closed.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::bans::Ban;
use domain::customers::Customer;
use domain::invoices::Invoice;
use domain::operations::customer::{Blocked, CustomerFacts, PaidFor};
use domain::operations::invoice_retry::InvoiceFacts;
use domain::operations::network_limits;
use domain::operations::parameters::Charge;
use domain::payments::Payment;
use domain::{Key, Object};
use ledger::graph::related::read_invoice;
use ledger::{Ledger, LedgerError, Transaction};

/// A customer; and the invoice that a charge names.
pub(super) async fn customer_facts(
    ledger: &Ledger,
    tx: &mut Transaction,
    key: &Key,
    charge: Option<&Charge>,
    now: DateTime<Utc>,
) -> Result<CustomerFacts, LedgerError> {
    let customer = tx.look_up::<Customer>(std::slice::from_ref(key)).await?.pop();
    let invoice = match charge.and_then(|charge| charge.invoice.as_deref()) {
        Some(id) => paid_for(ledger, tx, &key.sibling(id)).await?,
        None => None,
    };
    let failed_at = match charge {
        Some(charge) => {
            let since = now - TimeDelta::days(network_limits::DAYS);
            tx.failed_tries_of(key, charge.amount, &charge.currency, since).await?
        }
        None => Vec::new(),
    };
    let Standing { banned, blocked } = standing(tx, std::slice::from_ref(key), customer.iter(), now).await?;
    Ok(CustomerFacts {
        failed_at,
        banned,
        blocked,
        is_known: customer.is_some() || tx.is_customer_named(key).await?,
        is_deleted: customer.is_some_and(|customer| customer.state.deleted),
        closed: tx.checkout_closing().await?.map(|closing| closing.reason),
        invoice,
    })
}

async fn paid_for(ledger: &Ledger, tx: &mut Transaction, key: &Key) -> Result<Option<PaidFor>, LedgerError> {
    let Some(facts) = of_invoice(ledger, tx, key).await? else { return Ok(None) };
    let InvoiceFacts { status, is_stripes, live, payments, .. } = facts;
    Ok(Some(PaidFor { status, is_stripes, live, payments }))
}

/// An invoice that is to be tried again; `None` where nothing has named it.
pub(super) async fn invoice_facts(
    ledger: &Ledger,
    tx: &mut Transaction,
    key: &Key,
    now: DateTime<Utc>,
) -> Result<Option<InvoiceFacts>, LedgerError> {
    let Some(facts) = of_invoice(ledger, tx, key).await? else { return Ok(None) };
    let customers: Vec<Key> = customers_of_invoice(tx, key).await?;
    let rows: Vec<Customer> = tx.look_up(&customers).await?;
    let Standing { banned, blocked } = standing(tx, &customers, rows.iter(), now).await?;
    Ok(Some(InvoiceFacts {
        banned,
        blocked,
        closed: tx.checkout_closing().await?.map(|closing| closing.reason),
        ..facts
    }))
}

async fn of_invoice(
    ledger: &Ledger,
    tx: &mut Transaction,
    key: &Key,
) -> Result<Option<InvoiceFacts>, LedgerError> {
    let Some(invoice) = tx.look_up::<Invoice>(std::slice::from_ref(key)).await?.pop() else {
        return Ok(None);
    };
    let mut graph = ledger.object_graph();
    read_invoice(tx, invoice.clone(), &mut graph).await?;
    Ok(Some(InvoiceFacts::of_rows(&invoice, &graph.parts_of_invoice(key), ledger.policy())))
}

/// Whoever the invoice, or a payment of it, names.
async fn customers_of_invoice(tx: &mut Transaction, key: &Key) -> Result<Vec<Key>, LedgerError> {
    let own = std::slice::from_ref(key);
    let invoice = tx.look_up::<Invoice>(own).await?.pop();
    let mut named: BTreeSet<Key> =
        invoice.iter().filter_map(|row| row.customer.id()).map(|id| key.sibling(id)).collect();
    for payment in tx.children::<Payment>("invoice", own).await? {
        named.extend(payment.customer.id().map(|id| key.sibling(id)));
    }
    Ok(named.into_iter().collect())
}

/// What stands against customers.
struct Standing {
    banned: Option<String>,
    blocked: Option<Blocked>,
}

/// Who of these customers and the users behind them is banned or blocked: whom the customer names, whom its payments
/// name, or who is the customer. Any of them counts.
async fn standing(
    tx: &mut Transaction,
    customers: &[Key],
    rows: impl Iterator<Item = &Customer>,
    now: DateTime<Utc>,
) -> Result<Standing, LedgerError> {
    let mut users: BTreeSet<Key> = customers.iter().cloned().collect();
    users.extend(rows.filter_map(Customer::user));
    users.extend(tx.users_paying_as(customers).await?);
    let users: Vec<Key> = users.into_iter().collect();
    let bans: Vec<Ban> = tx.look_up(&users).await?;
    let mut ids: Vec<String> = users.into_iter().map(|user| user.id).collect();
    ids.sort();
    ids.dedup();
    let blocked = tx.blocks_of(&ids).await?.pop();
    Ok(Standing {
        banned: bans.into_iter().find(|ban| ban.is_banned(now)).map(|ban| ban.key().id.clone()),
        blocked: blocked.map(|block| Blocked { id: block.id, reason: block.reason }),
    })
}
