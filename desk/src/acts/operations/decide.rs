//! The decision about an operation as the ledger is now, under the locks that the caller holds. The executor decides a
//! third time, with the facts that Stripe answers, right before it sends.

use chrono::{DateTime, Utc};
use domain::operations::{self, Approval, Facts, Limits, Operation, Requester, Verdict};
use domain::permissions::Permission;
use ledger::tables::staff::Member;
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
    among(ledger, tx, operation, requester, &[], now).await
}

/// The same for one of several that are asked for together, of which these come after it and are not stored yet.
pub(super) async fn among(
    ledger: &Ledger,
    tx: &mut Transaction,
    operation: &Operation,
    requester: &Requester,
    after: &[Operation],
    now: DateTime<Utc>,
) -> Result<(Verdict, Limits), LedgerError> {
    let limits = gather::limits(tx).await?;
    let facts = gather::facts(ledger, tx, operation, now).await?;
    let others = gather::others(tx, operation).await?;
    let sums = gather::sums(tx, operation, Counted::All, now).await?;
    let sums = operations::batch::with_those_after(sums, operation, after);
    Ok((operations::decide(&limits, operation, requester, &facts, &others, sums, now), limits))
}

/// Decides right before sending, with what Stripe answered, or with the ledger's facts where Stripe need not be asked.
/// The caller holds the operation's row, and the payment's before that.
#[shared::built_once]
pub async fn before_sending(
    tx: &mut Transaction,
    operation: &Operation,
    facts: &Facts,
    now: DateTime<Utc>,
) -> Result<Verdict, LedgerError> {
    let limits = gather::limits(tx).await?;
    let others = gather::others(tx, operation).await?;
    let sums = gather::sums(tx, operation, Counted::Earlier, now).await?;
    let Some(gone) = gone(tx, operation).await? else {
        let requester = operation.requester();
        return Ok(operations::decide(&limits, operation, &requester, facts, &others, sums, now));
    };
    let standing = Operation { approval: Approval::None, ..operation.clone() };
    let requester = standing.requester();
    let verdict = operations::decide(&limits, &standing, &requester, facts, &others, sums, now);
    let why = format!("{gone}, on whose word it was approved, may no longer act.");
    Ok(Verdict {
        warning: Some(verdict.warning.map_or(why.clone(), |warning| format!("{why} {warning}"))),
        ..verdict
    })
}

/// On whose word it stands, where they were disabled since, or lost the role for it: their word counts no longer.
async fn gone(tx: &mut Transaction, operation: &Operation) -> Result<Option<String>, LedgerError> {
    let by = match operation.approval {
        Approval::Person => operation.approved_by.as_deref(),
        Approval::Own => Some(operation.requested_by.as_str()),
        Approval::Policy | Approval::None => None,
    };
    let Some(by) = by else { return Ok(None) };
    let member = tx.member(by).await?;
    let may = |member: &Member| member.disabled_at.is_none() && member.roles.have(Permission::Manage);
    Ok(member.filter(|member| !may(member)).map(|member| member.name))
}
