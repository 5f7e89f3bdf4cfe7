//! The page of a subscription: its state and its invoices.

use chrono::{DateTime, Utc};
use domain::customers::Customer;
use domain::invoices::Invoice;
use domain::operations::Operation;
use domain::subscriptions::Subscription;
use domain::{Key, Object, UNKNOWN};
use ledger::tables::audit::Line;
use ledger::views::lists::InvoiceFilter;
use ledger::views::page::Part;
use ledger::views::search::Whose;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::detail::{Detail, Details};
use super::object::ObjectView;
use super::operations_about::about;
use super::timeline::timeline;

/// So many invoices are on the page, the latest.
const INVOICES_LIMIT: i64 = 24;

#[derive(Debug, Serialize)]
pub struct SubscriptionView {
    pub subscription: Subscription,
    pub why: String,
    /// The latest.
    pub invoices: Vec<Invoice>,
    /// The latest.
    pub operations: Vec<Operation>,
    pub timeline: Vec<Line>,
}

impl ObjectView for SubscriptionView {
    type Object = Subscription;

    async fn read(
        _: &Ledger,
        tx: &mut Transaction,
        subscription: Subscription,
        _: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        let key = &subscription.key;
        let filter = InvoiceFilter {
            subscription: Some(key.id.clone()),
            whose: Whose { account: Some(key.account.clone()), livemode: Some(key.livemode) },
            ..InvoiceFilter::default()
        };
        let invoices = tx.invoices(&filter, &Part::first(INVOICES_LIMIT)).await?.rows;
        let billed = invoices.iter().map(|invoice| (Invoice::NAME, invoice.key.clone()));
        let subjects: Vec<_> = billed.chain([(Subscription::NAME, key.clone())]).collect();
        let timeline = timeline(tx, subjects).await?;
        let operations = about(tx, key).await?;
        Ok(Self { why: why(&subscription), invoices, operations, timeline, subscription })
    }

    fn key(&self) -> &Key {
        &self.subscription.key
    }

    fn status(&self, _: DateTime<Utc>) -> String {
        self.subscription.state.status.clone()
    }

    fn why(&self) -> &str {
        &self.why
    }

    fn details(&self, _: DateTime<Utc>) -> Vec<Detail> {
        let subscription = &self.subscription;
        let state = &subscription.state;
        let mut details = Details::in_currency("");
        details.object("customer", Customer::NAME, subscription.customer.id());
        details.words("collection", state.collection_method.as_deref());
        details.time("created", state.created_at);
        details.time("paid until", state.current_period_end_at);
        details.text("ends", state.cancel_at_period_end.then(|| "with the current period".to_owned()));
        details.time("canceled", state.canceled_at);
        details.time("ended", state.ended_at);
        details.object("latest invoice", Invoice::NAME, subscription.latest_invoice.id());
        details.uncertain(subscription.seen.needs_refetch);
        details.list()
    }

    fn timeline(&self) -> &[Line] {
        &self.timeline
    }

    fn operations(&self) -> &[Operation] {
        &self.operations
    }
}

fn why(subscription: &Subscription) -> String {
    match subscription.state.status.as_str() {
        UNKNOWN => "Another object named it, but nothing has been reported about it yet.",
        "canceled" => "Stripe reported it ended, which is final.",
        "incomplete_expired" => "Its first payment was never made, which is final.",
        "incomplete" => "Its first payment has not been made yet.",
        "past_due" => "Its latest invoice was not paid in time; Stripe goes on trying.",
        "unpaid" => "Its latest invoice was not paid, and Stripe has given up trying.",
        _ => "This is what Stripe reported last.",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule knows which ends are for good; the sentence must say so of these and of no others.
    #[test]
    fn only_what_is_over_is_said_to_be_final() {
        for status in [
            "active",
            "canceled",
            "incomplete",
            "incomplete_expired",
            "past_due",
            "trialing",
            "unpaid",
            UNKNOWN,
        ] {
            let mut subscription = Subscription::placeholder(Key::default());
            subscription.state.status = status.to_owned();
            let says = why(&subscription);
            assert_eq!(says.contains("final"), subscription.is_over(), "{status}: {says}");
        }
    }
}
