//! `tidegate refunds`: the refunds as a list, by the time of the refund.

use desk::views::refund::created_at;
use domain::refunds::Refund;
use ledger::views::lists::RefundFilter;
use shared::clock;
use shared::env::Env;

use crate::cli::RefundsListOptions;
use crate::events::mode;
use crate::table::Table;
use crate::{money, open, output, span};

pub async fn list(env: &Env, options: &RefundsListOptions) -> anyhow::Result<()> {
    let filter = RefundFilter {
        status: options.status.clone(),
        payment: options.payment.clone(),
        window: options.window.read(clock::now())?,
        whose: options.whose.read(),
        limit: options.limit,
    };
    let ledger = open::ledger(env).await?;
    let read = async { ledger.read().await?.refunds(&filter).await };
    let refunds = open::answer(&ledger, read).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&refunds);
    }
    let is_filtered = options.status.is_some()
        || options.payment.is_some()
        || !options.window.is_any()
        || !options.whose.is_any();
    if refunds.is_empty() {
        output::nothing("refund", &ledger.shown(), is_filtered);
        return Ok(());
    }
    output::print(&table(&refunds).render())?;
    output::remark_on_limit(refunds.len(), options.limit);
    Ok(())
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
            created_at(refund).map(span::whole).unwrap_or_default(),
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
