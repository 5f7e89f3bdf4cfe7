//! Disputes, with payment, invoice and user as columns of a spreadsheet.

use crate::csv::{self, Column};
use crate::money;
use crate::views::dispute_list::ListedDispute;

pub const COLUMNS: &[Column<ListedDispute>] = &[
    ("opened", |row| csv::time(row.item.dispute.state.opened_at.or(row.item.dispute.seen.first_event_at))),
    ("dispute", |row| csv::text(&row.item.dispute.key.id)),
    ("status", |row| row.item.dispute.status.as_str().to_owned()),
    ("inquiry", |row| row.item.dispute.inquiry.to_string()),
    ("overdue", |row| row.overdue.to_string()),
    ("resolved_by", |row| csv::maybe(row.item.resolved.as_ref().map(|resolution| &resolution.by))),
    ("currency", |row| csv::text(&row.item.dispute.state.currency)),
    ("amount", |row| money::plain(row.item.dispute.state.amount, &row.item.dispute.state.currency)),
    ("reason", |row| csv::maybe(row.item.dispute.state.reason.as_ref())),
    ("respond_by", |row| csv::time(row.item.dispute.state.respond_by)),
    ("user", |row| csv::maybe(row.item.user.as_ref())),
    ("payment", |row| csv::maybe(row.item.payment.as_ref())),
    ("invoice", |row| csv::maybe(row.item.invoice.as_ref())),
    ("mode", |row| csv::mode(row.item.dispute.key.livemode)),
    ("account", |row| csv::text(&row.item.dispute.key.account)),
];
