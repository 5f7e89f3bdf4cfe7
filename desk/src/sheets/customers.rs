//! Customers as columns of a spreadsheet.

use domain::customers::Customer;

use crate::csv::{self, Column};

pub const COLUMNS: &[Column<Customer>] = &[
    ("created", |row| csv::time(row.state.created_at.or(row.seen.first_event_at))),
    ("customer", |row| csv::text(&row.key.id)),
    ("user", |row| csv::maybe(row.user.id())),
    ("deleted", |row| row.state.deleted.to_string()),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];
