//! Operations: the newest first, or only those that wait for somebody.

use domain::operations::Operation;

use crate::engine::query::query;
use crate::views::page::{Page, Part};
use crate::views::search::{Order, Search, Whose, Window, select};
use crate::{LedgerError, Transaction};

const ASKED: &str = "requested_at";
const TABLE: &str = "operations";

/// Which operations to list; what is `None` or false does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationFilter {
    pub state: Option<String>,
    pub kind: Option<String>,
    pub payment: Option<String>,
    pub customer: Option<String>,
    /// What it is about, whatever that is.
    pub subject: Option<String>,
    pub requested_by: Option<String>,
    /// Only those that are not decided or not done yet.
    pub open: bool,
    /// Only those that were not asked for with a list of others.
    pub alone: bool,
    pub window: Window,
    pub whose: Whose,
}

impl Transaction {
    #[shared::built_once]
    pub async fn operations(
        &mut self,
        filter: &OperationFilter,
        part: &Part,
    ) -> Result<Page<Operation>, LedgerError> {
        const OPEN: &str =
            "state IN ('needs_confirmation', 'needs_approval', 'approved', 'executing', 'unknown')";
        const ALONE: &str =
            "NOT EXISTS (SELECT 1 FROM batch_items WHERE batch_items.operation = operations.id)";
        let rows = Search::of(format!("{} WHERE TRUE", select(TABLE, ASKED)))
            .and("state = ?", filter.state.as_ref())
            .and("kind = ?", filter.kind.as_ref())
            .and("payment = ?", filter.payment.as_ref())
            .and("customer = ?", filter.customer.as_ref())
            .and("subject_id = ?", filter.subject.as_ref())
            .and("requested_by = ?", filter.requested_by.as_ref())
            .when(OPEN, filter.open)
            .when(ALONE, filter.alone)
            .within(ASKED, &filter.window)
            .whose(&filter.whose)
            .placed(self, (ASKED, Order::Newest), &part.and_one())
            .await?;
        Ok(Page::of(rows, part, |row: &Operation| (row.key.clone(), String::new())))
    }

    /// How many operations of a mode wait for a second person who is not the one that asked, counted up to a limit.
    #[shared::built_once]
    pub async fn waiting_for_approval(
        &mut self,
        livemode: bool,
        asker: &str,
        limit: i64,
    ) -> Result<i64, LedgerError> {
        let counted: (i64,) = query(
            "SELECT COUNT(*) FROM (SELECT 1 AS one FROM operations WHERE state = 'needs_approval' \
             AND state IN ('needs_confirmation', 'needs_approval', 'approved', 'executing', 'unknown') \
             AND livemode = $1 AND requested_by <> $2 \
             AND COALESCE(SUBSTR(caused_by, 1, LENGTH($2) + 2), '') <> $2 || ' (' LIMIT $3) waiting",
        )
        .bind(livemode)
        .bind(asker)
        .bind(limit)
        .one(self)
        .await?;
        Ok(counted.0)
    }
}
