//! `tidegate disputes list`: disputes with their payment, invoice and user.

use chrono::{DateTime, Utc};
use desk::sheets::disputes::COLUMNS;
use desk::views::dispute_item::DisputeItem;
use desk::views::dispute_list::{DisputeQuery, ListedDispute, read_list};
use ledger::Transaction;
use ledger::views::lists::DisputeFilter;
use ledger::views::page::Part;
use shared::clock;
use shared::env::Env;

use crate::cli::DisputesListOptions;
use crate::events::mode;
use crate::failure::wrongly_called;
use crate::listing::{self, Listing};
use crate::table::Table;
use crate::{money, open, time_option, when};

pub async fn run(env: &Env, options: &DisputesListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let due_by = options.due_within.as_deref().map(|text| time_option::ahead(text, now)).transpose();
    let filter = DisputeFilter {
        status: options.status.clone(),
        reason: options.reason.clone(),
        open: options.open,
        due_by: due_by
            .map_err(|fault| wrongly_called(format!("--due-within: {fault}")))?
            .or(options.overdue.then_some(now)),
        resolved_too: options.all,
        among: None,
        window: options.window.read(now)?,
        whose: options.whose.read(),
    };
    let query = DisputeQuery { filter, invoice: options.invoice.clone(), user: options.user.clone() };
    let ledger = open::ledger(env).await?;
    let table = |rows: &[ListedDispute], now| table(rows.iter().map(|listed| &listed.item), now);
    let listing = Listing::of("dispute", table, COLUMNS).filtered(query != DisputeQuery::default());
    let read = async |tx: &mut Transaction, part: &Part| read_list(&ledger, tx, &query, part, now).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
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
            item.opened_at().map(when::whole).unwrap_or_default(),
            dispute.key.id.clone(),
            item.status(now),
            money::shown(dispute.state.amount, &dispute.state.currency),
            dispute.state.reason.clone().unwrap_or_default(),
            item.respond_by().map(|moment| when::until(moment, now)).unwrap_or_default(),
            user.clone().unwrap_or_default(),
            invoice.clone().unwrap_or_default(),
            mode(dispute.key.livemode),
            dispute.key.account.clone(),
        ]);
    }
    table
}
