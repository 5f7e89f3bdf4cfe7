//! Payouts as columns of a spreadsheet.

use domain::payouts::Payout;

use crate::csv::{self, Column};
use crate::money;

pub const COLUMNS: &[Column<Payout>] = &[
    ("created", |row| csv::time(row.state.created_at.or(row.seen.first_event_at))),
    ("payout", |row| csv::text(&row.key.id)),
    ("status", |row| csv::text(&row.state.status)),
    ("currency", |row| csv::text(&row.state.currency)),
    ("amount", |row| money::plain(row.state.amount, &row.state.currency)),
    ("arrival", |row| csv::time(row.state.arrival_date)),
    ("made_by", |row| csv::text(if row.state.automatic { "schedule" } else { "person" })),
    ("failure_code", |row| csv::maybe(row.state.failure_code.as_ref())),
    ("reconciled", |row| csv::time(row.reconciled_at.at())),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];
