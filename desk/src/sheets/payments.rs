//! Payments as columns of a spreadsheet.

use domain::payments::Payment;

use crate::csv::{self, Column};
use crate::money;

pub const COLUMNS: &[Column<Payment>] = &[
    ("created", |row| csv::time(row.created_at.or(row.seen.first_event_at))),
    ("payment", |row| csv::text(&row.key.id)),
    ("status", |row| csv::text(&row.state.status)),
    ("currency", |row| csv::text(&row.state.currency)),
    ("amount", |row| money::plain(row.state.amount, &row.state.currency)),
    ("received", |row| money::plain(row.state.amount_received, &row.state.currency)),
    ("refunded", |row| money::plain(row.amount_refunded, &row.state.currency)),
    ("charged_back", |row| money::plain(row.amount_charged_back, &row.state.currency)),
    ("disputed", |row| row.disputed.as_str().to_owned()),
    ("failures", |row| row.failed_attempts.to_string()),
    ("last_failure", |row| csv::time(row.last_failed_at)),
    ("last_failure_code", |row| csv::maybe(row.last_failure_code.as_ref())),
    ("last_decline_code", |row| csv::maybe(row.last_decline_code.as_ref())),
    ("user", |row| csv::maybe(row.user.id())),
    ("customer", |row| csv::maybe(row.customer.id())),
    ("invoice", |row| csv::maybe(row.invoice.as_ref())),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];
