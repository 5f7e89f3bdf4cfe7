//! Events as columns of a spreadsheet.

use ledger::views::stored_events::StoredEvent;

use crate::csv::{self, Column};

pub const COLUMNS: &[Column<StoredEvent>] = &[
    ("recorded", |row| csv::time(Some(row.recorded_at))),
    ("event", |row| csv::text(&row.id)),
    ("type", |row| csv::text(&row.kind)),
    ("outcome", |row| row.outcome.to_string()),
    ("reason", |row| csv::maybe(row.reason.as_ref())),
    ("created", |row| csv::time(Some(row.created_at))),
    ("received", |row| csv::time(Some(row.received_at))),
    ("api_version", |row| csv::maybe(row.api_version.as_ref())),
    ("source", |row| csv::text(&row.source)),
    ("endpoint", |row| csv::text(&row.endpoint)),
    ("attempts", |row| row.attempts.to_string()),
    ("repetitions", |row| row.repetitions.to_string()),
    ("mode", |row| csv::mode(row.livemode)),
    ("account", |row| csv::text(&row.account)),
];

/// What may leave the house: why an event failed can name a value of its body.
pub const FOR_STRIPE: &[Column<StoredEvent>] = &[
    ("received", |row| csv::time(Some(row.received_at))),
    ("event", |row| csv::text(&row.id)),
    ("type", |row| csv::text(&row.kind)),
    ("created", |row| csv::time(Some(row.created_at))),
    ("api_version", |row| csv::maybe(row.api_version.as_ref())),
    ("came_by", |row| csv::text(&row.source)),
    ("deliveries", |row| (row.repetitions + 1).to_string()),
    ("outcome", |row| row.outcome.to_string()),
    ("mode", |row| csv::mode(row.livemode)),
    ("account", |row| csv::text(&row.account)),
];
