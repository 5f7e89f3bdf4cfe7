//! Compared days as people read them: a list, and one day with its sums, balances, payouts and findings.

use chrono::{DateTime, Utc};
use domain::Key;
use domain::findings::{Check, Finding};
use ledger::tables::reconciliations::{Reconciliation, StoredBalance, StoredLine, StoredPayout};
use ledger::views::lists::FindingFilter;
use ledger::views::page::Part;
use ledger::views::search::Whose;
use ledger::{LedgerError, Transaction};
use serde::Serialize;

use crate::reconcile::ZONE;

/// So many days are listed.
pub const DAYS_LIMIT: i64 = 1_000;
/// So many findings of a day are shown; of more in one run there is one.
const FINDINGS_LIMIT: i64 = 500;

/// One day of one account and mode.
#[derive(Debug, Serialize)]
pub struct ReconciliationView {
    pub zone: &'static str,
    pub run: Reconciliation,
    pub lines: Vec<StoredLine>,
    pub balances: Vec<StoredBalance>,
    pub payouts: Vec<StoredPayout>,
    /// Those that were found in it, resolved ones too.
    pub findings: Vec<Finding>,
}

impl ReconciliationView {
    /// `None` where the day was never compared.
    #[shared::built_once]
    pub async fn read(
        tx: &mut Transaction,
        day: &str,
        whose: &Key,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, LedgerError> {
        let Some(run) = tx.reconciliation(day, whose).await? else { return Ok(None) };
        let filter = FindingFilter {
            found_by: Some(Check::Reconciliation),
            resolved_too: true,
            scope: Some(day.to_owned()),
            whose: Whose { account: Some(whose.account.clone()), livemode: Some(whose.livemode) },
            ..FindingFilter::default()
        };
        Ok(Some(Self {
            zone: ZONE,
            lines: tx.reconciliation_lines(day, whose).await?,
            balances: tx.reconciliation_balances(day, whose).await?,
            payouts: tx.reconciliation_payouts(day, whose).await?,
            findings: tx.findings(&filter, &Part::first(FINDINGS_LIMIT), now).await?.rows,
            run,
        }))
    }
}

/// The compared days, the newest first.
#[shared::built_once]
pub async fn days(tx: &mut Transaction, whose: &Whose) -> Result<Vec<Reconciliation>, LedgerError> {
    tx.reconciliations(whose, DAYS_LIMIT).await
}
