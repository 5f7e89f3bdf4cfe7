//! Invoices as columns of a spreadsheet.

use domain::invoices::Invoice;

use crate::csv::{self, Column};
use crate::money;

pub const COLUMNS: &[Column<Invoice>] = &[
    ("created", |row| csv::time(row.state.created_at.or(row.seen.first_event_at))),
    ("invoice", |row| csv::text(&row.key.id)),
    ("number", |row| csv::maybe(row.state.number.as_ref())),
    ("status", |row| row.status.as_str().to_owned()),
    ("currency", |row| csv::text(&row.state.currency)),
    ("due", |row| money::plain(row.state.amount_due, &row.state.currency)),
    ("paid", |row| money::plain(row.amount_paid, &row.state.currency)),
    ("refunded", |row| money::plain(row.amount_refunded, &row.state.currency)),
    ("charged_back", |row| money::plain(row.amount_charged_back, &row.state.currency)),
    ("failures", |row| row.payment_retry_count.to_string()),
    ("next_retry", |row| csv::time(row.next_payment_retry_at.or(row.state.next_payment_attempt_at))),
    ("customer", |row| csv::maybe(row.customer.customer.as_ref())),
    ("subscription", |row| csv::maybe(row.subscription.id())),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];
