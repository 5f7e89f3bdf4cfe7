//! Payouts: the newest first.

use domain::Object;
use domain::payouts::Payout;

use super::CREATED;
use crate::views::page::{Page, Part};
use crate::views::search::{Order, Search, Whose, Window, select};
use crate::{LedgerError, Transaction};

/// Which payouts to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PayoutFilter {
    pub status: Option<String>,
    pub currency: Option<String>,
    pub window: Window,
    pub whose: Whose,
}

impl Transaction {
    #[shared::built_once]
    pub async fn payouts(&mut self, filter: &PayoutFilter, part: &Part) -> Result<Page<Payout>, LedgerError> {
        Search::of(format!("{} WHERE {CREATED} IS NOT NULL", select(Payout::TABLE, CREATED)))
            .and("status = ?", filter.status.as_ref())
            .and("currency = ?", filter.currency.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .page(self, (CREATED, Order::Newest), part)
            .await
    }
}
