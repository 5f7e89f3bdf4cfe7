//! `tidegate charges`: the charges as a list.

use domain::charges::Charge;
use domain::payments::Disputed;
use ledger::Transaction;
use ledger::views::lists::ChargeFilter;
use ledger::views::page::Part;
use shared::clock;
use shared::env::Env;

use crate::cli::ChargesListOptions;
use crate::events::mode;
use crate::listing::{self, Column, Listing};
use crate::table::Table;
use crate::{csv, money, open, when};

const COLUMNS: &[Column<Charge>] = &[
    ("created", |row| csv::time(row.state.created_at.or(row.seen.first_event_at))),
    ("charge", |row| csv::text(&row.key.id)),
    ("status", |row| csv::text(&row.state.status)),
    ("currency", |row| csv::text(&row.state.currency)),
    ("amount", |row| money::plain(row.state.amount, &row.state.currency)),
    ("captured", |row| money::plain(row.state.amount_captured, &row.state.currency)),
    ("refunded", |row| money::plain(row.amount_refunded, &row.state.currency)),
    ("charged_back", |row| money::plain(row.amount_charged_back, &row.state.currency)),
    ("disputed", |row| row.disputed.as_str().to_owned()),
    ("failure_code", |row| csv::maybe(row.state.failure_code.as_ref())),
    ("payment", |row| csv::maybe(row.payment.id())),
    ("customer", |row| csv::maybe(row.customer.id())),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];

pub async fn list(env: &Env, options: &ChargesListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter = ChargeFilter {
        status: options.status.clone(),
        payment: options.payment.clone(),
        window: options.window.read(now)?,
        whose: options.whose.read(),
    };
    let ledger = open::ledger(env).await?;
    let listing =
        Listing::of("charge", |rows, _| table(rows), COLUMNS).filtered(filter != ChargeFilter::default());
    let read = async |tx: &mut Transaction, part: &Part| tx.charges(&filter, part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
}

fn table(charges: &[Charge]) -> Table {
    let mut table = Table::default()
        .text("CREATED")
        .text("CHARGE")
        .text("STATUS")
        .number("AMOUNT")
        .number("REFUNDED")
        .text("DISPUTED")
        .text("CODE")
        .text("PAYMENT")
        .text("CUSTOMER")
        .text("MODE")
        .text("ACCOUNT");
    for charge in charges {
        let created = charge.state.created_at.or(charge.seen.first_event_at);
        let amount = |minor_units| money::shown(minor_units, &charge.state.currency);
        table.row([
            created.map(when::whole).unwrap_or_default(),
            charge.key.id.clone(),
            charge.state.status.clone(),
            amount(charge.state.amount),
            if charge.amount_refunded == 0 { String::new() } else { amount(charge.amount_refunded) },
            if charge.disputed == Disputed::None { "" } else { charge.disputed.as_str() }.to_owned(),
            charge.state.failure_code.clone().unwrap_or_default(),
            charge.payment.id().unwrap_or_default().to_owned(),
            charge.customer.id().unwrap_or_default().to_owned(),
            mode(charge.key.livemode),
            charge.key.account.clone(),
        ]);
    }
    table
}
