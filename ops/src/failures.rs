//! `tidegate failures`: failed attempts to pay, by the time at which they failed, with the payment's money and user.

use std::collections::{BTreeMap, BTreeSet};

use desk::views::failure_text::code;
use domain::Key;
use domain::payment_failures::PaymentFailure;
use domain::payments::Payment;
use ledger::views::lists::FailureFilter;
use ledger::views::page::{Page, Part};
use ledger::{LedgerError, Transaction};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::FailuresListOptions;
use crate::events::mode;
use crate::listing::{self, Column, Listing};
use crate::table::Table;
use crate::{csv, money, open, when};

/// A failed attempt; the form of `--json`. What the payment says is absent where an invoice reported the failure.
#[derive(Serialize)]
struct Attempt {
    #[serde(flatten)]
    failure: PaymentFailure,
    amount: Option<i64>,
    currency: Option<String>,
    user: Option<String>,
}

const COLUMNS: &[Column<Attempt>] = &[
    ("failed", |row| csv::time(row.failure.failed_at)),
    ("code", |row| csv::maybe(row.failure.code.id())),
    ("decline_code", |row| csv::maybe(row.failure.decline.id())),
    ("currency", |row| csv::maybe(row.currency.as_ref())),
    ("amount", |row| row.amount(money::plain)),
    ("payment", |row| csv::maybe(row.failure.payment.id())),
    ("charge", |row| csv::maybe(row.failure.charge.as_ref())),
    ("invoice", |row| csv::maybe(row.failure.invoice.as_ref())),
    ("user", |row| csv::maybe(row.user.as_ref())),
    ("mode", |row| csv::mode(row.failure.key.livemode)),
    ("account", |row| csv::text(&row.failure.key.account)),
];

impl Attempt {
    fn amount(&self, shown: fn(i64, &str) -> String) -> String {
        self.amount
            .zip(self.currency.as_deref())
            .map(|(amount, code)| shown(amount, code))
            .unwrap_or_default()
    }
}

pub async fn list(env: &Env, options: &FailuresListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter = FailureFilter {
        payment: options.payment.clone(),
        invoice: options.invoice.clone(),
        code: options.code.clone(),
        window: options.window.read(now)?,
        whose: options.whose.read(),
    };
    let ledger = open::ledger(env).await?;
    let listing = Listing::of("failed attempt", |rows, _| table(rows), COLUMNS)
        .filtered(filter != FailureFilter::default());
    let read = async |tx: &mut Transaction, part: &Part| page(tx, &filter, part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
}

/// The failures of a page, and the payments that they are of.
async fn page(
    tx: &mut Transaction,
    filter: &FailureFilter,
    part: &Part,
) -> Result<Page<Attempt>, LedgerError> {
    let page = tx.failures(filter, part).await?;
    let of = |failure: &PaymentFailure| failure.payment.id().map(|id| failure.key.sibling(id));
    let keys: BTreeSet<Key> = page.rows.iter().filter_map(of).collect();
    let payments: Vec<Payment> = tx.look_up(&keys.into_iter().collect::<Vec<_>>()).await?;
    let payments: BTreeMap<Key, Payment> =
        payments.into_iter().map(|payment| (payment.key.clone(), payment)).collect();
    Ok(page.map(|failure| {
        let payment = of(&failure).and_then(|key| payments.get(&key));
        let user = payment.and_then(|payment| payment.user.id().or_else(|| payment.customer.id()));
        Attempt {
            amount: payment.map(|payment| payment.state.amount),
            currency: payment.map(|payment| payment.state.currency.clone()),
            user: user.map(str::to_owned),
            failure,
        }
    }))
}

fn table(attempts: &[Attempt]) -> Table {
    let mut table = Table::default()
        .text("FAILED")
        .text("CODE")
        .number("AMOUNT")
        .text("PAYMENT")
        .text("INVOICE")
        .text("USER")
        .text("CHARGE")
        .text("MODE")
        .text("ACCOUNT");
    for attempt in attempts {
        let failure = &attempt.failure;
        table.row([
            failure.failed_at.map(when::whole).unwrap_or_default(),
            code(failure.code.id(), failure.decline.id()),
            attempt.amount(money::shown),
            failure.payment.id().unwrap_or_default().to_owned(),
            failure.invoice.clone().unwrap_or_default(),
            attempt.user.clone().unwrap_or_default(),
            failure.charge.clone().unwrap_or_default(),
            mode(failure.key.livemode),
            failure.key.account.clone(),
        ]);
    }
    table
}
