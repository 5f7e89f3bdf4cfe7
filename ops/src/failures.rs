//! `tidegate failures`: failed attempts to pay, by the time at which they failed, with the payment's money and user.

use desk::sheets::failures::COLUMNS;
use desk::views::failed_attempts::{Attempt, read_page};
use desk::views::failure_text::code;
use ledger::Transaction;
use ledger::views::lists::FailureFilter;
use ledger::views::page::Part;
use shared::clock;
use shared::env::Env;

use crate::cli::FailuresListOptions;
use crate::events::mode;
use crate::listing::{self, Listing};
use crate::table::Table;
use crate::{money, open, when};

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
    let read = async |tx: &mut Transaction, part: &Part| read_page(tx, &filter, part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
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
            failure.failed_at.at().map(when::whole).unwrap_or_default(),
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
