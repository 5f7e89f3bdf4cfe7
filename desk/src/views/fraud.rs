//! The fraud desk: everything that its rules find in a span, the newest first.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::fraud::{
    FraudFinding, FraudLimits, banned_payments, double_losses, large_payments, many_cards, velocity, warnings,
};
use ledger::{LedgerError, Transaction};

/// A fixed number of statements, whatever the span.
pub async fn read(tx: &mut Transaction, since: DateTime<Utc>) -> Result<Vec<FraudFinding>, LedgerError> {
    let limits = FraudLimits::default();
    let attempts = tx.fraud_attempts(since).await?;
    let users: BTreeSet<String> = attempts.iter().filter_map(|attempt| attempt.user_id.clone()).collect();
    let usual = tx.paid_before(&users.into_iter().collect::<Vec<_>>(), since).await?;
    let mut found = velocity(&attempts, &limits);
    found.extend(many_cards(&attempts, &limits));
    found.extend(large_payments(&attempts, &usual, &limits));
    found.extend(warnings(&tx.warned_charges(since).await?, &limits));
    found.extend(double_losses(&tx.double_losses(since).await?));
    found.extend(banned_payments(&tx.payments_of_banned(since).await?));
    found.sort_by(|a, b| b.cmp(a));
    Ok(found)
}
