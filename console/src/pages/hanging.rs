//! What hangs on an object, a table for each kind of it. A page leaves out the columns that its heading has said.

use chrono::{DateTime, Utc};
use desk::views::charge::card;
use desk::views::dispute_item::DisputeItem;
use desk::views::failure_text::cause;
use desk::views::invoice::{InvoiceLabels, InvoiceShare};
use desk::views::operation::does;
use desk::views::payment::PaymentLabels;
use desk::views::refund::created_at;
use domain::charges::Charge;
use domain::dispute_movements::Movement;
use domain::fraud_warnings::Warning;
use domain::invoices::Invoice;
use domain::operations::Operation;
use domain::payment_failures::PaymentFailure;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::subscriptions::Subscription;
use maud::{Markup, html};

use super::address::link;
use super::tables::{Column, number, prose, section, text};
use super::values::{maybe_moment, maybe_object, moment, money, money_if_any, object, status, until};

pub const PAYMENTS: &[Column] = &[
    text("Created"),
    text("Payment"),
    text("Status"),
    number("Amount"),
    number("Refunded"),
    text("Disputed"),
    text("Last failure"),
    text("Payer"),
    text("Invoice"),
    text("Account"),
];

pub fn payment(payment: &Payment) -> Vec<Markup> {
    let labels = PaymentLabels::of(payment);
    let currency = &payment.state.currency;
    vec![
        maybe_moment(labels.created_at),
        object("payment", &payment.key.id),
        status(&payment.state.status),
        money(payment.state.amount, currency),
        money_if_any(payment.amount_refunded, currency),
        labels.disputed.map(|disputed| html! { (disputed) }).unwrap_or_default(),
        labels.last_failure.map(|failure| html! { (failure) }).unwrap_or_default(),
        maybe_object("user", labels.payer.as_deref()),
        maybe_object("invoice", payment.invoice.as_deref()),
        html! { (payment.key.account) },
    ]
}

/// On the page of `own`, which no row repeats.
pub fn payments(payments: &[Payment], own: &str) -> Markup {
    let without = |row: &Payment| {
        let mut cells = payment(row);
        if row.invoice.as_deref() == Some(own) {
            cells[8] = html! {};
        }
        cells
    };
    section("Payments", PAYMENTS, payments.iter().map(without).collect())
}

/// What Stripe was or is to be asked to do.
pub fn operations(operations: &[Operation]) -> Markup {
    let columns =
        [text("Asked for"), text("Operation"), text("State"), prose("What"), text("By"), text("Made")];
    let rows = operations.iter().map(|operation| {
        vec![
            moment(operation.requested_at),
            object("operation", operation.id()),
            html! { span { (status(operation.state.as_str())) @if let Some(at) = operation.planned_for() { " for " (moment(at)) } } },
            html! { (does(operation)) },
            html! { (operation.requested_by) },
            operation.stripe_id.as_deref().map(named).unwrap_or_default(),
        ]
    });
    section("Operations", &columns, rows.collect())
}

/// Whatever goes by an id of Stripe's.
fn named(id: &str) -> Markup {
    html! { a.id href=(link("/search", [("q", id)])) title=(id) { (id) } }
}

pub const DISPUTES: &[Column] = &[
    text("Answer by"),
    text("Dispute"),
    text("Status"),
    number("Amount"),
    text("Reason"),
    text("Opened"),
    text("Payment"),
    text("User"),
    text("Account"),
];

pub fn dispute(item: &DisputeItem, now: DateTime<Utc>) -> Vec<Markup> {
    let dispute = &item.dispute;
    vec![
        item.respond_by().map(|by| until(by, now)).unwrap_or_default(),
        object("dispute", &dispute.key.id),
        status(&item.status(now)),
        money(dispute.state.amount, &dispute.state.currency),
        html! { (dispute.state.reason.as_deref().unwrap_or_default().replace('_', " ")) },
        maybe_moment(item.opened_at()),
        maybe_object("payment", item.payment.as_deref()),
        maybe_object("user", item.user.as_deref()),
        html! { (dispute.key.account) },
    ]
}

/// On the page of `own`, which no row repeats.
pub fn disputes(items: &[DisputeItem], own: &str, now: DateTime<Utc>) -> Markup {
    let without = |item: &DisputeItem| {
        let mut cells = dispute(item, now);
        if item.payment.as_deref() == Some(own) {
            cells[6] = html! {};
        }
        cells
    };
    section("Disputes", DISPUTES, items.iter().map(without).collect())
}

pub fn charges(charges: &[Charge], with_cards: bool) -> Markup {
    let columns = [
        text("Created"),
        text("Charge"),
        text("Status"),
        number("Amount"),
        number("Captured"),
        number("Refunded"),
        number("Charged back"),
        text("Card"),
        text("Failure"),
    ];
    let rows = charges.iter().map(|charge| {
        let currency = &charge.state.currency;
        vec![
            maybe_moment(charge.state.created_at),
            object("charge", &charge.key.id),
            status(&charge.state.status),
            money(charge.state.amount, currency),
            money(charge.state.amount_captured, currency),
            money_if_any(charge.amount_refunded, currency),
            money_if_any(charge.amount_charged_back, currency),
            if with_cards {
                html! { (card(charge)) }
            } else {
                html! {}
            },
            html! { (charge.state.failure_code.as_deref().unwrap_or_default()) },
        ]
    });
    section("Charges", &columns, rows.collect())
}

pub fn refunds(refunds: &[Refund]) -> Markup {
    let columns = [
        text("Created"),
        text("Refund"),
        text("Status"),
        number("Amount"),
        text("Reason"),
        text("Failed because"),
    ];
    let words =
        |word: Option<&String>| html! { (word.map(|word| word.replace('_', " ")).unwrap_or_default()) };
    let rows = refunds.iter().map(|refund| {
        vec![
            maybe_moment(created_at(refund)),
            object("refund", &refund.key.id),
            status(&refund.state.status),
            money(refund.state.amount, &refund.state.currency),
            words(refund.state.reason.as_ref()),
            words(refund.state.failure_reason.as_ref()),
        ]
    });
    section("Refunds", &columns, rows.collect())
}

/// On the page of `own`, which no row repeats.
pub fn failures(failures: &[PaymentFailure], own: &str) -> Markup {
    let columns = [number("Attempt"), text("Failed"), prose("Because"), text("Payment"), text("Charge")];
    let rows = failures.iter().enumerate().map(|(place, failure)| {
        vec![
            html! { (place + 1) },
            maybe_moment(failure.failed_at.at()),
            html! { (cause(failure)) },
            maybe_object("payment", failure.payment.payment.as_deref().filter(|payment| *payment != own)),
            maybe_object("charge", failure.charge.as_deref()),
        ]
    });
    section("Failed attempts", &columns, rows.collect())
}

pub fn movements(movements: &[Movement]) -> Markup {
    let columns = [text("Moved"), text("Balance movement"), number("Amount"), number("Fee"), number("Net")];
    let rows = movements.iter().map(|movement| {
        let amount = |minor_units| money(minor_units, &movement.state.currency);
        vec![
            maybe_moment(movement.state.created_at),
            html! { span.id { (movement.key.id) } },
            amount(movement.state.amount),
            amount(movement.state.fee),
            amount(movement.state.net),
        ]
    });
    section("Balance movements", &columns, rows.collect())
}

pub fn warnings(warnings: &[Warning]) -> Markup {
    let columns = [text("Warned"), text("Fraud warning"), text("Type"), prose("What to do")];
    let rows = warnings.iter().map(|warning| {
        vec![
            maybe_moment(warning.state.created_at),
            html! { span.id { (warning.key.id) } },
            html! { (warning.state.fraud_type.as_deref().unwrap_or_default().replace('_', " ")) },
            html! { @if warning.state.actionable { "A refund may prevent a dispute." } @else { "Nothing any more." } },
        ]
    });
    section("Early fraud warnings", &columns, rows.collect())
}

/// What each payment did for an invoice, in the invoice's currency.
pub fn shares(shares: &[InvoiceShare], currency: &str) -> Markup {
    let columns = [
        text("Payment"),
        number("Invoices"),
        number("Paid of this"),
        number("Its share refunded"),
        number("Its share lost"),
    ];
    let rows = shares.iter().map(|share| {
        vec![
            object("payment", &share.payment),
            html! { (share.of_invoices) },
            money(share.amount_paid, currency),
            money_if_any(share.amount_refunded, currency),
            money_if_any(share.amount_charged_back, currency),
        ]
    });
    section("What each payment paid of it", &columns, rows.collect())
}

pub fn subscriptions(subscriptions: &[Subscription]) -> Markup {
    let columns =
        [text("Created"), text("Subscription"), text("Status"), text("Period ends"), text("Latest invoice")];
    let rows = subscriptions.iter().map(|subscription| {
        vec![
            maybe_moment(subscription.state.created_at),
            object("subscription", &subscription.key.id),
            status(&subscription.state.status),
            maybe_moment(subscription.state.current_period_end_at),
            maybe_object("invoice", subscription.latest_invoice.latest_invoice.as_deref()),
        ]
    });
    section("Subscriptions", &columns, rows.collect())
}

pub const INVOICES: &[Column] = &[
    text("Created"),
    text("Invoice"),
    text("Number"),
    text("Status"),
    number("Due"),
    number("Paid"),
    text("Next retry"),
    text("Account"),
];

pub fn invoice(invoice: &Invoice) -> Vec<Markup> {
    let labels = InvoiceLabels::of(invoice);
    vec![
        maybe_moment(labels.created_at),
        object("invoice", &invoice.key.id),
        html! { (invoice.state.number.as_deref().unwrap_or_default()) },
        status(invoice.status.as_str()),
        money(invoice.state.amount_due, &invoice.state.currency),
        money_if_any(invoice.amount_paid, &invoice.state.currency),
        maybe_moment(labels.next_retry_at),
        html! { (invoice.key.account) },
    ]
}

pub fn invoices(invoices: &[Invoice]) -> Markup {
    section("Invoices", INVOICES, invoices.iter().map(invoice).collect())
}
