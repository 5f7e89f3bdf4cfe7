//! The page of a customer: the user behind it, the latest payments, subscriptions, disputes, and the ban.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use desk::views::timeline::timeline;
use domain::bans::Ban;
use domain::customers::Customer;
use domain::disputes::Dispute;
use domain::payments::Payment;
use domain::subscriptions::Subscription;
use domain::{Key, Object};
use ledger::graph::family::audited;
use ledger::graph::users::read_disputes_of;
use ledger::tables::audit::Line;
use ledger::views::lists::PaymentFilter;
use ledger::views::search::Whose;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::page::{Facts, heading, history};
use super::sections;
use super::subscription;
use crate::bans::{self, Standing};
use crate::disputes::{Placed, place};
use crate::money;

/// So many payments are on the page, the latest.
const PAYMENTS_LIMIT: i64 = 10;

/// The form of `--json`: an array of these.
#[derive(Serialize)]
pub struct Shown {
    customer: Customer,
    /// Whom the metadata of the customer name, else those of the payments, else the customer.
    user: String,
    standing: Standing,
    ban: Ban,
    payment_count: i64,
    /// The latest.
    payments: Vec<Payment>,
    subscriptions: Vec<Subscription>,
    /// All of the user's.
    disputes: Vec<Placed>,
    timeline: Vec<Line>,
    why: String,
}

pub async fn tell(ledger: &Ledger, tx: &mut Transaction, customer: Customer) -> Result<Shown, LedgerError> {
    let now = shared::clock::now();
    let key = customer.key.clone();
    let whose = Whose { account: Some(key.account.clone()), livemode: Some(key.livemode) };
    let filter = PaymentFilter {
        customer: Some(key.id.clone()),
        whose,
        limit: PAYMENTS_LIMIT,
        ..PaymentFilter::default()
    };
    let payments = tx.payments(&filter).await?;
    let (user, who) = user(&customer, &payments);
    let users = std::slice::from_ref(&user);
    let mut world = ledger.world();
    read_disputes_of(tx, users, &mut world).await?;
    let disputes: Vec<Dispute> = world.disputes_of_user(&user).cloned().collect();
    let subscriptions: Vec<Subscription> = tx.children("customer", std::slice::from_ref(&key)).await?;
    let found = tx.look_up::<Ban>(users).await?.pop();
    let ban = found.unwrap_or_else(|| Ban::placeholder(user.clone()));
    let mut told = ledger.world();
    for row in &subscriptions {
        told.load(row.clone());
    }
    for row in &disputes {
        told.load(row.clone());
    }
    let subjects = audited(&told).into_iter().chain([(Ban::NAME, user.clone())]);
    Ok(Shown {
        timeline: timeline(tx, subjects).await?,
        standing: Standing::of(&ban, now),
        why: format!("{who} {}", bans::why(&ban, now)),
        ban,
        payment_count: tx.count_payments_of(&key).await?,
        payments,
        subscriptions,
        disputes: place(tx, disputes, &world).await?,
        user: user.id,
        customer,
    })
}

pub fn page(shown: &Shown, now: DateTime<Utc>) -> String {
    let customer = &shown.customer;
    let status = match () {
        () if customer.state.deleted => "deleted",
        () if customer.seen.is_reported() => "exists",
        () => "unknown",
    };
    let mut facts = Facts::new();
    facts.add("user", shown.user.clone());
    facts.add("ban", shown.standing.word().to_owned());
    facts.add("chargebacks", shown.ban.chargebacks.to_string());
    facts.time("created", customer.state.created_at);
    facts.add("payments", payments_in_words(shown));
    facts.uncertain(customer.seen.needs_refetch);
    let mut text = heading("customer", &customer.key, status, &shown.why, &[]) + &facts.render();
    text.push_str(&sections::payments(&shown.payments, &[]));
    text.push_str(&subscription::section(&shown.subscriptions));
    text.push_str(&sections::disputes(&shown.disputes, &["USER"], now));
    text.push_str(&history((Customer::NAME, &customer.key), &shown.timeline));
    text
}

fn payments_in_words(shown: &Shown) -> String {
    let count = money::count(shown.payment_count.unsigned_abs());
    if shown.payment_count > PAYMENTS_LIMIT {
        format!("{count}, of which the latest are below")
    } else {
        count
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
