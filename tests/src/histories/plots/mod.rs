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

use super::Plot;
use super::stripe::Stripe;

/// Every group of plots, in the order in which a table shows them.
pub const PLOTS: &[&[Plot]] = &[
    payments::PLOTS,
    links::PLOTS,
    invoices::PLOTS,
    billing::PLOTS,
    money::PLOTS,
    refunds::PLOTS,
    disputes::PLOTS,
    bans::PLOTS,
    identities::PLOTS,
    late::PLOTS,
];

const fn plot(name: &'static str, act: fn(&mut Stripe)) -> Plot {
    Plot { name, act }
}
