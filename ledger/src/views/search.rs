//! Builds a list query with only the requested conditions: one that always holds would prevent the use of an
//! index.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use domain::row::Read;
use sqlx::AssertSqlSafe;

use crate::engine::query::{Query, Value, query};
use crate::{LedgerError, Transaction};
use domain::Key;

/// Whose objects: of one account, of one mode, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whose {
    pub account: Option<String>,
    pub livemode: Option<bool>,
}

impl Whose {
    pub fn admits(&self, key: &Key) -> bool {
        self.account.as_ref().is_none_or(|account| *account == key.account)
            && self.livemode.is_none_or(|livemode| livemode == key.livemode)
    }
}

/// From a moment on, and until before another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

/// A statement that grows with its conditions.
pub(crate) struct Search {
    sql: String,
    values: Vec<Value>,
}

impl Search {
    /// Begins with a SELECT and the condition that always holds.
    pub(crate) fn of(select: impl Into<String>) -> Self {
        Self { sql: select.into(), values: Vec::new() }
    }

    /// Goes on with the statement.
    pub(crate) fn then(mut self, text: &str) -> Self {
        self.sql.push_str(text);
        self
    }

    /// A condition with a `?` where the value stands; none where nobody asked for it.
    pub(crate) fn and(mut self, condition: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            let place = self.place(value.into());
            write!(self.sql, " AND {}", condition.replace('?', &place)).expect("a String takes every write");
        }
        self
    }

    pub(crate) fn when(mut self, condition: &str, wanted: bool) -> Self {
        if wanted {
            write!(self.sql, " AND {condition}").expect("a String takes every write");
        }
        self
    }

    pub(crate) fn whose(self, whose: &Whose) -> Self {
        self.and("account = ?", whose.account.as_ref()).and("livemode = ?", whose.livemode)
    }

    /// By the moment that an expression tells.
    pub(crate) fn within(self, moment: &str, window: &Window) -> Self {
        self.and(&format!("{moment} >= ?"), window.since).and(&format!("{moment} < ?"), window.until)
    }

    /// Only these objects, where any are named.
    pub(crate) fn among(mut self, keys: Option<&[Key]>) -> Self {
        let Some(keys) = keys else { return self };
        let mut named = vec!["FALSE".to_owned()];
        for key in keys {
            let id = self.place(Value::from(&key.id));
            let account = self.place(Value::from(&key.account));
            let livemode = self.place(Value::from(key.livemode));
            named.push(format!("(id = {id} AND account = {account} AND livemode = {livemode})"));
        }
        write!(self.sql, " AND ({})", named.join(" OR ")).expect("a String takes every write");
        self
    }

    /// At most so many, in this order.
    pub(crate) async fn fetch<R: Read>(
        mut self,
        tx: &mut Transaction,
        order: &str,
        limit: i64,
    ) -> Result<Vec<R>, LedgerError> {
        let place = self.place(Value::from(limit));
        let text = format!("{} ORDER BY {order} LIMIT {place}", self.sql);
        self.values.into_iter().fold(query(AssertSqlSafe(text)), Query::bind).all(tx).await
    }

    fn place(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_a_condition() {
        let search = Search::of("SELECT * FROM payments WHERE TRUE")
            .and("status = ?", Some(&"succeeded".to_owned()))
            .and("customer = ?", None::<&String>)
            .whose(&Whose { account: None, livemode: Some(true) })
            .when("needs_refetch", false);
        assert_eq!(search.sql, "SELECT * FROM payments WHERE TRUE AND status = $1 AND livemode = $2");
        assert_eq!(search.values.len(), 2);
    }

    #[test]
    fn no_key_at_all_is_no_object_and_not_every_object() {
        assert_eq!(Search::of("S").among(None).sql, "S");
        assert_eq!(Search::of("S").among(Some(&[])).sql, "S AND (FALSE)");
    }
}
