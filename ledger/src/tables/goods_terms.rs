//! The table `goods_terms`: what goods are sold on, with their past. Rows are only ever added.

use domain::goods::Term;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

impl Transaction {
    /// Every value that a term of this kind of goods ever had, the oldest first.
    #[shared::built_once]
    pub async fn goods_terms(&mut self, kind: &str) -> Result<Vec<Term>, LedgerError> {
        query("SELECT * FROM goods_terms WHERE kind = $1 ORDER BY set_at, name, currency, version")
            .bind(kind)
            .all(self)
            .await
    }

    /// The key refuses the second of two that are set at one moment.
    #[shared::built_once]
    pub async fn append_goods_term(&mut self, term: &Term) -> Result<(), LedgerError> {
        query(
            "INSERT INTO goods_terms (kind, name, currency, version, value, reason, set_by, set_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&term.kind)
        .bind(&term.name)
        .bind(&term.currency)
        .bind(term.version)
        .bind(term.value)
        .bind(&term.reason)
        .bind(&term.set_by)
        .bind(term.set_at)
        .run(self)
        .await?;
        Ok(())
    }
}
