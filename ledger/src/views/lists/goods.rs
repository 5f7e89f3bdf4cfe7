//! A merchant's goods: in the order in which they are shown, or the newest first.

use chrono::{DateTime, Utc};
use domain::goods::{Goods, REMOVED};

use crate::views::page::{Page, Part};
use crate::views::search::{Order, Search, Whose, select};
use crate::{LedgerError, Transaction};

const TABLE: &str = "goods";
const SHOWN: &str = "sort_at";
const MADE: &str = "created_at";

/// Which goods to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoodsFilter {
    pub kind: String,
    pub state: Option<String>,
    /// Only those whose state is shown at this moment, in their own order; else all, the newest first.
    pub shown_at: Option<DateTime<Utc>>,
    /// Only those whose time was over at this moment.
    pub over_at: Option<DateTime<Utc>>,
    pub label: Option<String>,
    pub user: Option<String>,
    pub whose: Whose,
}

impl Transaction {
    #[shared::built_once]
    pub async fn list_goods(
        &mut self,
        filter: &GoodsFilter,
        part: &Part,
    ) -> Result<Page<Goods>, LedgerError> {
        let by = if filter.shown_at.is_some() { SHOWN } else { MADE };
        let rows = Search::of(format!("{} WHERE state <> '{REMOVED}'", select(TABLE, by)))
            .and("kind = ?", Some(filter.kind.as_str()))
            .and("state = ?", filter.state.as_ref())
            .and("shown_until > ?", filter.shown_at)
            .and("shown_until <= ?", filter.over_at)
            .and("label = ?", filter.label.as_ref())
            .and("user_id = ?", filter.user.as_ref())
            .whose(&filter.whose)
            .placed(self, (by, Order::NewestKnown), &part.and_one())
            .await?;
        Ok(Page::of(rows, part, |row: &Goods| (row.key.clone(), String::new())))
    }
}
