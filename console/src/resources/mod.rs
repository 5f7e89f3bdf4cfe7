//! What the API offers, a file each: its rows of the table, and the work behind them.

mod aliases;
mod asked_billing;
mod asked_operation;
mod audit;
mod bans;
mod batches;
mod blocks;
mod charges;
mod checkout;
mod customers;
mod dead_letters;
mod disputes;
mod events;
mod evidence;
mod failures;
mod figures;
mod findings;
mod health;
mod invoices;
mod listings;
mod notes;
mod notices;
mod objects;
mod operations;
mod payments;
mod payouts;
mod policies;
mod reconciliations;
mod refunds;
mod replays;
mod saved_views;
mod sessions;
mod staff;
mod subscriptions;
mod tokens;
mod workers;

use crate::endpoint::Endpoint;

/// The whole table.
const GROUPS: &[&[Endpoint]] = &[
    payments::ENDPOINTS,
    notes::PAYMENTS,
    charges::ENDPOINTS,
    failures::ENDPOINTS,
    refunds::ENDPOINTS,
    notes::REFUNDS,
    disputes::ENDPOINTS,
    notes::DISPUTES,
    evidence::ENDPOINTS,
    invoices::ENDPOINTS,
    notes::INVOICES,
    customers::ENDPOINTS,
    notes::CUSTOMERS,
    subscriptions::ENDPOINTS,
    bans::ENDPOINTS,
    blocks::ENDPOINTS,
    events::ENDPOINTS,
    dead_letters::ENDPOINTS,
    replays::ENDPOINTS,
    workers::ENDPOINTS,
    operations::ENDPOINTS,
    batches::ENDPOINTS,
    notes::OPERATIONS,
    checkout::ENDPOINTS,
    findings::ENDPOINTS,
    reconciliations::ENDPOINTS,
    payouts::ENDPOINTS,
    audit::ENDPOINTS,
    notices::ENDPOINTS,
    saved_views::ENDPOINTS,
    staff::ENDPOINTS,
    tokens::ENDPOINTS,
    sessions::ENDPOINTS,
    policies::ENDPOINTS,
    figures::ENDPOINTS,
    listings::ENDPOINTS,
    listings::TERMS,
    aliases::ENDPOINTS,
    listings::REFUNDS,
    health::ENDPOINTS,
];

pub fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    GROUPS.iter().copied().flatten()
}
