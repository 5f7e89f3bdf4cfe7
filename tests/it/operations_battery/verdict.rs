//! Stripe's refunds against the operations that made them.

use std::collections::BTreeMap;

use domain::operations::{Operation, OperationState};
use serde_json::Value;

/// Whatever was done twice, done unasked, done though it is said not to be, or not done though it is said to be; and
/// payments that gave back more than was captured.
pub(crate) fn contradictions(
    refunds: &[Value],
    operations: &[Operation],
    captured: &BTreeMap<&str, i64>,
) -> Vec<String> {
    let text = |refund: &Value, name: &str| refund[name].as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    let mut by_payment: BTreeMap<String, i64> = BTreeMap::new();
    let mut by_operation: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for refund in refunds {
        let amount = refund["amount"].as_i64().unwrap_or_default();
        *by_payment.entry(text(refund, "payment_intent")).or_default() += amount;
        let operation = text(&refund["metadata"], "tidegate_operation_id");
        by_operation.entry(operation).or_default().push(text(refund, "id"));
    }
    for (payment, refunded) in &by_payment {
        if *refunded > captured.get(payment.as_str()).copied().unwrap_or_default() {
            found.push(format!("{payment} gave back {refunded}"));
        }
    }
    for (operation, made) in &by_operation {
        if !operations.iter().any(|known| known.id() == operation) {
            found.push(format!("{made:?} were made by {operation:?}, which is not in the ledger"));
        }
        if made.len() > 1 {
            found.push(format!("{operation} was done more than once: {made:?}"));
        }
    }
    for operation in operations {
        let made = by_operation.get(operation.id()).and_then(|made| made.first());
        let is_right = match operation.state {
            OperationState::Succeeded => made == operation.stripe_id.as_ref(),
            OperationState::Unknown => operation.attempt == 1,
            OperationState::Approved | OperationState::Executing => false,
            _ => made.is_none(),
        };
        if !is_right {
            found.push(format!("Stripe has {made:?} of {operation:?}"));
        }
    }
    found
}
