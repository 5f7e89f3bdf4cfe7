//! `tidegate dead-letters`: events that could not be applied, by cause, with the money at risk.

mod discard;
mod show;

use chrono::{DateTime, Utc};
use desk::views::dead_letters::{DeadLetterLabels, Group, groups};
use ledger::views::stored::{EventFilter, StoredEvent};
use shared::clock;
use shared::env::Env;

pub use self::discard::discard;
pub use self::show::show;
use crate::cli::{DeadGroupsOptions, DeadListOptions, SelectionOptions};
use crate::table::Table;
use crate::{money, open, output, span};

/// More are not grouped; the newest count.
pub const GROUPED_LIMIT: i64 = 1_000_000;

impl SelectionOptions {
    /// As a filter on events.
    pub fn read(&self, now: DateTime<Utc>, limit: i64) -> anyhow::Result<EventFilter> {
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

pub async fn list(env: &Env, options: &DeadListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter =
        EventFilter { outcome: Some("dead".to_owned()), ..options.selection.read(now, options.limit)? };
    let ledger = open::ledger(env).await?;
    let letters = open::answer(&ledger, ledger.events(&filter)).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&letters);
    }
    if letters.is_empty() {
        output::remark(&format!("no dead letter in {}", ledger.shown()));
        return Ok(());
    }
    output::print(&table(&letters, now).render())?;
    output::remark(&format!("`{} dead-letters groups` groups them by cause", output::me()));
    Ok(())
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
            span::age(DeadLetterLabels::of(letter).since, now),
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
    let filter = options.selection.read(now, GROUPED_LIMIT)?;
    let ledger = open::ledger(env).await?;
    let found = groups(&open::answer(&ledger, ledger.dead(&filter)).await?);
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&found);
    }
    if found.is_empty() {
        output::remark(&format!("no dead letter in {}", ledger.shown()));
        return Ok(());
    }
    output::print(&table_of(&found, now))?;
    let me = output::me();
    output::remark(&format!(
        "look at one: {me} dead-letters show {}\nwhat a replay would change: {me} replay plan --fingerprint '{}'",
        found[0].example, found[0].fingerprint
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
        .text("CAUSE");
    let age = |at: Option<DateTime<Utc>>| at.map(|at| span::age(at, now)).unwrap_or_default();
    for group in groups {
        table.row([
            group.events.to_string(),
            group.objects.to_string(),
            in_each_currency(group),
            age(group.first_at),
            age(group.last_at),
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
