//! Payouts: list them, read one.

use super::answer::Answer;
use super::lists::{CreatedBetween, Filter, Listed};
use super::sending::sound;
use super::{Api, StripeError};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PayoutFilter {
    pub created: CreatedBetween,
    /// `paid`, `pending`, `in_transit`, `canceled` or `failed`.
    pub status: Option<String>,
}

impl Api {
    #[shared::built_once]
    pub async fn payouts(&self, wanted: &PayoutFilter, account: &str) -> Result<Listed, StripeError> {
        let mut filter = Filter::new();
        wanted.created.narrow(&mut filter);
        if let Some(status) = &wanted.status {
            filter.insert("status", sound(status)?.to_owned());
        }
        self.list("/payouts", filter, account).await
    }

    #[shared::built_once]
    pub async fn payout(&self, id: &str, account: &str) -> Result<Answer, StripeError> {
        self.get(format!("/payouts/{}", sound(id)?), account).await
    }
}
