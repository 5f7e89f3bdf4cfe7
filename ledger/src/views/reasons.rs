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

/// Each is one look-up in an index. Conditions are ranges: of an equation Postgres may expect so many rows that it looks for
/// the first one elsewhere.
const ATTEMPTS: [&str; 2] = [
    "SELECT id FROM payment_failures WHERE code IS NOT NULL",
    "SELECT id FROM payment_failures WHERE decline_code IS NOT NULL",
];
const DISPUTES: [&str; 1] = ["SELECT id FROM disputes WHERE reason IS NOT NULL"];
const REFUNDS: [&str; 2] = [
    "SELECT id FROM refunds WHERE reason IS NOT NULL",
    "SELECT id FROM refunds WHERE failure_reason IS NOT NULL",
];

macro_rules! is {
    ($column:literal) => {
        concat!($column, " >= ? AND ", $column, " <= ?")
    };
}

impl Transaction {
    /// `None` where nothing has it.
    #[shared::built_once]
    pub async fn known_reason(
        &mut self,
        word: &str,
        whose: &Whose,
    ) -> Result<Option<KnownReason>, LedgerError> {
        let attempts = self.has_any(&ATTEMPTS, &[is!("code"), is!("decline_code")], word, whose).await?;
        let disputes = self.has_any(&DISPUTES, &[is!("reason")], word, whose).await?;
        let refunds = self.has_any(&REFUNDS, &[is!("reason"), is!("failure_reason")], word, whose).await?;
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
            let search = Search::of(*select).and(condition, Some(word)).whose(whose).counted(1);
            let found: Vec<(i64,)> = search.fetch(self, "1", 1).await?;
            if found.first().is_some_and(|(count,)| *count > 0) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
