//! Two chargebacks ban a user; what counts, who the user is, and what lifts it again.

use super::super::{Asked, Scenario, Stripe};
use super::scenario;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("the second chargeback bans", |stripe| {
        for _ in 0..2 {
            chargeback(stripe, Asked::of(2_000).by("user_ada"));
        }
    }),
    scenario("a win lifts the ban", |stripe| {
        let first = chargeback(stripe, Asked::of(2_000).by("user_ada"));
        let second = chargeback(stripe, Asked::of(3_000).by("user_ada"));
        stripe.decide(&first, "lost");
        stripe.wait(60);
        stripe.decide(&second, "won");
    }),
    scenario("inquiries, prevented and unknown disputes do not count", |stripe| {
        for status in ["warning_needs_response", "prevented", "needs_prayer", "lost"] {
            let (_, charge) = stripe.paid(Asked::of(2_000).by("user_ada"));
            stripe.wait(60);
            let dispute = stripe.dispute(&charge, status);
            stripe.tell(&["charge.dispute.created"], &dispute);
        }
    }),
    scenario("customer.updated changes the user, and the ban moves", |stripe| {
        let customer = stripe.customer(Some("user_ada"));
        stripe.tell(&["customer.created"], &customer);
        for _ in 0..2 {
            chargeback(stripe, Asked::of(2_000).from(&customer));
        }
        stripe.rename_customer(&customer, Some("user_bela"));
        stripe.tell(&["customer.updated"], &customer);
        stripe.wait(60);
        // A report without the field leaves it.
        stripe.rename_customer(&customer, None);
        stripe.tell(&["customer.updated"], &customer);
    }),
    scenario("a customer without a user is banned himself", |stripe| {
        let customer = stripe.customer(None);
        for _ in 0..2 {
            chargeback(stripe, Asked::of(2_000).from(&customer));
        }
        stripe.delete_customer(&customer);
        stripe.tell(&["customer.deleted"], &customer);
    }),
    scenario("two payers of one user", |stripe| {
        let customer = stripe.customer(Some("user_ada"));
        stripe.tell(&["customer.created"], &customer);
        chargeback(stripe, Asked::of(2_000).from(&customer));
        chargeback(stripe, Asked::of(2_000).by("user_ada"));
        let charge = stripe.direct_charge(Asked::of(900).from(&customer));
        stripe.tell(&["charge.succeeded"], &charge);
        let dispute = stripe.dispute(&charge, "needs_response");
        stripe.tell(&["charge.dispute.created"], &dispute);
    }),
];

/// A payment, and the chargeback on it. Gives the dispute.
fn chargeback(stripe: &mut Stripe, asked: Asked) -> String {
    let (_, charge) = stripe.paid(asked);
    stripe.wait(60);
    let dispute = stripe.dispute(&charge, "needs_response");
    stripe.tell(&["charge.dispute.created"], &dispute);
    stripe.wait(60);
    dispute
}
