//! `tidegate payments`: the payments as a list.

use desk::sheets::payments::COLUMNS;
use desk::views::payment::PaymentLabels;
use domain::payments::Payment;
use ledger::Transaction;
use ledger::views::lists::{PaymentFilter, payment_status};
use ledger::views::page::Part;
use shared::clock;
use shared::env::Env;

use crate::cli::PaymentsListOptions;
use crate::events::mode;
use crate::failure::wrongly_called;
use crate::listing::{self, Listing};
use crate::table::Table;
use crate::{money, open, output, when};

pub async fn list(env: &Env, options: &PaymentsListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let currency = options.currency.as_ref().map(|code| code.to_ascii_lowercase());
    let amount = options.amount.as_deref().map(|text| money::read(text, currency.as_deref().unwrap_or("")));
    let filter = PaymentFilter {
        status: options.status.as_deref().map(|status| payment_status(status).to_owned()),
        customer: options.customer.clone(),
        user: options.user.clone(),
        amount: amount.transpose().map_err(|fault| wrongly_called(format!("--amount: {fault}")))?,
        currency,
        window: options.window.read(now)?,
        failed: options.failed(now)?,
        code: options.code.clone(),
        whose: options.whose.read(),
        ..PaymentFilter::default()
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
