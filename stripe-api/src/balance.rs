//! Stripe's balance now: what is there in each currency, available or not. Reserves stand beside it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Api, StripeError};

#[derive(Deserialize)]
struct Balance {
    available: Vec<Funds>,
    pending: Vec<Funds>,
}

#[derive(Deserialize)]
struct Funds {
    amount: i64,
    currency: String,
}

impl Api {
    /// By currency, in minor units.
    #[shared::built_once]
    pub async fn balance(&self, account: &str) -> Result<BTreeMap<String, i64>, StripeError> {
        let balance: Balance = self.get("/balance".to_owned(), account).await?.read()?;
        let mut sums = BTreeMap::new();
        for funds in balance.available.into_iter().chain(balance.pending) {
            *sums.entry(funds.currency).or_default() += funds.amount;
        }
        Ok(sums)
    }
}
