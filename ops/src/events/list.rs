//! `tidegate events list`: the newest first.

use chrono::{DateTime, Utc};
use desk::sheets::events::COLUMNS;
use ledger::Transaction;
use ledger::views::page::Part;
use ledger::views::stored_events::{EventFilter, StoredEvent};
use shared::clock;
use shared::env::Env;

use super::repetitions;
use crate::cli::{EventSelection, ListOptions};
use crate::listing::{self, Listing};
use crate::table::Table;
use crate::{open, when};

impl EventSelection {
    pub fn filter(&self) -> EventFilter {
        let whose = self.whose.read();
        EventFilter {
            kind: self.kind.clone(),
            outcome: self.outcome.clone(),
            object: self.object.clone(),
            concerning: self.customer.clone(),
            account: whose.account,
            livemode: whose.livemode,
            ..EventFilter::default()
        }
    }
}

pub async fn list(env: &Env, options: &ListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let window = options.window.read(now)?;
    let filter = EventFilter { since: window.since, until: window.until, ..options.selection.filter() };
    let ledger = open::ledger(env).await?;
    let listing = Listing::of("event", table, COLUMNS).filtered(filter != EventFilter::default());
    let read = async |tx: &mut Transaction, part: &Part| tx.events(&filter, part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
}

fn table(events: &[StoredEvent], now: DateTime<Utc>) -> Table {
    let mut table = Table::default()
        .text("RECORDED")
        .text("EVENT")
        .text("TYPE")
        .text("OUTCOME")
        .text("ACCOUNT")
        .text("MODE")
        .number("REPEATED")
        .prose("REASON", 60);
    for event in events {
        table.row([
            when::age(event.recorded_at, now),
            event.id.clone(),
            event.kind.clone(),
            event.outcome.to_string(),
            event.account.clone(),
            if event.livemode { "live".to_owned() } else { String::new() },
            if event.repetitions == 0 { String::new() } else { repetitions(event) },
            event.reason.clone().unwrap_or_default(),
        ]);
    }
    table
}
