//! The decision about an operation as the ledger is now, under the locks that the caller holds. The executor decides a
//! third time, with the facts that Stripe answers, right before it sends.

use chrono::{DateTime, Utc};
use domain::operations::{self, Facts, Limits, Operation, Requester, Verdict};
use ledger::{Ledger, LedgerError, Transaction};

use super::gather::{self, Counted};

/// Decides with the ledger's own facts, and gives the limits that hold.
pub(super) async fn now(
    ledger: &Ledger,
    tx: &mut Transaction,
    operation: &Operation,
    requester: &Requester,
    now: DateTime<Utc>,
) -> Result<(Verdict, Limits), LedgerError> {
    let limits = gather::limits(tx).await?;
    let facts = gather::facts(ledger, tx, operation, now).await?;
    let others = gather::others(tx, operation).await?;
    let sums = gather::sums(tx, operation, Counted::All, now).await?;
    Ok((operations::decide(&limits, operation, requester, &facts, &others, sums, now), limits))
}

/// Decides right before sending, with what Stripe answered, or with the ledger's facts where Stripe need not be asked.
/// The caller holds the operation's row, and the payment's before that.
pub async fn before_sending(
    tx: &mut Transaction,
    operation: &Operation,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<Verdict, LedgerError> {
    let limits = gather::limits(tx).await?;
    let others = gather::others(tx, operation).await?;
    let sums = gather::sums(tx, operation, Counted::Earlier, now).await?;
    Ok(operations::decide(&limits, operation, &operation.requester(), facts, &others, sums, now))
}
