//! Disputes as a list, each with the payment, invoice and user that it concerns.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::Key;
use domain::invoices::Invoice;
use ledger::graph::{related, users};
use ledger::views::lists::DisputeFilter;
use ledger::views::page::{Page, Part};
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::dispute_item::{DisputeItem, read_items};

/// A user or an invoice has few disputes; with more the search would grow out of hand.
const KEYS_LIMIT: usize = 2_000;

/// Which disputes to list, by what their rows say and by what they belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisputeQuery {
    pub filter: DisputeFilter,
    pub invoice: Option<String>,
    /// By the merchant's id of the user, or by the customer's where nobody says more.
    pub user: Option<String>,
}

/// A line of the list.
#[derive(Debug, Serialize)]
pub struct ListedDispute {
    #[serde(flatten)]
    pub item: DisputeItem,
    /// It should have been answered by now.
    pub overdue: bool,
}

#[shared::built_once]
pub async fn read_list(
    ledger: &Ledger,
    tx: &mut Transaction,
    query: &DisputeQuery,
    part: &Part,
    now: DateTime<Utc>,
) -> Result<Page<ListedDispute>, LedgerError> {
    let of_invoice = match &query.invoice {
        Some(id) => Some(of_invoice(tx, id).await?),
        None => None,
    };
    let of_user = match &query.user {
        Some(id) => Some(of_user(tx, id).await?),
        None => None,
    };
    let among = both(of_invoice, of_user).map(|keys| keys.into_iter().take(KEYS_LIMIT).collect());
    let filter = DisputeFilter { among, ..query.filter.clone() };
    let Page { rows: disputes, next } = tx.disputes(&filter, part, now).await?;
    let mut graph = ledger.object_graph();
    related::read_above_disputes(tx, &disputes, &mut graph).await?;
    let items = read_items(tx, disputes, &graph).await?;
    let rows = items.into_iter().map(|item| ListedDispute { overdue: item.is_overdue(now), item }).collect();
    Ok(Page { rows, next })
}

async fn of_invoice(tx: &mut Transaction, id: &str) -> Result<BTreeSet<Key>, LedgerError> {
    let invoices = tx.find::<Invoice>(id).await?.into_iter().map(|invoice| invoice.key).collect();
    related::disputes_of_invoices(tx, &invoices).await
}

async fn of_user(tx: &mut Transaction, id: &str) -> Result<BTreeSet<Key>, LedgerError> {
    let users = users::users_of_name(tx, id).await?;
    related::disputes_of_users(tx, &users).await
}

/// Of both where both were asked for, else of the one; `None` restricts nothing.
fn both(one: Option<BTreeSet<Key>>, other: Option<BTreeSet<Key>>) -> Option<BTreeSet<Key>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.intersection(&other).cloned().collect()),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_a_user_and_an_invoice_wants_the_disputes_of_both() {
        let keys =
            |ids: &[&str]| -> BTreeSet<Key> { ids.iter().map(|id| Key::default().sibling(id)).collect() };
        assert_eq!(both(Some(keys(&["a", "b"])), Some(keys(&["b", "c"]))), Some(keys(&["b"])));
        assert_eq!(both(Some(keys(&["a"])), Some(keys(&["b"]))), Some(keys(&[])), "none, not all");
        assert_eq!(both(None, Some(keys(&["b"]))), Some(keys(&["b"])));
        assert_eq!(both(None, None), None);
    }
}
