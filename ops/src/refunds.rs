//! `tidegate refunds`: the refunds as a list, by the time of the refund.

use desk::sheets::refunds::COLUMNS;
use desk::views::refund::created_at;
use domain::refunds::Refund;
use ledger::Transaction;
use ledger::views::lists::RefundFilter;
use ledger::views::page::Part;
use shared::clock;
use shared::env::Env;

use crate::cli::RefundsListOptions;
use crate::events::mode;
use crate::listing::{self, Listing};
use crate::table::Table;
use crate::{money, open, when};

pub async fn list(env: &Env, options: &RefundsListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter = RefundFilter {
        status: options.status.clone(),
        reason: options.reason.clone(),
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
