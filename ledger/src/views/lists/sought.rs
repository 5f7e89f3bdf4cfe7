//! Conditions that few rows fulfil, or many. Where few do, an index leads to them, and they are sorted; where many do, the
//! list is read from its end until a page is full. Neither database can tell beforehand: so they are counted, up to a limit.

use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::views::search::Search;
use crate::{LedgerError, Transaction};

/// More than these are many: to sort so many takes as long as to find a page of them among half a million.
const FEW_LIMIT: i64 = 5_000;

/// A condition in both forms, with a `?` where its value stands.
pub(super) struct Sought {
    /// Begins with the rows that fulfil it.
    pub(super) few: &'static str,
    /// Asks each row of the list; `LIMIT 1` keeps both databases from asking all of them at once.
    pub(super) many: &'static str,
    /// The rows that fulfil it, which an index leads to.
    pub(super) rows: &'static str,
}

impl Sought {
    /// The form that is cheap for this value.
    pub(super) async fn form(
        &self,
        tx: &mut Transaction,
        value: Option<&String>,
    ) -> Result<&'static str, LedgerError> {
        let Some(value) = value else { return Ok(self.few) };
        let text = format!("SELECT COUNT(*) FROM ({} LIMIT $2) counted", self.rows.replace('?', "$1"));
        let (count,): (i64,) = query(AssertSqlSafe(text)).bind(value).bind(FEW_LIMIT + 1).one(tx).await?;
        Ok(if count > FEW_LIMIT { self.many } else { self.few })
    }
}

/// Whether a search finds few rows.
pub(super) async fn are_few(tx: &mut Transaction, rows: Search) -> Result<bool, LedgerError> {
    let counted: Vec<(i64,)> = rows.counted(FEW_LIMIT + 1).fetch(tx, "1", 1).await?;
    Ok(counted.first().is_none_or(|(count,)| *count <= FEW_LIMIT))
}
