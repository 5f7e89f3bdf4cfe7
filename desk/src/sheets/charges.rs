//! Charges as columns of a spreadsheet.

use domain::charges::Charge;

use crate::csv::{self, Column};
use crate::money;

pub const COLUMNS: &[Column<Charge>] = &[
    ("created", |row| csv::time(row.state.created_at.or(row.seen.first_event_at))),
    ("charge", |row| csv::text(&row.key.id)),
    ("status", |row| csv::text(&row.state.status)),
    ("currency", |row| csv::text(&row.state.currency)),
    ("amount", |row| money::plain(row.state.amount, &row.state.currency)),
    ("captured", |row| money::plain(row.state.amount_captured, &row.state.currency)),
    ("refunded", |row| money::plain(row.amount_refunded, &row.state.currency)),
    ("charged_back", |row| money::plain(row.amount_charged_back, &row.state.currency)),
    ("disputed", |row| row.disputed.as_str().to_owned()),
    ("failure_code", |row| csv::maybe(row.state.failure_code.as_ref())),
    ("payment", |row| csv::maybe(row.payment.id())),
    ("customer", |row| csv::maybe(row.customer.id())),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];
