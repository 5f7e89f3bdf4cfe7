//! `tidegate dead-letters`: events that could not be applied, by cause, with the money at risk.

mod discard;
mod show;

use chrono::{DateTime, Utc};
use desk::views::dead_letters::{DeadLetterLabels, Group, groups};
use ledger::views::page::Part;
use ledger::views::stored_events::{EventFilter, StoredEvent};
use ledger::{Ledger, Transaction};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

pub use self::discard::discard;
pub use self::show::show;
use crate::cli::{DeadGroupsOptions, DeadListOptions, SelectionOptions};
use crate::listing::{self, Column, Listing};
use crate::table::Table;
use crate::{cause, csv, money, open, output, when};

/// More are not grouped; the newest count.
pub const GROUPED_LIMIT: i64 = 1_000_000;

/// A group under the short id of its cause; the form of `--json`.
#[derive(Serialize)]
struct Named<'a> {
    cause: String,
    #[serde(flatten)]
    group: &'a Group,
}

impl SelectionOptions {
    /// As a filter on events of this ledger, which knows the causes by their short ids.
    pub async fn read(&self, ledger: &Ledger, now: DateTime<Utc>, limit: i64) -> anyhow::Result<EventFilter> {
        let filter = self.read_plain(now, limit)?;
        Ok(EventFilter { fingerprint: cause::meant(ledger, filter.fingerprint).await?, ..filter })
    }

    fn read_plain(&self, now: DateTime<Utc>, limit: i64) -> anyhow::Result<EventFilter> {
        let (window, whose) = (self.window.read(now)?, self.whose.read());
        Ok(EventFilter {
            kind: self.kind.clone(),
            outcome: None,
            since: window.since,
            until: window.until,
            account: whose.account,
            livemode: whose.livemode,
            fingerprint: self.fingerprint.clone(),
            customer: self.customer.clone(),
            limit,
            ..EventFilter::default()
        })
    }

    /// In words, as a person would say it.
    pub fn in_words(&self) -> String {
        let mut words = Vec::new();
        let mut add = |name: &str, value: &Option<String>| {
            words.extend(value.as_ref().map(|value| format!("{name} {value}")));
        };
        add("of cause", &self.fingerprint);
        add("of type", &self.kind);
        add("of customer", &self.customer);
        add("since", &self.window.since);
        add("until", &self.window.until);
        add("of account", &self.whose.account);
        match self.whose.read().livemode {
            Some(true) => words.push("live".to_owned()),
            Some(false) => words.push("in test mode".to_owned()),
            None => {}
        }
        words.join(", ")
    }
}

const COLUMNS: &[Column<StoredEvent>] = &[
    ("event", |row| csv::text(&row.id)),
    ("type", |row| csv::text(&row.kind)),
    ("about", |row| csv::maybe(row.object_id.as_ref())),
    ("customer", |row| csv::maybe(row.customer.as_ref())),
    ("currency", |row| csv::maybe(row.currency.as_ref())),
    ("amount", |row| {
        let named = row.amount.zip(row.currency.as_deref());
        named.map(|(amount, currency)| money::plain(amount, currency)).unwrap_or_default()
    }),
    ("attempts", |row| row.attempts.to_string()),
    ("first_failed", |row| csv::time(row.first_failed_at.or(Some(row.recorded_at)))),
    ("last_failed", |row| csv::time(row.last_failed_at.or(Some(row.recorded_at)))),
    ("cause", |row| row.fingerprint.as_deref().map(cause::short).unwrap_or_default()),
    ("reason", |row| csv::maybe(row.reason.as_ref())),
    ("mode", |row| csv::mode(row.livemode)),
    ("account", |row| csv::text(&row.account)),
];

pub async fn list(env: &Env, options: &DeadListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let ledger = open::ledger(env).await?;
    let filter =
        EventFilter { outcome: Some("dead".to_owned()), ..options.selection.read(&ledger, now, 0).await? };
    let listing =
        Listing::of("dead letter", table, COLUMNS).filtered(!options.selection.in_words().is_empty());
    let read = async |tx: &mut Transaction, part: &Part| tx.events(&filter, part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
}

pub fn table(letters: &[StoredEvent], now: DateTime<Utc>) -> Table {
    let mut table = Table::default()
        .text("SINCE")
        .text("EVENT")
        .text("TYPE")
        .text("ABOUT")
        .number("MONEY")
        .number("ATTEMPTS")
        .prose("REASON", 70);
    for letter in letters {
        table.row([
            when::age(DeadLetterLabels::of(letter).since, now),
            letter.id.clone(),
            letter.kind.clone(),
            letter.object_id.clone().unwrap_or_default(),
            amount(letter),
            letter.attempts.to_string(),
            letter.reason.clone().unwrap_or_default(),
        ]);
    }
    table
}

pub async fn by_cause(env: &Env, options: &DeadGroupsOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let ledger = open::ledger(env).await?;
    let filter = options.selection.read(&ledger, now, GROUPED_LIMIT).await?;
    let found = groups(&open::answer(&ledger, ledger.dead(&filter)).await?);
    ledger.close().await;
    if options.shape.json {
        let named = found.iter().map(|group| Named { cause: cause::short(&group.fingerprint), group });
        return output::print_json(&named.collect::<Vec<_>>());
    }
    if found.is_empty() {
        output::remark(&format!("no dead letter in {}", ledger.shown()));
        return Ok(());
    }
    output::print(&table_of(&found, now))?;
    let me = output::me();
    output::remark(&format!(
        "look at one: {me} dead-letters show {}\nwhat a replay would change: {me} replay plan --fingerprint {}",
        found[0].example,
        cause::short(&found[0].fingerprint)
    ));
    Ok(())
}

fn table_of(groups: &[Group], now: DateTime<Utc>) -> String {
    let mut table = Table::default()
        .number("EVENTS")
        .number("OBJECTS")
        .text("MONEY AT RISK")
        .text("FIRST")
        .text("LAST")
        .text("ID")
        .prose("CAUSE", 200);
    let age = |at: Option<DateTime<Utc>>| at.map(|at| when::age(at, now)).unwrap_or_default();
    for group in groups {
        table.row([
            group.events.to_string(),
            group.objects.to_string(),
            in_each_currency(group),
            age(group.first_at),
            age(group.last_at),
            cause::short(&group.fingerprint),
            group.fingerprint.clone(),
        ]);
    }
    table.render()
}

fn in_each_currency(group: &Group) -> String {
    let sums = group.money_at_risk.iter().map(|(currency, amount)| money::shown(*amount, currency));
    sums.collect::<Vec<_>>().join(", ")
}

fn amount(letter: &StoredEvent) -> String {
    let at_risk = DeadLetterLabels::of(letter).money_at_risk;
    at_risk.map(|(amount, currency)| money::shown(amount, currency)).unwrap_or_default()
}
