//! `tidegate customers`: the customers as a list, each with the user that it is.

use desk::sheets::customers::COLUMNS;
use domain::customers::Customer;
use ledger::Transaction;
use ledger::views::lists::CustomerFilter;
use ledger::views::page::Part;
use shared::clock;
use shared::env::Env;

use crate::cli::CustomersListOptions;
use crate::events::mode;
use crate::listing::{self, Listing};
use crate::table::Table;
use crate::{open, when};

pub async fn list(env: &Env, options: &CustomersListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter = CustomerFilter {
        user: options.user.clone(),
        window: options.window.read(now)?,
        whose: options.whose.read(),
    };
    let ledger = open::ledger(env).await?;
    let listing =
        Listing::of("customer", |rows, _| table(rows), COLUMNS).filtered(filter != CustomerFilter::default());
    let read = async |tx: &mut Transaction, part: &Part| tx.customers(&filter, part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
}

fn table(customers: &[Customer]) -> Table {
    let mut table = Table::default()
        .text("CREATED")
        .text("CUSTOMER")
        .text("USER")
        .text("DELETED")
        .text("MODE")
        .text("ACCOUNT");
    for customer in customers {
        let created = customer.state.created_at.or(customer.seen.first_event_at);
        table.row([
            created.map(when::whole).unwrap_or_default(),
            customer.key.id.clone(),
            customer.user.id().unwrap_or_default().to_owned(),
            if customer.state.deleted { "deleted".to_owned() } else { String::new() },
            mode(customer.key.livemode),
            customer.key.account.clone(),
        ]);
    }
    table
}
