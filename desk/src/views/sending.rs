//! Why an approved operation is not sent yet, where the reason is that nobody sends any.

use chrono::{DateTime, Utc};
use domain::operations::{Operation, OperationState};
use ledger::{LedgerError, Transaction};

use crate::acts::operations::SENDING_LEASES;

/// `None`: somebody sends operations of its mode, or it does not wait for that.
#[shared::built_once]
pub async fn why_not_sent(
    tx: &mut Transaction,
    operation: &Operation,
    now: DateTime<Utc>,
) -> Result<Option<String>, LedgerError> {
    if operation.state != OperationState::Approved {
        return Ok(None);
    }
    let livemode = operation.key.livemode;
    let until = tx.lease_until(SENDING_LEASES[usize::from(livemode)]).await?;
    if until.is_some_and(|until| until > now) {
        return Ok(None);
    }
    let mode = if livemode { "live" } else { "test" };
    Ok(Some(format!(
        "No worker sends operations of {mode} mode now. Give one a Stripe key of that mode (STRIPE_SECRET_KEY_FILE), and \
         restart it."
    )))
}
