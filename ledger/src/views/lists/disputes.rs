//! Disputes: the most urgent first, or what is overdue and then the newest.

use chrono::{DateTime, Utc};
use domain::disputes::{Dispute, Status};
use domain::{Key, Object, readable};

use crate::tables::resolutions::unresolved;
use crate::views::page::{Page, Part, Placed};
use crate::views::search::{Order, Search, Whose, Window, select};
use crate::{LedgerError, Transaction};

const OPENED: &str = "COALESCE(opened_at, first_event_at)";
const RESPOND_BY: &str = "respond_by";
/// Not answered in time, and not resolved. The index is of all open disputes; hence both comparisons.
const OVERDUE: &str = concat!(
    "status IN ('opened', 'under_review') AND status = 'opened' AND respond_by IS NOT NULL AND respond_by <= ? AND ",
    unresolved!()
);

/// Which disputes to list; what is `None` or false does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisputeFilter {
    pub status: Option<String>,
    /// Why the customer disputes it, in Stripe's word.
    pub reason: Option<String>,
    pub open: bool,
    /// Still to be answered, by this moment.
    pub due_by: Option<DateTime<Utc>>,
    /// Of the open ones and those that are due, what staff have resolved as well.
    pub resolved_too: bool,
    pub among: Option<Vec<Key>>,
    pub window: Window,
    pub whose: Whose,
}

readable! {
    /// What a sum over disputes needs of each.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct DisputeFigures {
        pub status: Status,
        pub inquiry: bool,
        pub amount: i64,
        pub currency: String,
        pub livemode: bool,
        pub opened_at: Option<DateTime<Utc>>,
        pub closed_at: Option<DateTime<Utc>>,
        /// Staff are done with it.
        pub resolved: bool,
    }
}

impl Transaction {
    /// The most urgent first where only open ones are wanted; else what is overdue at this moment, then the newest.
    #[shared::built_once]
    pub async fn disputes(
        &mut self,
        filter: &DisputeFilter,
        part: &Part,
        now: DateTime<Utc>,
    ) -> Result<Page<Dispute>, LedgerError> {
        if filter.open || filter.due_by.is_some() {
            return filter.search(RESPOND_BY).page(self, (RESPOND_BY, Order::Soonest), part).await;
        }
        self.overdue_then_newest(filter, part, now).await
    }

    /// A list in two sections. What is overdue is decided by the clock of its first page, or a dispute whose time passes
    /// meanwhile would be missed.
    async fn overdue_then_newest(
        &mut self,
        filter: &DisputeFilter,
        part: &Part,
        now: DateTime<Utc>,
    ) -> Result<Page<Dispute>, LedgerError> {
        let (is_newest, now) =
            part.after.as_ref().and_then(|place| section(&place.more)).unwrap_or((false, now));
        let wanted = part.and_one();
        let mut found: Vec<Placed<(Dispute, bool)>> = Vec::new();
        if !is_newest {
            let overdue = filter.search(RESPOND_BY).and(OVERDUE, Some(now));
            let rows = overdue.placed(self, (RESPOND_BY, Order::Soonest), &wanted).await?;
            found.extend(rows.into_iter().map(|placed| placed.map(|dispute| (dispute, false))));
        }
        let limit = wanted.limit - i64::try_from(found.len()).unwrap_or(wanted.limit);
        let others = filter.search(OPENED).and(&format!("NOT ({OVERDUE})"), Some(now));
        let rest = Part { after: wanted.after.filter(|_| is_newest), limit };
        let rows = others.placed(self, (OPENED, Order::Newest), &rest).await?;
        found.extend(rows.into_iter().map(|placed| placed.map(|dispute| (dispute, true))));
        let place = |(dispute, is_newest): &(Dispute, bool)| (dispute.key.clone(), more(*is_newest, now));
        Ok(Page::of(found, part, place).map(|(dispute, _)| dispute))
    }

    /// The figures of all disputes that were opened in a window.
    #[shared::built_once]
    pub async fn dispute_figures(
        &mut self,
        window: &Window,
        whose: &Whose,
        limit: i64,
    ) -> Result<Vec<DisputeFigures>, LedgerError> {
        let resolved = concat!("CASE WHEN ", unresolved!(), " THEN FALSE ELSE TRUE END AS resolved");
        let columns = "status, inquiry, amount, currency, livemode, opened_at, closed_at";
        Search::of(format!("SELECT {columns}, {resolved} FROM disputes WHERE {OPENED} IS NOT NULL"))
            .within(OPENED, window)
            .whose(whose)
            .fetch(self, OPENED, limit)
            .await
    }
}

impl DisputeFilter {
    fn search(&self, moment: &str) -> Search {
        let is_urgent = self.open || self.due_by.is_some();
        Search::of(format!("{} WHERE {OPENED} IS NOT NULL", select(Dispute::TABLE, moment)))
            .and("status = ?", self.status.as_ref())
            .and("reason = ?", self.reason.as_ref())
            .when("status IN ('opened', 'under_review')", self.open)
            .and("status = 'opened' AND respond_by <= ?", self.due_by)
            .when(unresolved!(), is_urgent && !self.resolved_too)
            .within(OPENED, &self.window)
            .whose(&self.whose)
            .among(self.among.as_deref())
    }
}

/// In which section of the list a page ended, and the time that separates the sections.
fn more(is_newest: bool, now: DateTime<Utc>) -> String {
    format!("{}{}", if is_newest { 'n' } else { 'o' }, now.timestamp_micros())
}

fn section(more: &str) -> Option<(bool, DateTime<Utc>)> {
    let (section, micros) = more.split_at_checked(1)?;
    Some((section == "n", DateTime::from_timestamp_micros(micros.parse().ok()?)?))
}
