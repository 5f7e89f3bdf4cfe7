//! Notices: the newest first, or only those whose delivery is in some state.

use domain::notices::Notice;

use crate::views::page::{Page, Part};
use crate::views::search::{Order, Search, Whose, Window, select};
use crate::{LedgerError, Transaction};

const NOTED: &str = "noted_at";
const TABLE: &str = "notices";

/// Which notices to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoticeFilter {
    pub kind: Option<String>,
    /// What it is about, whatever that is.
    pub object: Option<String>,
    pub severity: Option<String>,
    /// Of a delivery: pending, delivered, failed, withdrawn or held.
    pub state: Option<String>,
    pub target: Option<String>,
    pub window: Window,
    pub whose: Whose,
}

impl Transaction {
    #[shared::built_once]
    pub async fn notices(&mut self, filter: &NoticeFilter, part: &Part) -> Result<Page<Notice>, LedgerError> {
        let by_delivery = filter.state.is_some() || filter.target.is_some();
        let (begins, ends) = if by_delivery {
            (" AND id IN (SELECT notice FROM notice_deliveries WHERE TRUE", ")")
        } else {
            ("", "")
        };
        let rows = Search::of(format!("{} WHERE TRUE", select(TABLE, NOTED)))
            .and("kind = ?", filter.kind.as_ref())
            .and("object_id = ?", filter.object.as_ref())
            .and("severity = ?", filter.severity.as_ref())
            .then(begins)
            .and("state = ?", filter.state.as_ref())
            .and("target = ?", filter.target.as_ref())
            .then(ends)
            .within(NOTED, &filter.window)
            .whose(&filter.whose)
            .placed(self, (NOTED, Order::Newest), &part.and_one())
            .await?;
        Ok(Page::of(rows, part, |row: &Notice| (row.key.clone(), String::new())))
    }
}
