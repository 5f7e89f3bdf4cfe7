//! `tidegate operations list` and `tidegate approvals list`.

use chrono::{DateTime, Utc};
use desk::views::operation::{OperationWords, does, why};
use domain::operations::{Operation, OperationState};
use ledger::Transaction;
use ledger::views::lists::OperationFilter;
use ledger::views::page::{Page, Part};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::{ApprovalsListOptions, OperationsListOptions};
use crate::events::mode;
use crate::listing::{self, Column, Listing};
use crate::table::Table;
use crate::{csv, money, open, when};

/// What an empty list of operations is begun by.
const FIRST: &str = "refunds request PAYMENT` asks for one";

/// One operation in a list.
#[derive(Serialize)]
pub struct Item {
    #[serde(flatten)]
    operation: Operation,
    #[serde(flatten)]
    words: OperationWords,
}

const COLUMNS: &[Column<Item>] = &[
    ("requested_at", |row| csv::time(Some(row.operation.requested_at))),
    ("operation", |row| csv::text(row.operation.id())),
    ("kind", |row| csv::text(row.operation.kind.as_str())),
    ("state", |row| csv::text(row.operation.state.as_str())),
    ("currency", |row| csv::text(&row.operation.currency)),
    ("amount", |row| money::plain(row.operation.amount, &row.operation.currency)),
    ("reason", |row| csv::text(row.operation.reason.as_str())),
    ("subject_kind", |row| csv::text(&row.operation.subject_kind)),
    ("subject", |row| csv::text(&row.operation.subject_id)),
    ("customer", |row| csv::maybe(row.operation.customer.as_ref())),
    ("requested_by", |row| csv::text(&row.operation.requested_by)),
    ("approved_by", |row| csv::maybe(row.operation.approved_by.as_ref())),
    ("message", |row| csv::maybe(row.operation.message.as_ref())),
    ("made", |row| csv::maybe(row.operation.stripe_id.as_ref())),
    ("mode", |row| csv::mode(row.operation.key.livemode)),
    ("account", |row| csv::text(&row.operation.key.account)),
];

pub async fn list(env: &Env, options: &OperationsListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter = OperationFilter {
        state: options.state.clone(),
        kind: options.kind.clone(),
        payment: options.payment.clone(),
        customer: options.customer.clone(),
        subject: None,
        requested_by: options.requested_by.clone(),
        open: options.open,
        alone: false,
        window: options.window.read(now)?,
        whose: options.whose.read(),
    };
    let ledger = open::ledger(env).await?;
    let listing = Listing::of("operation", table, COLUMNS)
        .filtered(filter != OperationFilter::default())
        .begun_by(FIRST);
    let read = async |tx: &mut Transaction, part: &Part| Ok(items(tx.operations(&filter, part).await?, now));
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
}

pub async fn approvals(env: &Env, options: &ApprovalsListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter = OperationFilter {
        state: Some(OperationState::NeedsApproval.as_str().to_owned()),
        whose: options.whose.read(),
        ..OperationFilter::default()
    };
    let ledger = open::ledger(env).await?;
    let listing = Listing::of("operation that waits for an approval", table, COLUMNS).begun_by(FIRST);
    let read = async |tx: &mut Transaction, part: &Part| Ok(items(tx.operations(&filter, part).await?, now));
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
}

fn items(page: Page<Operation>, now: DateTime<Utc>) -> Page<Item> {
    page.map(|operation| Item { words: OperationWords::of(&operation, now), operation })
}

fn table(items: &[Item], _: DateTime<Utc>) -> Table {
    let mut table = Table::default()
        .text("ASKED FOR")
        .text("OPERATION")
        .text("STATE")
        .text("WHAT")
        .text("BY")
        .text("APPROVED BY")
        .prose("MESSAGE", 60)
        .text("MADE")
        .text("MODE")
        .text("ACCOUNT");
    for Item { operation, .. } in items {
        table.row([
            when::whole(operation.requested_at),
            operation.id().to_owned(),
            operation.state.as_str().to_owned(),
            does(operation),
            operation.requested_by.clone(),
            operation.approved_by.clone().unwrap_or_default(),
            why(operation).unwrap_or_default().to_owned(),
            operation.stripe_id.clone().unwrap_or_default(),
            mode(operation.key.livemode),
            operation.key.account.clone(),
        ]);
    }
    table
}
