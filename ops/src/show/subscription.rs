//! The page of a subscription: its state and its invoices.

use chrono::{DateTime, Utc};
use desk::views::timeline::timeline;
use domain::Object;
use domain::invoices::Invoice;
use domain::subscriptions::Subscription;
use ledger::tables::audit::Line;
use ledger::views::lists::InvoiceFilter;
use ledger::views::search::Whose;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::page::{Facts, heading, history};
use super::sections;
use crate::span;
use crate::table::Table;

/// So many invoices are on the page, the latest.
const INVOICES_LIMIT: i64 = 24;

/// The form of `--json`: an array of these.
#[derive(Serialize)]
pub struct Shown {
    subscription: Subscription,
    why: String,
    /// The latest.
    invoices: Vec<Invoice>,
    timeline: Vec<Line>,
}

pub async fn tell(
    _: &Ledger,
    tx: &mut Transaction,
    subscription: Subscription,
) -> Result<Shown, LedgerError> {
    let key = &subscription.key;
    let filter = InvoiceFilter {
        subscription: Some(key.id.clone()),
        whose: Whose { account: Some(key.account.clone()), livemode: Some(key.livemode) },
        limit: INVOICES_LIMIT,
        ..InvoiceFilter::default()
    };
    let invoices = tx.invoices(&filter).await?;
    let billed = invoices.iter().map(|invoice| (Invoice::NAME, invoice.key.clone()));
    let subjects: Vec<_> = billed.chain([(Subscription::NAME, key.clone())]).collect();
    let timeline = timeline(tx, subjects).await?;
    Ok(Shown { why: why(&subscription), invoices, timeline, subscription })
}

pub fn page(shown: &Shown, _: DateTime<Utc>) -> String {
    let subscription = &shown.subscription;
    let state = &subscription.state;
    let mut facts = Facts::new();
    facts.add("customer", subscription.customer.customer.clone());
    facts.add("collection", state.collection_method.as_deref().map(|method| method.replace('_', " ")));
    facts.time("created", state.created_at);
    facts.time("paid until", state.current_period_end_at);
    if state.cancel_at_period_end {
        facts.add("ends", "with the current period".to_owned());
    }
    facts.time("canceled", state.canceled_at);
    facts.time("ended", state.ended_at);
    facts.add("latest invoice", subscription.latest_invoice.latest_invoice.clone());
    facts.uncertain(subscription.seen.needs_refetch);
    let mut text =
        heading("subscription", &subscription.key, &state.status, &shown.why, &[]) + &facts.render();
    text.push_str(&sections::invoices(&shown.invoices, &["CUSTOMER"]));
    text.push_str(&history((Subscription::NAME, &subscription.key), &shown.timeline));
    text
}

/// Subscriptions as a part of another page.
pub fn section(subscriptions: &[Subscription]) -> String {
    if subscriptions.is_empty() {
        return String::new();
    }
    let mut table = Table::default()
        .text("CREATED")
        .text("SUBSCRIPTION")
        .text("STATUS")
        .text("PERIOD ENDS")
        .text("LATEST INVOICE");
    for subscription in subscriptions {
        let moment = |moment: Option<DateTime<Utc>>| moment.map(span::whole).unwrap_or_default();
        table.row([
            moment(subscription.state.created_at),
            subscription.key.id.clone(),
            subscription.state.status.clone(),
            moment(subscription.state.current_period_end_at),
            subscription.latest_invoice.latest_invoice.clone().unwrap_or_default(),
        ]);
    }
    format!("\n{}", table.render())
}

fn why(subscription: &Subscription) -> String {
    match subscription.state.status.as_str() {
        "unknown" => "Another object named it, but nothing has been reported about it yet.",
        "canceled" => "Stripe reported it ended, which is final.",
        "incomplete_expired" => "Its first payment was never made, which is final.",
        "incomplete" => "Its first payment has not been made yet.",
        "past_due" => "Its latest invoice was not paid in time; Stripe goes on trying.",
        "unpaid" => "Its latest invoice was not paid, and Stripe has given up trying.",
        _ => "This is what Stripe reported last.",
    }
    .to_owned()
}
