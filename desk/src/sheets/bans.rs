//! Bans as columns of a spreadsheet.

use crate::csv::{self, Column};
use crate::views::ban::ListedBan;

pub const COLUMNS: &[Column<ListedBan>] = &[
    ("user", |row| csv::text(&row.ban.key.id)),
    ("banned", |row| row.standing.banned.to_string()),
    ("chargebacks", |row| row.ban.chargebacks.to_string()),
    ("since", |row| csv::time(row.ban.since)),
    ("until", |row| csv::time(row.standing.until)),
    ("decided", |row| csv::time(row.ban.override_at)),
    ("decided_by", |row| csv::maybe(row.ban.override_by.as_ref())),
    ("reason", |row| csv::maybe(row.ban.override_reason.as_ref())),
    ("mode", |row| csv::mode(row.ban.key.livemode)),
    ("account", |row| csv::text(&row.ban.key.account)),
];
