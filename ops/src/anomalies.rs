//! `tidegate anomalies`: figures that contradict each other, with both sides, and objects whose state only
//! Stripe can tell.

use chrono::{DateTime, Utc};
use desk::views::anomalies::{Contradiction, Contradictory, read_page};
use ledger::Transaction;
use ledger::views::lists::Doubtful;
use ledger::views::page::Part;
use shared::clock;
use shared::env::Env;

use crate::cli::AnomaliesOptions;
use crate::events::mode;
use crate::listing::{self, Column, Listing};
use crate::table::Table;
use crate::{csv, money, open, output, when};

const COLUMNS: &[Column<Contradictory>] = &[
    ("object", |row| csv::text(&row.kind)),
    ("id", |row| csv::text(&row.key.id)),
    ("anomalies", |row| csv::text(joined(row, ",", |contradiction| &contradiction.anomaly))),
    ("figures", |row| csv::text(joined(row, " / ", |contradiction| &contradiction.figures))),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];

const UNCERTAIN_COLUMNS: &[Column<Doubtful>] = &[
    ("last_event", |row| csv::time(row.last_event_at)),
    ("object", |row| csv::text(&row.kind)),
    ("id", |row| csv::text(&row.key.id)),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];

pub async fn run(env: &Env, options: &AnomaliesOptions) -> anyhow::Result<()> {
    let (whose, now) = (options.whose.read(), clock::now());
    let page = (&options.page, &options.shape);
    let ledger = open::ledger(env).await?;
    if options.uncertain {
        let listing = Listing::of("uncertain object", uncertain_table, UNCERTAIN_COLUMNS)
            .filtered(!options.whose.is_any());
        let read = async |tx: &mut Transaction, part: &Part| tx.uncertain(&whose, part).await;
        return listing::show(&ledger, page, &listing, now, read).await;
    }
    if !options.shape.json && !options.page.csv && options.page.after.is_none() {
        let count = async { ledger.read().await?.count_uncertain(&whose).await };
        remark_on_uncertain(&open::answer(&ledger, count).await?);
    }
    let listing = Listing::of("contradiction", table, COLUMNS).filtered(!options.whose.is_any());
    let read = async |tx: &mut Transaction, part: &Part| read_page(&ledger, tx, &whose, part).await;
    listing::show(&ledger, page, &listing, now, read).await
}

fn remark_on_uncertain(counts: &[(&str, i64)]) {
    if counts.is_empty() {
        return;
    }
    let counts = counts.iter().map(|(kind, count)| {
        let plural = if *count == 1 { "" } else { "s" };
        format!("{} {kind}{plural}", money::count(count.unsigned_abs()))
    });
    output::remark(&format!(
        "uncertain until Stripe is asked: {} (`{} anomalies --uncertain`)",
        counts.collect::<Vec<_>>().join(", "),
        output::me()
    ));
}

/// A line for each contradiction.
fn table(objects: &[Contradictory], _: DateTime<Utc>) -> Table {
    let mut table = Table::default()
        .text("OBJECT")
        .text("ID")
        .text("ANOMALY")
        .prose("FIGURES", 120)
        .text("MODE")
        .text("ACCOUNT");
    for object in objects {
        for contradiction in &object.contradictions {
            table.row([
                object.kind.clone(),
                object.key.id.clone(),
                contradiction.says.to_owned(),
                contradiction.figures.clone(),
                mode(object.key.livemode),
                object.key.account.clone(),
            ]);
        }
    }
    table
}

fn joined(row: &Contradictory, by: &str, part: fn(&Contradiction) -> &str) -> String {
    row.contradictions.iter().map(part).collect::<Vec<_>>().join(by)
}

fn uncertain_table(objects: &[Doubtful], _: DateTime<Utc>) -> Table {
    let mut table =
        Table::default().text("LAST EVENT").text("OBJECT").text("ID").text("MODE").text("ACCOUNT");
    for object in objects {
        table.row([
            object.last_event_at.map(when::whole).unwrap_or_default(),
            object.kind.clone(),
            object.key.id.clone(),
            mode(object.key.livemode),
            object.key.account.clone(),
        ]);
    }
    table
}
