//! Customers, their subscriptions, and bans.

use chrono::{DateTime, Utc};
use domain::Object;
use domain::bans::Ban;
use domain::customers::Customer;
use domain::subscriptions::Subscription;

use super::CREATED;
use crate::views::page::{Page, Part};
use crate::views::search::{Order, Search, Whose, Window, select};
use crate::{LedgerError, Transaction};

/// A user has few customers; of more, the first are searched.
const CUSTOMERS_LIMIT: i64 = 1_000;
const DECIDED: &str = "COALESCE(override_at, since)";
/// As `Ban::is_banned` says.
const IS_BANNED: &str = "((override_act = 'ban' AND (override_until IS NULL OR override_until > ?)) \
    OR (status = 'banned' AND NOT (override_act = 'lift' AND (override_until IS NULL OR override_until > ?))))";

/// Which customers to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerFilter {
    pub user: Option<String>,
    pub window: Window,
    pub whose: Whose,
}

/// Which subscriptions to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionFilter {
    pub status: Option<String>,
    pub customer: Option<String>,
    pub window: Window,
    pub whose: Whose,
}

/// Which bans to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BanFilter {
    /// Every user whom a dispute or staff ever concerned; else only those who are banned at the moment asked about.
    pub all: bool,
    pub whose: Whose,
}

impl Transaction {
    #[shared::built_once]
    pub async fn customers(
        &mut self,
        filter: &CustomerFilter,
        part: &Part,
    ) -> Result<Page<Customer>, LedgerError> {
        Search::of(format!("{} WHERE {CREATED} IS NOT NULL", select(Customer::TABLE, CREATED)))
            .and("user_id = ?", filter.user.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .page(self, (CREATED, Order::Newest), part)
            .await
    }

    #[shared::built_once]
    pub async fn subscriptions(
        &mut self,
        filter: &SubscriptionFilter,
        part: &Part,
    ) -> Result<Page<Subscription>, LedgerError> {
        Search::of(format!("{} WHERE {CREATED} IS NOT NULL", select(Subscription::TABLE, CREATED)))
            .and("status = ?", filter.status.as_ref())
            .and("customer = ?", filter.customer.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .page(self, (CREATED, Order::Newest), part)
            .await
    }

    /// The latest decision first.
    #[shared::built_once]
    pub async fn bans(
        &mut self,
        filter: &BanFilter,
        part: &Part,
        now: DateTime<Utc>,
    ) -> Result<Page<Ban>, LedgerError> {
        Search::of(format!("{} WHERE TRUE", select(Ban::TABLE, DECIDED)))
            .when("(status = 'banned' OR override_act <> 'none')", !filter.all)
            .and(IS_BANNED, (!filter.all).then_some(now))
            .whose(&filter.whose)
            .page(self, (DECIDED, Order::NewestKnown), part)
            .await
    }

    /// The customers who are this user: whose metadata say so; and the customer of that id, where no metadata say
    /// otherwise.
    pub(super) async fn customers_who_are(&mut self, user: &str) -> Result<Vec<String>, LedgerError> {
        let named: Vec<(String,)> = Search::of("SELECT id FROM customers WHERE TRUE")
            .and("user_id = ?", Some(user))
            .fetch(self, "id", CUSTOMERS_LIMIT)
            .await?;
        let somebody_else: Vec<(String,)> = Search::of("SELECT id FROM customers WHERE user_id IS NOT NULL")
            .and("id = ? AND user_id <> ?", Some(user))
            .fetch(self, "id", 1)
            .await?;
        let mut ids: Vec<String> = named.into_iter().map(|(id,)| id).collect();
        ids.extend(somebody_else.is_empty().then(|| user.to_owned()));
        Ok(ids)
    }
}

impl Search {
    /// Payments of a user: those that name the user, and those that name nobody and are of these customers.
    pub(super) fn of_user(self, user: Option<&String>, customers: &[String]) -> Self {
        let Some(user) = user else { return self };
        self.or(("user_id = ", user.as_str()), ("user_id IS NULL AND customer", customers))
    }
}
