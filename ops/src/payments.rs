//! `tidegate payments`: the payments as a list.

use desk::views::payment::PaymentLabels;
use domain::payments::Payment;
use ledger::Transaction;
use ledger::views::lists::PaymentFilter;
use ledger::views::page::Part;
use shared::clock;
use shared::env::Env;

use crate::cli::PaymentsListOptions;
use crate::events::mode;
use crate::failure::wrongly_called;
use crate::listing::{self, Column, Listing};
use crate::table::Table;
use crate::{csv, money, open, output, when};

const COLUMNS: &[Column<Payment>] = &[
    ("created", |row| csv::time(row.created_at.or(row.seen.first_event_at))),
    ("payment", |row| csv::text(&row.key.id)),
    ("status", |row| csv::text(&row.state.status)),
    ("currency", |row| csv::text(&row.state.currency)),
    ("amount", |row| money::plain(row.state.amount, &row.state.currency)),
    ("received", |row| money::plain(row.state.amount_received, &row.state.currency)),
    ("refunded", |row| money::plain(row.amount_refunded, &row.state.currency)),
    ("charged_back", |row| money::plain(row.amount_charged_back, &row.state.currency)),
    ("disputed", |row| row.disputed.as_str().to_owned()),
    ("failures", |row| row.failed_attempts.to_string()),
    ("last_failure", |row| csv::time(row.last_failed_at)),
    ("last_failure_code", |row| csv::maybe(row.last_failure_code.as_ref())),
    ("last_decline_code", |row| csv::maybe(row.last_decline_code.as_ref())),
    ("user", |row| csv::maybe(row.user.id())),
    ("customer", |row| csv::maybe(row.customer.id())),
    ("invoice", |row| csv::maybe(row.invoice.as_ref())),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];

pub async fn list(env: &Env, options: &PaymentsListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let currency = options.currency.as_ref().map(|code| code.to_ascii_lowercase());
    let amount = options.amount.as_deref().map(|text| money::read(text, currency.as_deref().unwrap_or("")));
    let filter = PaymentFilter {
        status: options.status.clone(),
        customer: options.customer.clone(),
        user: options.user.clone(),
        amount: amount.transpose().map_err(|fault| wrongly_called(format!("--amount: {fault}")))?,
        currency,
        window: options.window.read(now)?,
        failed: options.failed(now)?,
        whose: options.whose.read(),
    };
    let ledger = open::ledger(env).await?;
    let listing =
        Listing::of("payment", |rows, _| table(rows), COLUMNS).filtered(filter != PaymentFilter::default());
    let read = async |tx: &mut Transaction, part: &Part| tx.payments(&filter, part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
}

pub fn table(payments: &[Payment]) -> Table {
    let mut table = Table::default()
        .text("CREATED")
        .text("PAYMENT")
        .text("STATUS")
        .number("AMOUNT")
        .text("REFUNDED")
        .text("DISPUTED")
        .number("FAILURES")
        .text("LAST FAILURE")
        .text("CODE")
        .text("USER")
        .text("INVOICE")
        .text("MODE")
        .text("ACCOUNT");
    for payment in payments {
        let labels = PaymentLabels::of(payment);
        table.row([
            labels.created_at.map(when::whole).unwrap_or_default(),
            payment.key.id.clone(),
            payment.state.status.clone(),
            money::shown(payment.state.amount, &payment.state.currency),
            labels.refunded.unwrap_or_default().to_owned(),
            labels.disputed.unwrap_or_default().to_owned(),
            output::count_if_any(payment.failed_attempts),
            payment.last_failed_at.map(when::whole).unwrap_or_default(),
            labels.last_failure.unwrap_or_default(),
            labels.payer.unwrap_or_default(),
            payment.invoice.clone().unwrap_or_default(),
            mode(payment.key.livemode),
            payment.key.account.clone(),
        ]);
    }
    table
}
