//! Findings: the newest first; a pause that is over is none.

use chrono::{DateTime, Utc};
use domain::findings::{Check, Finding, FindingState, TABLE};

use crate::views::page::{Page, Part};
use crate::views::search::{Order, Search, Whose, Window, select};
use crate::{LedgerError, Transaction};

const FOUND: &str = "first_found_at";

/// Which findings to list; what is `None` or false does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter {
    pub found_by: Option<Check>,
    pub kind: Option<String>,
    pub state: Option<FindingState>,
    /// What is resolved, too, where no state is asked for.
    pub resolved_too: bool,
    pub severity: Option<String>,
    pub assignee: Option<String>,
    pub subject: Option<String>,
    /// The day, or whatever else a run looks at as a whole.
    pub scope: Option<String>,
    pub currency: Option<String>,
    pub window: Window,
    pub whose: Whose,
}

impl Transaction {
    #[shared::built_once]
    pub async fn findings(
        &mut self,
        filter: &FindingFilter,
        part: &Part,
        now: DateTime<Utc>,
    ) -> Result<Page<Finding>, LedgerError> {
        let is = |state| filter.state == Some(state);
        let rows = Search::of(format!("{} WHERE TRUE", select(TABLE, FOUND)))
            .when("state <> 'resolved'", filter.state.is_none() && !filter.resolved_too)
            .when("state = 'acknowledged'", is(FindingState::Acknowledged))
            .when("state = 'resolved'", is(FindingState::Resolved))
            .and(
                "(state = 'open' OR (state = 'snoozed' AND snoozed_until <= ?))",
                is(FindingState::Open).then_some(now),
            )
            .and("state = 'snoozed' AND snoozed_until > ?", is(FindingState::Snoozed).then_some(now))
            .and("found_by = ?", filter.found_by.map(Check::as_str))
            .and("kind = ?", filter.kind.as_ref())
            .and("severity = ?", filter.severity.as_ref())
            .and("assignee = ?", filter.assignee.as_ref())
            .and("subject_id = ?", filter.subject.as_ref())
            .and("scope = ?", filter.scope.as_ref())
            .and("currency = ?", filter.currency.as_ref())
            .within(FOUND, &filter.window)
            .whose(&filter.whose)
            .placed(self, (FOUND, Order::Newest), &part.and_one())
            .await?;
        let page = Page::of(rows, part, |row: &Finding| (row.key.clone(), String::new()));
        Ok(page.map(|finding| finding.as_of(now)))
    }
}
