//! `tidegate listings`: the marketplace's listings, one of them with its payments, and what they are sold on.

use anyhow::bail;
use ledger::views::page::Part;
use ledger::{Ledger, Transaction};
use marketplace::State;
use marketplace::sheet::COLUMNS;
use marketplace::terms::ListingTerms;
use marketplace::view::{self, Listing as Listed, ListingFilter, ListingView};
use serde::Serialize;
use shared::clock;
use shared::env::Env;
use std::fmt::Write as _;

use crate::cli::{ListingOptions, ListingsCommand, ListingsListOptions, Shape};
use crate::events::{belongs_to, mode};
use crate::failure::wrongly_called;
use crate::listing::{self, Listing};
use crate::table::Table;
use crate::{money, open, output, when};

pub async fn run(env: &Env, command: &ListingsCommand) -> anyhow::Result<()> {
    match command {
        ListingsCommand::List(options) => list(env, options).await,
        ListingsCommand::Show(options) => {
            let ledger = open::ledger(env).await?;
            let shown = show(&ledger, options).await;
            ledger.close().await;
            shown
        }
        ListingsCommand::Terms(shape) => terms(env, shape).await,
    }
}

async fn list(env: &Env, options: &ListingsListOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter = ListingFilter {
        state: State::ALL.into_iter().find(|state| Some(state.as_str()) == options.status.as_deref()),
        category: options.category.clone(),
        user: options.user.clone(),
        whose: options.whose.read(),
    };
    let ledger = open::ledger(env).await?;
    let shown = Listing::of("listing", |rows, _| table(rows), COLUMNS)
        .filtered(filter != ListingFilter::default())
        .begun_by("help listings` says who puts them");
    let read = async |tx: &mut Transaction, part: &Part| view::list(tx, &filter, part, now).await;
    listing::show(&ledger, (&options.page, &options.shape), &shown, now, read).await
}

fn fee(listing: &Listed) -> String {
    if listing.fee == 0 { "free".to_owned() } else { money::shown(listing.fee, &listing.currency) }
}

fn table(listings: &[Listed]) -> Table {
    let mut table = Table::default()
        .text("CREATED")
        .text("LISTING")
        .text("STATUS")
        .text("CATEGORY")
        .number("FEE")
        .text("EXPIRES")
        .text("FEATURED UNTIL")
        .text("BUMPED")
        .text("USER")
        .text("MODE");
    let moment = |at: Option<_>| at.map(when::whole).unwrap_or_default();
    for row in listings {
        table.row([
            when::whole(row.created_at),
            row.key.id.clone(),
            row.status.as_str().to_owned(),
            row.category_id.clone(),
            fee(row),
            moment(row.expires_at),
            moment(row.featured_until),
            moment(row.bumped_at),
            row.user_id.clone(),
            mode(row.key.livemode),
        ]);
    }
    table
}

/// The one listing of an id.
pub async fn show(ledger: &Ledger, options: &ListingOptions) -> anyhow::Result<()> {
    let (now, whose) = (clock::now(), options.whose.read());
    let read = async { ListingView::read(&mut ledger.read().await?, &options.id, &whose, now).await };
    let mut found = open::answer(ledger, read).await?;
    let (id, me) = (&options.id, output::me());
    let Some(shown) = found.pop() else {
        let narrowed = if options.whose.is_any() { "" } else { " of that account and mode" };
        bail!(
            "no listing {id}{narrowed} in the ledger at {}. `{me} listings list` shows those that are there",
            ledger.shown()
        );
    };
    if !found.is_empty() {
        let owners: Vec<String> = { found.iter().chain([&shown]) }
            .map(|view| belongs_to(&view.listing.key.account, view.listing.key.livemode))
            .collect();
        let owners = owners.join("; ");
        return Err(wrongly_called(format!(
            "listing {id} exists several times ({owners}): choose one with --account, --live or --test-mode"
        )));
    }
    let found = shown;
    if options.shape.json {
        return output::print_json(&found);
    }
    let ListingView { listing, payments, open_checkouts } = &found;
    let mut text = format!(
        "Listing {}: {}\n{}\n\nUser {}, category {}, fee {}\n",
        listing.key.id,
        listing.status.as_str(),
        listing.says,
        listing.user_id,
        listing.category_id,
        fee(listing)
    );
    if !payments.is_empty() {
        let mut table = Table::default()
            .text("PAID")
            .text("PAYMENT")
            .text("FOR")
            .text("REFUND")
            .prose("WHAT BECAME OF IT", 70);
        for payment in payments {
            table.row([
                payment.judged.paid_at.map(when::whole).unwrap_or_default(),
                payment.judged.payment.clone(),
                payment.judged.what.clone(),
                payment.refund_state.unwrap_or_default().to_owned(),
                payment.says.clone(),
            ]);
        }
        text.extend(["\n", &table.render()]);
    }
    if let [_, ..] = open_checkouts[..] {
        let what = open_checkouts.join(", ").replace('_', " ");
        let _ = write!(text, "\nA checkout is open for: {what}\n");
    }
    output::print(&text)
}

/// The form of `terms --json`.
#[derive(Serialize)]
struct Term<'a> {
    name: &'a str,
    currency: &'a str,
    value: i64,
}

async fn terms(env: &Env, shape: &Shape) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let read = async { ListingTerms::read(&mut ledger.read().await?).await };
    let terms = open::answer(&ledger, read).await?;
    ledger.close().await;
    let all = terms.all_at(clock::now());
    let all: Vec<Term<'_>> =
        all.into_iter().map(|(name, currency, value)| Term { name, currency, value }).collect();
    if shape.json {
        return output::print_json(&serde_json::json!({ "items": all }));
    }
    let mut table = Table::default().text("TERM").number("VALUE");
    for term in &all {
        let value = if term.currency.is_empty() {
            term.value.to_string()
        } else {
            money::shown(term.value, term.currency)
        };
        table.row([term.name.to_owned(), value]);
    }
    output::print(&table.render())
}
