//! `tidegate invoices`: the invoices as a list.

use desk::sheets::invoices::COLUMNS;
use desk::views::invoice::InvoiceLabels;
use domain::invoices::Invoice;
use ledger::Transaction;
use ledger::views::lists::InvoiceFilter;
use ledger::views::page::Part;
use shared::clock;
use shared::env::Env;

use crate::cli::InvoicesListOptions;
use crate::events::mode;
use crate::listing::{self, Listing};
use crate::table::Table;
use crate::{money, open, output, when};

pub async fn list(env: &Env, options: &InvoicesListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter = InvoiceFilter {
        status: options.status.clone(),
        customer: options.customer.clone(),
        subscription: None,
        window: options.window.read(now)?,
        whose: options.whose.read(),
    };
    let ledger = open::ledger(env).await?;
    let listing =
        Listing::of("invoice", |rows, _| table(rows), COLUMNS).filtered(filter != InvoiceFilter::default());
    let read = async |tx: &mut Transaction, part: &Part| tx.invoices(&filter, part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
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
            labels.created_at.map(when::whole).unwrap_or_default(),
            invoice.key.id.clone(),
            invoice.status.as_str().to_owned(),
            amount(invoice.state.amount_due),
            amount(invoice.amount_paid),
            amount_if_any(invoice.amount_refunded),
            amount_if_any(invoice.amount_charged_back),
            output::count_if_any(invoice.payment_retry_count),
            labels.next_retry_at.map(when::whole).unwrap_or_default(),
            invoice.customer.customer.clone().unwrap_or_default(),
            mode(invoice.key.livemode),
            invoice.key.account.clone(),
        ]);
    }
    table
}
