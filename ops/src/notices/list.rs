//! `tidegate notices list`.

use chrono::{DateTime, Utc};
use domain::notices::Notice;
use ledger::Transaction;
use ledger::views::lists::NoticeFilter;
use ledger::views::page::Part;
use shared::clock;
use shared::env::Env;

use crate::cli::NoticesListOptions;
use crate::events::mode;
use crate::listing::{self, Column, Listing};
use crate::table::Table;
use crate::{csv, open, when};

/// What an empty list is begun by.
const FIRST: &str = "notices targets add NAME webhook URL` adds a target";

const COLUMNS: &[Column<Notice>] = &[
    ("noted_at", |row| csv::time(Some(row.noted_at))),
    ("occurred_at", |row| csv::time(Some(row.occurred_at))),
    ("notice", |row| csv::text(row.id())),
    ("kind", |row| csv::text(row.kind.as_str())),
    ("severity", |row| csv::text(row.severity.as_str())),
    ("object_kind", |row| csv::text(&row.object_kind)),
    ("object", |row| csv::text(&row.object_id)),
    ("number", |row| row.number.to_string()),
    ("old", |row| row.is_old.to_string()),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];

pub async fn list(env: &Env, options: &NoticesListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter = NoticeFilter {
        kind: options.kind.map(|kind| kind.to_string()),
        object: options.object.clone(),
        severity: options.severity.map(|severity| severity.to_string()),
        state: options.state.map(|state| state.to_string()),
        target: options.target.clone(),
        window: options.window.read(now)?,
        whose: options.whose.read(),
    };
    let ledger = open::ledger(env).await?;
    let listing =
        Listing::of("notice", table, COLUMNS).filtered(filter != NoticeFilter::default()).begun_by(FIRST);
    let read = async |tx: &mut Transaction, part: &Part| tx.notices(&filter, part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
}

fn table(notices: &[Notice], _: DateTime<Utc>) -> Table {
    let mut table = Table::default()
        .text("NOTED")
        .text("NOTICE")
        .text("KIND")
        .text("SEVERITY")
        .text("OBJECT")
        .number("NUMBER")
        .text("MODE");
    for notice in notices {
        let old = if notice.is_old { " (old)" } else { "" };
        table.row([
            when::whole(notice.noted_at),
            notice.id().to_owned(),
            format!("{}{old}", notice.kind),
            notice.severity.to_string(),
            format!("{} {}", notice.object_kind, notice.object_id),
            notice.number.to_string(),
            mode(notice.key.livemode),
        ]);
    }
    table
}
