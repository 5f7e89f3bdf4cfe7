//! Equal ids that are not the same, and the same event in other words.

use super::super::{ApiVersion, Asked, Scenario, Stripe};
use super::scenario;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("two accounts with equal ids", |stripe| {
        let mut other = stripe.twin(&format!("{}_b", stripe.account()), stripe.livemode());
        refunded(stripe, 500);
        refunded(&mut other, 5_000);
        stripe.absorb(other);
    }),
    scenario("the test twin of a live history", |stripe| {
        let mut twin = stripe.twin(stripe.account(), !stripe.livemode());
        refunded(stripe, 500);
        let (_, charge) = twin.paid(Asked::of(5_000).by("user_ada"));
        let dispute = twin.dispute(&charge, "needs_response");
        twin.tell(&["charge.dispute.created"], &dispute);
        stripe.absorb(twin);
    }),
    scenario("the same event id with another body", |stripe| {
        let payment = stripe.payment(Asked::of(2_000).by("user_ada"));
        stripe.tell(&["payment_intent.created"], &payment);
        stripe.wait(10);
        stripe.becomes(&payment, "processing");
        stripe.tell(&["payment_intent.processing"], &payment);
        let id = stripe.last_event();
        stripe.becomes(&payment, "requires_action");
        stripe.tell_as(&id, "payment_intent.processing", &payment);
        stripe.contest("payment", &payment);
    }),
    scenario("one event id in two API versions", |stripe| {
        let customer = stripe.customer(Some("user_ada"));
        let (payment, _) = stripe.paid(Asked::of(3_000).from(&customer));
        let invoice = stripe.billed(&customer, 3_000);
        stripe.wait(10);
        stripe.pay_invoice(&payment, &invoice, 3_000);
        stripe.lists_payments = true;
        for version in [ApiVersion::August2020, ApiVersion::Dahlia] {
            stripe.version = version;
            if version == ApiVersion::August2020 {
                stripe.tell(&["invoice.paid"], &invoice);
            } else {
                let id = stripe.last_event();
                stripe.tell_as(&id, "invoice.paid", &invoice);
            }
        }
    }),
    scenario("one chargeback in every API version", |stripe| {
        let (payment, charge) = stripe.paid(Asked::of(3_000).by("user_ada"));
        for version in ApiVersion::ALL {
            stripe.version = version;
            stripe.wait(10);
            stripe.tell(&["charge.updated"], &charge);
        }
        let dispute = stripe.dispute(&charge, "needs_response");
        stripe.expands = !stripe.expands;
        stripe.tell(&["charge.dispute.created"], &dispute);
        stripe.wait(10);
        stripe.tell(&["payment_intent.succeeded"], &payment);
    }),
    scenario("a customer is deleted in the second of a change", |stripe| {
        let customer = stripe.customer(Some("user_ada"));
        stripe.tell(&["customer.created"], &customer);
        stripe.wait(10);
        stripe.rename_customer(&customer, Some("user_bela"));
        stripe.tell(&["customer.updated"], &customer);
        stripe.delete_customer(&customer);
        stripe.tell(&["customer.deleted"], &customer);
    }),
];

/// A payment, part of which is given back.
fn refunded(stripe: &mut Stripe, part: i64) {
    let (_, charge) = stripe.paid(Asked::of(5_000).by("user_ada"));
    stripe.wait(60);
    stripe.give_back(&charge, part, "succeeded");
}
