//! The histories by name: short ones, each about one thing that is easy to get wrong.

mod bans;
mod billing;
mod disputes;
mod identities;
mod invoices;
mod late;
mod links;
mod money;
mod payments;
mod refunds;

use super::Scenario;
use super::stripe::Stripe;

/// Every group of scenarios, in the order in which a table shows them.
pub const SCENARIOS: &[&[Scenario]] = &[
    payments::SCENARIOS,
    links::SCENARIOS,
    invoices::SCENARIOS,
    billing::SCENARIOS,
    money::SCENARIOS,
    refunds::SCENARIOS,
    disputes::SCENARIOS,
    bans::SCENARIOS,
    identities::SCENARIOS,
    late::SCENARIOS,
];

const fn scenario(name: &'static str, act: fn(&mut Stripe)) -> Scenario {
    Scenario { name, act }
}
