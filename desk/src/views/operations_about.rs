//! The latest operations about an invoice, a customer or a subscription, for its page.

use domain::Key;
use domain::operations::Operation;
use ledger::views::lists::OperationFilter;
use ledger::views::page::Part;
use ledger::views::search::Whose;
use ledger::{LedgerError, Transaction};

/// So many are on a page.
const LIMIT: i64 = 24;

/// Those about the object itself.
pub(super) async fn about(tx: &mut Transaction, key: &Key) -> Result<Vec<Operation>, LedgerError> {
    latest(tx, key, OperationFilter { subject: Some(key.id.clone()), ..OperationFilter::default() }).await
}

/// Those that concern a customer, whatever they are about.
pub(super) async fn of_customer(tx: &mut Transaction, key: &Key) -> Result<Vec<Operation>, LedgerError> {
    latest(tx, key, OperationFilter { customer: Some(key.id.clone()), ..OperationFilter::default() }).await
}

async fn latest(
    tx: &mut Transaction,
    key: &Key,
    filter: OperationFilter,
) -> Result<Vec<Operation>, LedgerError> {
    let whose = Whose { account: Some(key.account.clone()), livemode: Some(key.livemode) };
    Ok(tx.operations(&OperationFilter { whose, ..filter }, &Part::first(LIMIT)).await?.rows)
}
