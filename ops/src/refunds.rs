//! `tidegate refunds`: the refunds as a list, by the time of the refund.

use desk::views::refund::created_at;
use domain::refunds::Refund;
use ledger::Transaction;
use ledger::views::lists::RefundFilter;
use ledger::views::page::Part;
use shared::clock;
use shared::env::Env;

use crate::cli::RefundsListOptions;
use crate::events::mode;
use crate::listing::{self, Column, Listing};
use crate::table::Table;
use crate::{csv, money, open, when};

const COLUMNS: &[Column<Refund>] = &[
    ("created", |row| csv::time(row.state.created_at.or(row.seen.first_event_at))),
    ("refund", |row| csv::text(&row.key.id)),
    ("status", |row| csv::text(&row.state.status)),
    ("currency", |row| csv::text(&row.state.currency)),
    ("amount", |row| money::plain(row.state.amount, &row.state.currency)),
    ("reason", |row| csv::maybe(row.state.reason.as_ref())),
    ("failure_reason", |row| csv::maybe(row.state.failure_reason.as_ref())),
    ("payment", |row| csv::maybe(row.payment.id())),
    ("charge", |row| csv::maybe(row.charge.id())),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];

pub async fn list(env: &Env, options: &RefundsListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter = RefundFilter {
        status: options.status.clone(),
        payment: options.payment.clone(),
        window: options.window.read(now)?,
        whose: options.whose.read(),
    };
    let ledger = open::ledger(env).await?;
    let listing =
        Listing::of("refund", |rows, _| table(rows), COLUMNS).filtered(filter != RefundFilter::default());
    let read = async |tx: &mut Transaction, part: &Part| tx.refunds(&filter, part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
}

fn table(refunds: &[Refund]) -> Table {
    let mut table = Table::default()
        .text("CREATED")
        .text("REFUND")
        .text("STATUS")
        .number("AMOUNT")
        .text("REASON")
        .text("FAILED BECAUSE")
        .text("PAYMENT")
        .text("CHARGE")
        .text("MODE")
        .text("ACCOUNT");
    for refund in refunds {
        table.row([
            created_at(refund).map(when::whole).unwrap_or_default(),
            refund.key.id.clone(),
            refund.state.status.clone(),
            money::shown(refund.state.amount, &refund.state.currency),
            refund.state.reason.clone().unwrap_or_default(),
            refund.state.failure_reason.clone().unwrap_or_default(),
            refund.payment.id().unwrap_or_default().to_owned(),
            refund.charge.id().unwrap_or_default().to_owned(),
            mode(refund.key.livemode),
            refund.key.account.clone(),
        ]);
    }
    table
}
