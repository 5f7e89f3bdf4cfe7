//! Balance transactions: what moved Stripe's balance, and what it cost.

use super::lists::{CreatedBetween, Filter, ListPage};
use super::sending::sound;
use super::{Api, StripeError};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionFilter {
    pub created: CreatedBetween,
    /// Those of one payout; works for automatic payouts only.
    pub payout: Option<String>,
    /// Those of one charge, refund, dispute or other object.
    pub source: Option<String>,
    /// `charge`, `refund`, `adjustment`, …
    pub kind: Option<String>,
    pub currency: Option<String>,
}

impl Api {
    /// The page that follows a transaction, or the first one: of a large merchant no other list is as long.
    #[shared::built_once]
    pub async fn balance_transactions(
        &self,
        wanted: &TransactionFilter,
        after: Option<String>,
        account: &str,
    ) -> Result<ListPage, StripeError> {
        let mut filter = Filter::new();
        wanted.created.narrow(&mut filter);
        let named = [
            ("payout", &wanted.payout),
            ("source", &wanted.source),
            ("type", &wanted.kind),
            ("currency", &wanted.currency),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                filter.insert(name, sound(value)?.to_owned());
            }
        }
        self.list_page("/balance_transactions", filter, after, account).await
    }
}
