//! Failed attempts to pay as columns of a spreadsheet.

use crate::csv::{self, Column};
use crate::money;
use crate::views::failed_attempts::Attempt;

pub const COLUMNS: &[Column<Attempt>] = &[
    ("failed", |row| csv::time(row.failure.failed_at.at())),
    ("code", |row| csv::maybe(row.failure.code.id())),
    ("decline_code", |row| csv::maybe(row.failure.decline.id())),
    ("currency", |row| csv::maybe(row.currency.as_ref())),
    ("amount", |row| row.amount(money::plain)),
    ("payment", |row| csv::maybe(row.failure.payment.id())),
    ("charge", |row| csv::maybe(row.failure.charge.as_ref())),
    ("invoice", |row| csv::maybe(row.failure.invoice.as_ref())),
    ("user", |row| csv::maybe(row.user.as_ref())),
    ("mode", |row| csv::mode(row.failure.key.livemode)),
    ("account", |row| csv::text(&row.failure.key.account)),
];
