//! The page of a customer: the user behind it, the latest payments, subscriptions, disputes, and the ban.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::bans::Ban;
use domain::customers::Customer;
use domain::disputes::Dispute;
use domain::operations::Operation;
use domain::payments::Payment;
use domain::subscriptions::Subscription;
use domain::{Key, Object};
use ledger::graph::related::audited;
use ledger::graph::users::read_disputes_of;
use ledger::tables::audit::Line;
use ledger::views::lists::PaymentFilter;
use ledger::views::page::Part;
use ledger::views::search::Whose;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::ban::{self, Standing};
use super::detail::{Detail, Details, USER};
use super::dispute_item::{DisputeItem, read_items};
use super::object::ObjectView;
use super::operations_about::of_customer;
use super::timeline::timeline;
use crate::money;

/// So many payments are on the page, the latest.
const PAYMENTS_LIMIT: i64 = 10;

#[derive(Debug, Serialize)]
pub struct CustomerView {
    pub customer: Customer,
    /// Whom the metadata of the customer name, else those of the payments, else the customer.
    pub user: String,
    pub standing: Standing,
    pub ban: Ban,
    pub payment_count: i64,
    /// The latest.
    pub payments: Vec<Payment>,
    pub subscriptions: Vec<Subscription>,
    /// All of the user's.
    pub disputes: Vec<DisputeItem>,
    /// The latest.
    pub operations: Vec<Operation>,
    pub timeline: Vec<Line>,
    pub why: String,
}

impl ObjectView for CustomerView {
    type Object = Customer;

    async fn read(
        ledger: &Ledger,
        tx: &mut Transaction,
        customer: Customer,
        now: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        let key = customer.key.clone();
        let whose = Whose { account: Some(key.account.clone()), livemode: Some(key.livemode) };
        let filter = PaymentFilter { customer: Some(key.id.clone()), whose, ..PaymentFilter::default() };
        let payments = tx.payments(&filter, &Part::first(PAYMENTS_LIMIT)).await?.rows;
        let (user, who) = user(&customer, &payments);
        let mut graph = ledger.object_graph();
        read_disputes_of(tx, std::slice::from_ref(&user), &mut graph).await?;
        let disputes: Vec<Dispute> = graph.disputes_of_user(&user).cloned().collect();
        let subscriptions: Vec<Subscription> = tx.children("customer", std::slice::from_ref(&key)).await?;
        let ban = ban::read_ban(tx, &user).await?;
        let mut told = ledger.object_graph();
        for row in &subscriptions {
            told.load(row.clone());
        }
        for row in &disputes {
            told.load(row.clone());
        }
        let subjects =
            audited(&told).into_iter().chain([(Ban::NAME, user.clone()), (Customer::NAME, key.clone())]);
        Ok(Self {
            timeline: timeline(tx, subjects).await?,
            standing: Standing::of(&ban, now),
            why: format!("{who} {}", ban::why(&ban, now)),
            ban,
            payment_count: tx.count_payments_of(&key).await?,
            payments,
            subscriptions,
            disputes: read_items(tx, disputes, &graph).await?,
            operations: of_customer(tx, &key).await?,
            user: user.id,
            customer,
        })
    }

    fn key(&self) -> &Key {
        &self.customer.key
    }

    fn status(&self, _: DateTime<Utc>) -> String {
        let status = match () {
            () if self.customer.state.deleted => "deleted",
            () if self.customer.seen.is_reported() => "exists",
            () => "unknown",
        };
        status.to_owned()
    }

    fn why(&self) -> &str {
        &self.why
    }

    fn details(&self, _: DateTime<Utc>) -> Vec<Detail> {
        let mut details = Details::in_currency("");
        details.object("user", USER, Some(&self.user));
        details.text("ban", self.standing.word().to_owned());
        details.text("chargebacks", self.ban.chargebacks.to_string());
        details.time("created", self.customer.state.created_at);
        let count = money::count(self.payment_count.unsigned_abs());
        let latest = if self.payment_count > PAYMENTS_LIMIT { ", of which the latest are below" } else { "" };
        details.text("payments", format!("{count}{latest}"));
        details.uncertain(self.customer.seen.needs_refetch);
        details.list()
    }

    fn timeline(&self) -> &[Line] {
        &self.timeline
    }

    fn operations(&self) -> &[Operation] {
        &self.operations
    }
}

/// Whom the customer's metadata name, else whom all of the latest payments do, else the customer; and in words.
fn user(customer: &Customer, payments: &[Payment]) -> (Key, String) {
    if let Some(user) = customer.user() {
        let who = format!("The customer's metadata names the user {}.", user.id);
        return (user, who);
    }
    let named: BTreeSet<&str> = payments.iter().filter_map(|payment| payment.user.id()).collect();
    let who = match (named.first(), named.len()) {
        (Some(user), 1) => {
            let who =
                format!("The customer's own metadata names no user; that of the payments names {user}.");
            return (customer.key.sibling(user), who);
        }
        (None, _) => "No metadata names the user, so the customer counts as the user.",
        (Some(_), _) => {
            "The payments name several users; for payments without one, the customer counts as the user."
        }
    };
    (customer.key.clone(), who.to_owned())
}

#[cfg(test)]
mod tests {
    use domain::payments::UserLink;

    use super::*;

    #[test]
    fn a_customer_stands_for_the_user_unless_all_that_is_named_is_one() {
        let customer = Customer::placeholder(Key { id: "cus_1".to_owned(), ..Key::default() });
        let payment = |user: Option<&str>| Payment {
            user: UserLink { user_id: user.map(str::to_owned), ..UserLink::default() },
            ..Payment::placeholder(Key::default())
        };
        for (users, found, says) in [
            (&[][..], "cus_1", "No metadata"),
            (&[None], "cus_1", "No metadata"),
            (&[Some("user_1"), None, Some("user_1")], "user_1", "that of the payments names user_1"),
            (&[Some("user_1"), Some("user_2")], "cus_1", "several users"),
        ] {
            let payments: Vec<Payment> = users.iter().map(|user| payment(*user)).collect();
            let (key, who) = user(&customer, &payments);
            assert_eq!(key.id, found);
            assert!(who.contains(says), "{who}");
        }
    }
}
