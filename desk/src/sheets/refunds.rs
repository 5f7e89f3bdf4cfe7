//! Refunds as columns of a spreadsheet.

use domain::refunds::Refund;

use crate::csv::{self, Column};
use crate::money;

pub const COLUMNS: &[Column<Refund>] = &[
    ("created", |row| csv::time(row.state.created_at.or(row.seen.first_event_at))),
    ("refund", |row| csv::text(&row.key.id)),
    ("status", |row| csv::text(&row.state.status)),
    ("currency", |row| csv::text(&row.state.currency)),
    ("amount", |row| money::plain(row.state.amount, &row.state.currency)),
    ("reason", |row| csv::maybe(row.state.reason.as_ref())),
    ("failure_reason", |row| csv::maybe(row.state.failure_reason.as_ref())),
    ("payment", |row| csv::maybe(row.payment.id())),
    ("charge", |row| csv::maybe(row.charge.id())),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];
