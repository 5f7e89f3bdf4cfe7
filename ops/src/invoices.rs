//! `tidegate invoices`: the invoices as a list.

use desk::views::invoice::InvoiceLabels;
use domain::invoices::Invoice;
use ledger::views::lists::InvoiceFilter;
use shared::clock;
use shared::env::Env;

use crate::cli::InvoicesListOptions;
use crate::events::mode;
use crate::table::Table;
use crate::{money, open, output, span};

pub async fn list(env: &Env, options: &InvoicesListOptions) -> anyhow::Result<()> {
    let filter = InvoiceFilter {
        status: options.status.clone(),
        customer: options.customer.clone(),
        subscription: None,
        window: options.window.read(clock::now())?,
        whose: options.whose.read(),
        limit: options.limit,
    };
    let ledger = open::ledger(env).await?;
    let read = async { ledger.read().await?.invoices(&filter).await };
    let invoices = open::answer(&ledger, read).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&invoices);
    }
    let is_filtered = options.status.is_some()
        || options.customer.is_some()
        || !options.window.is_any()
        || !options.whose.is_any();
    if invoices.is_empty() {
        output::nothing("invoice", &ledger.shown(), is_filtered);
        return Ok(());
    }
    output::print(&table(&invoices).render())?;
    output::remark_on_limit(invoices.len(), options.limit);
    Ok(())
}

pub fn table(invoices: &[Invoice]) -> Table {
    let mut table = Table::default()
        .text("CREATED")
        .text("INVOICE")
        .text("STATUS")
        .number("DUE")
        .number("PAID")
        .number("REFUNDED")
        .number("CHARGED BACK")
        .number("FAILURES")
        .text("NEXT RETRY")
        .text("CUSTOMER")
        .text("MODE")
        .text("ACCOUNT");
    for invoice in invoices {
        let amount = |minor_units| money::shown(minor_units, &invoice.state.currency);
        let amount_if_any = |minor_units| if minor_units == 0 { String::new() } else { amount(minor_units) };
        let labels = InvoiceLabels::of(invoice);
        table.row([
            labels.created_at.map(span::whole).unwrap_or_default(),
            invoice.key.id.clone(),
            invoice.status.as_str().to_owned(),
            amount(invoice.state.amount_due),
            amount(invoice.amount_paid),
            amount_if_any(invoice.amount_refunded),
            amount_if_any(invoice.amount_charged_back),
            output::count_if_any(invoice.payment_retry_count),
            labels.next_retry_at.map(span::whole).unwrap_or_default(),
            invoice.customer.customer.clone().unwrap_or_default(),
            mode(invoice.key.livemode),
            invoice.key.account.clone(),
        ]);
    }
    table
}
