//! What was tried to get the money: charges, and failed attempts.

use std::cmp::Reverse;

use domain::Object;
use domain::charges::Charge;
use domain::payment_failures::PaymentFailure;

use super::CREATED;
use crate::views::page::{Page, Part, Placed};
use crate::views::search::{Order, Search, Whose, Window, select};
use crate::{LedgerError, Transaction};

const FAILED: &str = "failed_at";
/// An invoice reports a failure without its payment and its reason. Where the attempt itself is known, that says nothing more.
/// `LIMIT 1` keeps Postgres from reading all payments that failed at once.
const SAYS_MORE: &str = "(payment IS NOT NULL OR (SELECT 1 FROM payments p WHERE p.invoice = payment_failures.invoice \
    AND p.account = payment_failures.account AND p.livemode = payment_failures.livemode AND p.failed_attempts > 0 LIMIT 1) IS NULL)";

/// Which charges to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChargeFilter {
    pub status: Option<String>,
    pub payment: Option<String>,
    pub window: Window,
    pub whose: Whose,
}

/// Which failed attempts to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureFilter {
    pub payment: Option<String>,
    pub invoice: Option<String>,
    /// Stripe's code, or the bank's.
    pub code: Option<String>,
    /// By when they failed.
    pub window: Window,
    pub whose: Whose,
}

impl Transaction {
    #[shared::built_once]
    pub async fn charges(&mut self, filter: &ChargeFilter, part: &Part) -> Result<Page<Charge>, LedgerError> {
        Search::of(format!("{} WHERE {CREATED} IS NOT NULL", select(Charge::TABLE, CREATED)))
            .and("status = ?", filter.status.as_ref())
            .and("payment = ?", filter.payment.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .page(self, (CREATED, Order::Newest), part)
            .await
    }

    /// The index begins with the mode: each mode is read by itself, and the two are put together.
    #[shared::built_once]
    pub async fn failures(
        &mut self,
        filter: &FailureFilter,
        part: &Part,
    ) -> Result<Page<PaymentFailure>, LedgerError> {
        let modes: &[bool] = match filter.whose.livemode {
            Some(true) => &[true],
            Some(false) => &[false],
            None => &[true, false],
        };
        let order = (FAILED, Order::NewestOfMode);
        let mut found: Vec<Placed<PaymentFailure>> = Vec::new();
        for &livemode in modes {
            let whose = Whose { livemode: Some(livemode), ..filter.whose.clone() };
            let select = select(PaymentFailure::TABLE, FAILED);
            let search = Search::of(format!("{select} WHERE {FAILED} IS NOT NULL"))
                .and("payment = ?", filter.payment.as_ref())
                .and("invoice = ?", filter.invoice.as_ref())
                .when(SAYS_MORE, filter.invoice.is_none())
                .and("(code = ? OR decline_code = ?)", filter.code.as_ref())
                .within(FAILED, &filter.window)
                .whose(&whose);
            found.extend(search.placed(self, order, &part.and_one()).await?);
        }
        found.sort_by(|one, other| {
            let place = |placed: &Placed<PaymentFailure>| {
                let failure = placed.row();
                (failure.failed_at.at(), failure.key.clone())
            };
            Reverse(place(one)).cmp(&Reverse(place(other)))
        });
        Ok(Page::of_objects(found, part))
    }
}
