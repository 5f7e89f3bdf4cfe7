//! Findings as columns of a spreadsheet.

use domain::findings::Finding;

use crate::csv::{self, Column};
use crate::money;

pub const COLUMNS: &[Column<Finding>] = &[
    ("found", |row| csv::time(Some(row.first_found_at))),
    ("finding", |row| csv::text(&row.key.id)),
    ("found_by", |row| csv::text(row.found_by.as_str())),
    ("kind", |row| csv::text(&row.kind)),
    ("severity", |row| csv::text(row.severity.as_str())),
    ("state", |row| csv::text(row.state.as_str())),
    ("resolution", |row| csv::text(row.resolution.as_str())),
    ("subject_kind", |row| csv::text(&row.subject_kind)),
    ("subject", |row| csv::text(&row.subject_id)),
    ("scope", |row| csv::text(&row.scope)),
    ("currency", |row| csv::text(&row.currency)),
    ("amount", |row| amount(row, row.amount)),
    ("stripe_amount", |row| amount(row, row.stripe_amount)),
    ("ledger_amount", |row| amount(row, row.ledger_amount)),
    ("summary", |row| csv::text(&row.summary)),
    ("assignee", |row| csv::maybe(row.assignee.as_ref())),
    ("note", |row| csv::maybe(row.note.as_ref())),
    ("reference", |row| csv::maybe(row.reference.as_ref())),
    ("last_found", |row| csv::time(Some(row.last_found_at))),
    ("resolved", |row| csv::time(row.resolved_at)),
    ("resolved_by", |row| csv::maybe(row.resolved_by.as_ref())),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];

fn amount(row: &Finding, amount: Option<i64>) -> String {
    amount.map(|amount| money::plain(amount, &row.currency)).unwrap_or_default()
}
