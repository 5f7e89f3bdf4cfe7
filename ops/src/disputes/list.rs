//! `tidegate disputes list`: each with the payment, invoice and user that it concerns.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::Key;
use domain::charges::Charge;
use domain::disputes::{Dispute, Status};
use domain::invoices::Invoice;
use domain::world::World;
use ledger::graph::{family, users};
use ledger::tables::resolutions::Resolution;
use ledger::views::lists::DisputeFilter;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::DisputesListOptions;
use crate::events::mode;
use crate::failure::wrongly_called;
use crate::table::Table;
use crate::{money, open, output, span, time_option};

/// A user or an invoice has few disputes; with more the search would grow out of hand.
const KEYS_LIMIT: usize = 2_000;

/// A dispute and where it belongs; the form of `--json`.
#[derive(Clone, Serialize)]
pub struct Placed {
    #[serde(flatten)]
    pub dispute: Dispute,
    pub payment: Option<String>,
    pub invoice: Option<String>,
    /// As the rules tell who it is.
    pub user: Option<String>,
    /// By whom of staff it is done with, while that stands. Stripe's status is another matter.
    pub resolved: Option<Resolution>,
}

/// A line of the list; the form of `--json`.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    placed: Placed,
    /// It should have been answered by now.
    overdue: bool,
}

impl Placed {
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.dispute.is_past_due(now) && self.resolved.is_none()
    }

    /// Our status, and what else decides whether there is something to do.
    pub fn status(&self, now: DateTime<Utc>) -> String {
        let mut status = self.dispute.status.as_str().to_owned();
        if self.dispute.inquiry {
            status.push_str(" (inquiry)");
        }
        if self.resolved.is_some() {
            status.push_str(", resolved");
        } else if self.is_overdue(now) {
            status.push_str(", overdue");
        }
        status
    }
}

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
    let disputes = open::answer(&ledger, find(&ledger, options, filter, now)).await?;
    ledger.close().await;
    if options.shape.json {
        let listed = disputes.into_iter().map(|placed| Listed { overdue: placed.is_overdue(now), placed });
        return output::print_json(&listed.collect::<Vec<_>>());
    }
    if disputes.is_empty() {
        output::nothing("dispute", &ledger.shown(), is_filtered(options));
        return Ok(());
    }
    output::print(&table(&disputes, now).render())?;
    output::remark_on_limit(disputes.len(), options.limit);
    Ok(())
}

async fn find(
    ledger: &Ledger,
    options: &DisputesListOptions,
    mut filter: DisputeFilter,
    now: DateTime<Utc>,
) -> Result<Vec<Placed>, LedgerError> {
    let mut tx = ledger.read().await?;
    let of_invoice = match &options.invoice {
        Some(id) => Some(of_invoice(&mut tx, id).await?),
        None => None,
    };
    let of_user = match &options.user {
        Some(id) => Some(of_user(&mut tx, id).await?),
        None => None,
    };
    let both = match (of_invoice, of_user) {
        (Some(one), Some(other)) => Some(one.intersection(&other).cloned().collect()),
        (one, other) => one.or(other),
    };
    filter.among = both.map(|keys: BTreeSet<Key>| keys.into_iter().take(KEYS_LIMIT).collect());
    let disputes = tx.disputes(&filter, now).await?;
    let mut world = ledger.world();
    family::read_above_disputes(&mut tx, &disputes, &mut world).await?;
    place(&mut tx, disputes, &world).await
}

async fn of_invoice(tx: &mut Transaction, id: &str) -> Result<BTreeSet<Key>, LedgerError> {
    let invoices = tx.find::<Invoice>(id).await?.into_iter().map(|invoice| invoice.key).collect();
    family::disputes_of_invoices(tx, &invoices).await
}

async fn of_user(tx: &mut Transaction, id: &str) -> Result<BTreeSet<Key>, LedgerError> {
    let users = users::who_is(tx, id).await?;
    family::disputes_of_users(tx, &users).await
}

/// Where disputes belong, in a world that has what is above them, and who is done with them.
pub async fn place(
    tx: &mut Transaction,
    disputes: Vec<Dispute>,
    world: &World,
) -> Result<Vec<Placed>, LedgerError> {
    let keys: BTreeSet<Key> = disputes.iter().map(|dispute| dispute.key.clone()).collect();
    let resolutions = tx.resolutions_of(&keys.into_iter().collect::<Vec<_>>()).await?;
    let resolutions: BTreeMap<Key, Resolution> =
        resolutions.into_iter().map(|resolution| (resolution.dispute.clone(), resolution)).collect();
    let placed = disputes.into_iter().map(|dispute| {
        let resolved = resolutions.get(&dispute.key).cloned();
        place_one(dispute, resolved, world)
    });
    Ok(placed.collect())
}

fn place_one(dispute: Dispute, resolved: Option<Resolution>, world: &World) -> Placed {
    let charge = dispute.owner().and_then(|charge| world.charges.get(&charge));
    let payment = charge.and_then(Charge::owner);
    let invoice = payment.as_ref().and_then(|key| world.payments.get(key)?.invoice.clone());
    let user = payment.as_ref().and_then(|key| world.user_of(key)).map(|user| user.id);
    Placed { dispute, payment: payment.map(|key| key.id), invoice, user, resolved }
}

pub fn table(disputes: &[Placed], now: DateTime<Utc>) -> Table {
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
    for placed in disputes {
        let Placed { dispute, invoice, user, resolved, .. } = placed;
        let opened = dispute.state.opened_at.or(dispute.seen.first_event_at);
        let is_awaited = dispute.status == Status::Opened && resolved.is_none();
        let respond_by = dispute.state.respond_by.filter(|_| is_awaited);
        table.row([
            opened.map(span::whole).unwrap_or_default(),
            dispute.key.id.clone(),
            placed.status(now),
            money::shown(dispute.state.amount, &dispute.state.currency),
            dispute.state.reason.clone().unwrap_or_default(),
            respond_by.map(|moment| span::until(moment, now)).unwrap_or_default(),
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
