//! What hangs on an object, a table for each kind of it, in the order of the object's page.

use chrono::{DateTime, Utc};
use desk::views::charge::ChargeView;
use desk::views::customer::CustomerView;
use desk::views::dispute::DisputeView;
use desk::views::invoice::InvoiceView;
use desk::views::payment::PaymentView;
use desk::views::payout::PayoutView;
use desk::views::refund::RefundView;
use desk::views::subscription::SubscriptionView;

use super::sections;

pub fn of_invoice(view: &InvoiceView, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    if view.payments.is_empty() {
        text.push_str("\nNo payment is linked to it.\n");
    }
    text.push_str(&sections::payments(&view.payments, &["INVOICE"]));
    if view.is_shared() {
        text.push_str(&sections::shares(&view.shares, &view.invoice.state.currency));
    }
    text.push_str(&sections::failures(&view.failures));
    text.push_str(&sections::refunds(&view.refunds));
    text.push_str(&sections::operations(&view.operations));
    text.push_str(&sections::disputes(&view.disputes, &["INVOICE"], now));
    text
}

pub fn of_payment(view: &PaymentView, now: DateTime<Utc>) -> String {
    sections::charges(&view.charges)
        + &sections::failures(&view.failures)
        + &sections::refunds(&view.refunds)
        + &sections::operations(&view.operations)
        + &sections::disputes(&view.disputes, &["INVOICE", "USER"], now)
        + &sections::warnings(&view.warnings)
}

pub fn of_charge(view: &ChargeView, now: DateTime<Utc>) -> String {
    sections::refunds(&view.refunds)
        + &sections::disputes(&view.disputes, &["INVOICE", "USER"], now)
        + &sections::warnings(&view.warnings)
}

pub fn of_payout(_: &PayoutView, _: DateTime<Utc>) -> String {
    String::new()
}

pub fn of_refund(_: &RefundView, _: DateTime<Utc>) -> String {
    String::new()
}

pub fn of_dispute(view: &DisputeView, _: DateTime<Utc>) -> String {
    sections::movements(&view.movements) + &sections::warnings(&view.warnings)
}

pub fn of_customer(view: &CustomerView, now: DateTime<Utc>) -> String {
    sections::payments(&view.payments, &[])
        + &sections::subscriptions(&view.subscriptions)
        + &sections::operations(&view.operations)
        + &sections::disputes(&view.disputes, &["USER"], now)
}

pub fn of_subscription(view: &SubscriptionView, _: DateTime<Utc>) -> String {
    sections::invoices(&view.invoices, &["CUSTOMER"]) + &sections::operations(&view.operations)
}
