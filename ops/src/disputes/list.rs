//! `tidegate disputes list`: disputes with their payment, invoice and user.

use chrono::{DateTime, Utc};
use desk::views::dispute_item::DisputeItem;
use desk::views::dispute_list::{DisputeQuery, read_list};
use ledger::views::lists::DisputeFilter;
use shared::clock;
use shared::env::Env;

use crate::cli::DisputesListOptions;
use crate::events::mode;
use crate::failure::wrongly_called;
use crate::table::Table;
use crate::{money, open, output, span, time_option};

pub async fn run(env: &Env, options: &DisputesListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let due_by = options.due_within.as_deref().map(|text| time_option::ahead(text, now)).transpose();
    let filter = DisputeFilter {
        status: options.status.clone(),
        open: options.open,
        due_by: due_by
            .map_err(|fault| wrongly_called(format!("--due-within: {fault}")))?
            .or(options.overdue.then_some(now)),
        resolved_too: options.all,
        among: None,
        window: options.window.read(now)?,
        whose: options.whose.read(),
        limit: options.limit,
    };
    let ledger = open::ledger(env).await?;
    let query = DisputeQuery { filter, invoice: options.invoice.clone(), user: options.user.clone() };
    let read = async { read_list(&ledger, &mut ledger.read().await?, query, now).await };
    let disputes = open::answer(&ledger, read).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&disputes);
    }
    if disputes.is_empty() {
        output::nothing("dispute", &ledger.shown(), is_filtered(options));
        return Ok(());
    }
    output::print(&table(disputes.iter().map(|listed| &listed.item), now).render())?;
    output::remark_on_limit(disputes.len(), options.limit);
    Ok(())
}

pub fn table<'a>(disputes: impl IntoIterator<Item = &'a DisputeItem>, now: DateTime<Utc>) -> Table {
    let mut table = Table::default()
        .text("OPENED")
        .text("DISPUTE")
        .text("STATUS")
        .number("AMOUNT")
        .text("REASON")
        .text("RESPOND BY")
        .text("USER")
        .text("INVOICE")
        .text("MODE")
        .text("ACCOUNT");
    for item in disputes {
        let DisputeItem { dispute, invoice, user, .. } = item;
        table.row([
            item.opened_at().map(span::whole).unwrap_or_default(),
            dispute.key.id.clone(),
            item.status(now),
            money::shown(dispute.state.amount, &dispute.state.currency),
            dispute.state.reason.clone().unwrap_or_default(),
            item.respond_by().map(|moment| span::until(moment, now)).unwrap_or_default(),
            user.clone().unwrap_or_default(),
            invoice.clone().unwrap_or_default(),
            mode(dispute.key.livemode),
            dispute.key.account.clone(),
        ]);
    }
    table
}

fn is_filtered(options: &DisputesListOptions) -> bool {
    options.open
        || options.overdue
        || options.status.is_some()
        || options.due_within.is_some()
        || options.user.is_some()
        || options.invoice.is_some()
        || !options.window.is_any()
        || !options.whose.is_any()
}
