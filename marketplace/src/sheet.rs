//! The columns of the list of listings, as a spreadsheet gets them.

use desk::csv::{Column, text, time};
use domain::money;

use crate::view::Listing;

pub const COLUMNS: &[Column<Listing>] = &[
    ("created", |row| time(Some(row.created_at))),
    ("listing", |row| text(&row.key.id)),
    ("status", |row| row.status.as_str().to_owned()),
    ("category", |row| text(&row.category_id)),
    ("user", |row| text(&row.user_id)),
    ("currency", |row| text(&row.currency)),
    ("fee", |row| money::plain(row.fee, &row.currency)),
    ("active_from", |row| time(row.active_from)),
    ("expires", |row| time(row.expires_at)),
    ("featured_until", |row| time(row.featured_until)),
    ("bumped", |row| time(row.bumped_at)),
];
