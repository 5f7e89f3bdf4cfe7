//! Whether a word is a reason that the ledger has: a code with which attempts failed, or why money went back.

use serde::Serialize;

use crate::views::search::{Search, Whose};
use crate::{LedgerError, Transaction};

/// A word, and what has it for a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownReason {
    pub word: String,
    pub attempts: bool,
    pub disputes: bool,
    pub refunds: bool,
}

/// Each is one look-up in an index.
const ATTEMPTS: [&str; 2] = [
    "SELECT id FROM payment_failures WHERE code IS NOT NULL",
    "SELECT id FROM payment_failures WHERE decline_code IS NOT NULL",
];
const DISPUTES: [&str; 1] = ["SELECT id FROM disputes WHERE reason IS NOT NULL"];
const REFUNDS: [&str; 2] = [
    "SELECT id FROM refunds WHERE reason IS NOT NULL",
    "SELECT id FROM refunds WHERE failure_reason IS NOT NULL",
];

impl Transaction {
    /// `None` where nothing has it.
    #[shared::built_once]
    pub async fn known_reason(
        &mut self,
        word: &str,
        whose: &Whose,
    ) -> Result<Option<KnownReason>, LedgerError> {
        let attempts = self.has_any(&ATTEMPTS, &["code = ?", "decline_code = ?"], word, whose).await?;
        let disputes = self.has_any(&DISPUTES, &["reason = ?"], word, whose).await?;
        let refunds = self.has_any(&REFUNDS, &["reason = ?", "failure_reason = ?"], word, whose).await?;
        let known = KnownReason { word: word.to_owned(), attempts, disputes, refunds };
        Ok((attempts || disputes || refunds).then_some(known))
    }

    async fn has_any(
        &mut self,
        selects: &[&str],
        conditions: &[&str],
        word: &str,
        whose: &Whose,
    ) -> Result<bool, LedgerError> {
        for (select, condition) in selects.iter().zip(conditions) {
            let found: Vec<(String,)> =
                Search::of(*select).and(condition, Some(word)).whose(whose).fetch(self, "1", 1).await?;
            if !found.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
