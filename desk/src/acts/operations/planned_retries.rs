//! Retries of invoices that their plan asks for: each an operation that the clock requests a day before it is due, so that
//! people see it and may cancel it. Each failure has one retry; what was refused, canceled or done is not asked for again.

use chrono::{DateTime, Utc};
use domain::invoices::Invoice;
use domain::operations::invoice_retry::{LEAD, TOO_OLD, send_at};
use domain::operations::{Operation, OperationKind, OperationState, Parameters, Reason};
use domain::{Key, Object, money};
use ledger::{Ledger, LedgerError};

use super::NotDone;
use super::request::{Ask, Wanted, schedule};
use super::wanted::WantedRetry;
use crate::actor::Actor;

/// So many invoices are looked at in one statement.
const AT_ONCE: i64 = 200;
const ABOUT_LIMIT: i64 = 1_000;
/// Refused for these, it is asked for again when they are over.
const PASSING: [&str; 2] = ["checkout_closed", "operation_under_way"];

/// Asks for what is due within a day, and tells how many that were. Nothing while the policy is off or checkout closed.
#[shared::built_once]
pub async fn request_planned(ledger: &Ledger, now: DateTime<Utc>) -> Result<usize, NotDone> {
    let mut tx = ledger.read().await?;
    if !tx.policies().await?.retries_are_scheduled() || tx.checkout_closing().await?.is_some() {
        return Ok(0);
    }
    drop(tx);
    let (mut requested, mut after) = (0, None);
    loop {
        let mut tx = ledger.read().await?;
        let due = tx.invoices_to_retry(now - TOO_OLD, now + LEAD, after.as_ref(), AT_ONCE).await?;
        drop(tx);
        let Some(last) = due.last() else { return Ok(requested) };
        after = last.next_payment_retry_at.map(|at| (at, last.key.clone()));
        for invoice in &due {
            requested += usize::from(request_one(ledger, invoice, now).await?);
        }
    }
}

async fn request_one(ledger: &Ledger, invoice: &Invoice, now: DateTime<Utc>) -> Result<bool, NotDone> {
    let number = invoice.payment_retry_count;
    let Some(send_at) = invoice.next_payment_retry_at.and_then(|planned| send_at(planned, now)) else {
        return Ok(false);
    };
    if is_requested(ledger, &invoice.key, number).await? {
        return Ok(false);
    }
    let left = if invoice.is_stripes { invoice.remaining() } else { invoice.state.amount_due };
    let amount = money::shown(left, &invoice.state.currency);
    let ask = Ask {
        wanted: Wanted::InvoiceRetry(WantedRetry {
            invoice: invoice.key.clone(),
            payment_method: None,
            takes_over: false,
            number: Some(number),
        }),
        reason: Reason::Other,
        note: Some(format!("planned retry {number} of {amount}")),
        confirmed: true,
    };
    schedule(ledger, &ask, send_at, &Actor::clock(), now).await?;
    Ok(true)
}

/// Whether this retry was asked for, or somebody tries the invoice at this moment.
async fn is_requested(ledger: &Ledger, invoice: &Key, number: i64) -> Result<bool, LedgerError> {
    let about = ledger.read().await?.operations_about(Invoice::NAME, invoice, ABOUT_LIMIT).await?;
    let is_this = |operation: &Operation| match operation.parameters() {
        Ok(Parameters::InvoiceRetry(retry)) => retry.number == Some(number),
        _ => true,
    };
    Ok(about.iter().any(|operation| {
        operation.state.is_open()
            || (operation.kind == OperationKind::InvoiceRetry
                && operation.is_planned()
                && is_this(operation)
                && !may_be_asked_again(operation))
    }))
}

fn may_be_asked_again(operation: &Operation) -> bool {
    let code = operation.error_code.as_deref().unwrap_or_default();
    operation.state == OperationState::Refused && PASSING.contains(&code)
}
