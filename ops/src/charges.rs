//! `tidegate charges`: the charges as a list.

use desk::sheets::charges::COLUMNS;
use domain::charges::Charge;
use domain::payments::Disputed;
use ledger::Transaction;
use ledger::views::lists::ChargeFilter;
use ledger::views::page::Part;
use shared::clock;
use shared::env::Env;

use crate::cli::ChargesListOptions;
use crate::events::mode;
use crate::listing::{self, Listing};
use crate::table::Table;
use crate::{money, open, staff, when};

pub async fn list(env: &Env, options: &ChargesListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter = ChargeFilter {
        status: options.status.clone(),
        payment: options.payment.clone(),
        window: options.window.read(now)?,
        whose: options.whose.read(),
    };
    let ledger = open::ledger(env).await?;
    let listing =
        Listing::of("charge", |rows, _| table(rows), COLUMNS).filtered(filter != ChargeFilter::default());
    let cards = staff::cards(&ledger, env).await?;
    let read = async |tx: &mut Transaction, part: &Part| {
        let mut page = tx.charges(&filter, part).await?;
        cards.hide(&mut page.rows);
        Ok(page)
    };
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
}

fn table(charges: &[Charge]) -> Table {
    let mut table = Table::default()
        .text("CREATED")
        .text("CHARGE")
        .text("STATUS")
        .number("AMOUNT")
        .number("REFUNDED")
        .text("DISPUTED")
        .text("CODE")
        .text("PAYMENT")
        .text("CUSTOMER")
        .text("MODE")
        .text("ACCOUNT");
    for charge in charges {
        let created = charge.state.created_at.or(charge.seen.first_event_at);
        let amount = |minor_units| money::shown(minor_units, &charge.state.currency);
        table.row([
            created.map(when::whole).unwrap_or_default(),
            charge.key.id.clone(),
            charge.state.status.clone(),
            amount(charge.state.amount),
            if charge.amount_refunded == 0 { String::new() } else { amount(charge.amount_refunded) },
            if charge.disputed == Disputed::None { "" } else { charge.disputed.as_str() }.to_owned(),
            charge.state.failure_code.clone().unwrap_or_default(),
            charge.payment.id().unwrap_or_default().to_owned(),
            charge.customer.id().unwrap_or_default().to_owned(),
            mode(charge.key.livemode),
            charge.key.account.clone(),
        ]);
    }
    table
}
