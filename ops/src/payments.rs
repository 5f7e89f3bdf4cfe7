//! `tidegate payments`: the payments as a list.

use domain::payments::{Disputed, Payment, Refunded};
use ledger::views::lists::PaymentFilter;
use shared::clock;
use shared::env::Env;

use crate::cli::PaymentsListOptions;
use crate::events::mode;
use crate::failure::wrongly_called;
use crate::show::sections;
use crate::table::Table;
use crate::{money, open, output, span};

pub async fn list(env: &Env, options: &PaymentsListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let currency = options.currency.as_ref().map(|code| code.to_ascii_lowercase());
    let amount = options.amount.as_deref().map(|text| money::read(text, currency.as_deref().unwrap_or("")));
    let filter = PaymentFilter {
        status: options.status.clone(),
        customer: options.customer.clone(),
        amount: amount.transpose().map_err(|fault| wrongly_called(format!("--amount: {fault}")))?,
        currency,
        window: options.window.read(now)?,
        failed: options.failed(now)?,
        whose: options.whose.read(),
        limit: options.limit,
    };
    let ledger = open::ledger(env).await?;
    let read = async { ledger.read().await?.payments(&filter).await };
    let payments = open::answer(&ledger, read).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&payments);
    }
    let is_filtered = options.status.is_some()
        || options.customer.is_some()
        || options.currency.is_some()
        || !options.window.is_any()
        || options.failed_since.is_some()
        || options.failed_until.is_some()
        || !options.whose.is_any();
    if payments.is_empty() {
        output::nothing("payment", &ledger.shown(), is_filtered);
        return Ok(());
    }
    output::print(&table(&payments).render())?;
    output::remark_on_limit(payments.len(), options.limit);
    Ok(())
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
        let created = payment.created_at.or(payment.seen.first_event_at);
        let user = payment.user.id().or_else(|| payment.customer.id()).unwrap_or_default();
        table.row([
            created.map(span::whole).unwrap_or_default(),
            payment.key.id.clone(),
            payment.state.status.clone(),
            money::shown(payment.state.amount, &payment.state.currency),
            if payment.refunded == Refunded::None { "" } else { payment.refunded.as_str() }.to_owned(),
            if payment.disputed == Disputed::None { "" } else { payment.disputed.as_str() }.to_owned(),
            output::count_if_any(payment.failed_attempts),
            payment.last_failed_at.map(span::whole).unwrap_or_default(),
            payment.last_failed_at.map(|_| code(payment)).unwrap_or_default(),
            user.to_owned(),
            payment.invoice.clone().unwrap_or_default(),
            mode(payment.key.livemode),
            payment.key.account.clone(),
        ]);
    }
    table
}

/// Of the last failure.
fn code(payment: &Payment) -> String {
    sections::code(payment.last_failure_code.as_deref(), payment.last_decline_code.as_deref())
}
