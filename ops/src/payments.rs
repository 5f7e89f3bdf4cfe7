//! `tidegate payments`: the payments as a list.

use desk::views::payment::PaymentLabels;
use domain::payments::Payment;
use ledger::views::lists::PaymentFilter;
use shared::clock;
use shared::env::Env;

use crate::cli::PaymentsListOptions;
use crate::events::mode;
use crate::failure::wrongly_called;
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
        let labels = PaymentLabels::of(payment);
        table.row([
            labels.created_at.map(span::whole).unwrap_or_default(),
            payment.key.id.clone(),
            payment.state.status.clone(),
            money::shown(payment.state.amount, &payment.state.currency),
            labels.refunded.unwrap_or_default().to_owned(),
            labels.disputed.unwrap_or_default().to_owned(),
            output::count_if_any(payment.failed_attempts),
            payment.last_failed_at.map(span::whole).unwrap_or_default(),
            labels.last_failure.unwrap_or_default(),
            labels.payer.unwrap_or_default(),
            payment.invoice.clone().unwrap_or_default(),
            mode(payment.key.livemode),
            payment.key.account.clone(),
        ]);
    }
    table
}
