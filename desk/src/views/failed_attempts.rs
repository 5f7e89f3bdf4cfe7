//! Failed attempts to pay, by the time at which they failed, with the payment's money and user.

use std::collections::{BTreeMap, BTreeSet};

use domain::Key;
use domain::payment_failures::PaymentFailure;
use domain::payments::Payment;
use ledger::views::lists::FailureFilter;
use ledger::views::page::{Page, Part};
use ledger::{LedgerError, Transaction};
use serde::Serialize;

/// A failed attempt; the form of `--json`. What the payment says is absent where an invoice reported the failure.
#[derive(Debug, Serialize)]
pub struct Attempt {
    #[serde(flatten)]
    pub failure: PaymentFailure,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub user: Option<String>,
}

impl Attempt {
    pub fn amount(&self, shown: fn(i64, &str) -> String) -> String {
        self.amount
            .zip(self.currency.as_deref())
            .map(|(amount, code)| shown(amount, code))
            .unwrap_or_default()
    }
}

/// The failures of a page, and the payments that they are of.
#[shared::built_once]
pub async fn read_page(
    tx: &mut Transaction,
    filter: &FailureFilter,
    part: &Part,
) -> Result<Page<Attempt>, LedgerError> {
    let page = tx.failures(filter, part).await?;
    let of = |failure: &PaymentFailure| failure.payment.id().map(|id| failure.key.sibling(id));
    let keys: BTreeSet<Key> = page.rows.iter().filter_map(of).collect();
    let payments: Vec<Payment> = tx.look_up(&keys.into_iter().collect::<Vec<_>>()).await?;
    let payments: BTreeMap<Key, Payment> =
        payments.into_iter().map(|payment| (payment.key.clone(), payment)).collect();
    Ok(page.map(|failure| {
        let payment = of(&failure).and_then(|key| payments.get(&key));
        let user = payment.and_then(|payment| payment.user.id().or_else(|| payment.customer.id()));
        Attempt {
            amount: payment.map(|payment| payment.state.amount),
            currency: payment.map(|payment| payment.state.currency.clone()),
            user: user.map(str::to_owned),
            failure,
        }
    }))
}
