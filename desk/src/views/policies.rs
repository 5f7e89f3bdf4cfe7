//! Policies as they stand, with who set them and why.

use domain::policies::{Form, PolicyKey, shown};
use ledger::tables::policies::PolicyRow;
use ledger::{Ledger, LedgerError};
use serde::Serialize;

/// One policy, of one currency where it is money.
#[derive(Clone, Debug, Serialize)]
pub struct ListedPolicy {
    pub key: PolicyKey,
    pub currency: String,
    pub value: domain::policies::Value,
    pub shown: String,
    pub help: &'static str,
    pub bounds: String,
    /// Who set it, when and why; `None` where the default counts.
    pub set: Option<PolicyRow>,
}

fn bounds(key: PolicyKey) -> String {
    match key.form() {
        Form::Money { .. } => "an amount, for each currency".to_owned(),
        Form::Number { unit, least, most } => format!("{least} to {most} {unit}"),
        Form::Switch => "on or off".to_owned(),
        Form::Choice(words) => words.join(", "),
    }
}

#[shared::built_once]
pub async fn list(ledger: &Ledger) -> Result<Vec<ListedPolicy>, LedgerError> {
    let mut tx = ledger.read().await?;
    let (policies, rows) = (tx.policies().await?, tx.current_policies().await?);
    let listed = policies.all().map(|(slot, value)| ListedPolicy {
        key: slot.key,
        currency: slot.currency.clone(),
        value,
        shown: shown(slot.key, &slot.currency, value),
        help: slot.key.help(),
        bounds: bounds(slot.key),
        set: rows.iter().find(|row| row.key == slot.key.as_str() && row.currency == slot.currency).cloned(),
    });
    Ok(listed.collect())
}

/// Every value of one key, or of all, the newest first.
#[shared::built_once]
pub async fn history(ledger: &Ledger, key: Option<&str>) -> Result<Vec<PolicyRow>, LedgerError> {
    ledger.read().await?.policy_history(key).await
}
