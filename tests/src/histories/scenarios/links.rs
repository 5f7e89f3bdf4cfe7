//! Who belongs to whom: links that come late, change, or are missing from the fresher report.

use super::super::{Asked, Decline, Scenario};
use super::scenario;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("three reports with links A, B, none", |stripe| {
        let payment = stripe.payment(Asked::of(3_000).on("own_a", Some(3_000)));
        stripe.tell(&["payment_intent.created"], &payment);
        stripe.wait(10);
        stripe.names_own_invoice(&payment, Some("own_b"));
        stripe.becomes(&payment, "requires_action");
        stripe.tell(&["payment_intent.requires_action"], &payment);
        stripe.wait(10);
        stripe.names_own_invoice(&payment, None);
        stripe.pay(&payment);
    }),
    scenario("metadata's invoice first, Stripe's link later", |stripe| {
        let customer = stripe.customer(Some("user_ada"));
        let payment = stripe.payment(Asked::of(2_500).from(&customer).on("own_first", Some(2_500)));
        stripe.tell(&["payment_intent.created"], &payment);
        stripe.wait(10);
        stripe.decline(&payment, Decline::INSUFFICIENT);
        stripe.wait(10);
        let invoice = stripe.billed(&customer, 2_500);
        stripe.assign(&payment, &invoice);
        stripe.pay(&payment);
        stripe.wait(5);
        stripe.settle_invoice(&payment, &invoice);
    }),
    scenario("dispute, charge, payment and invoice", |stripe| {
        let customer = stripe.customer(Some("user_ada"));
        stripe.tell(&["customer.created"], &customer);
        let invoice = stripe.billed(&customer, 8_000);
        let payment = stripe.payment(Asked::of(8_000).from(&customer));
        stripe.assign(&payment, &invoice);
        let charge = stripe.pay(&payment);
        stripe.wait(5);
        stripe.settle_invoice(&payment, &invoice);
        stripe.wait(60);
        let dispute = stripe.charge_back(&charge);
        stripe.wait(60);
        stripe.decide(&dispute, "lost");
    }),
    scenario("a charge without a payment intent, refunded and disputed", |stripe| {
        let charge = stripe.direct_charge(Asked::of(6_000).by("user_ada"));
        stripe.tell(&["charge.succeeded"], &charge);
        stripe.wait(60);
        stripe.give_back(&charge, 1_000, "succeeded");
        stripe.wait(60);
        let dispute = stripe.charge_back(&charge);
        stripe.wait(60);
        stripe.decide(&dispute, "lost");
    }),
    scenario("children long before their parents", |stripe| {
        let customer = stripe.customer(Some("user_ada"));
        let payment = stripe.payment(Asked::of(5_000).from(&customer).on("own_late", None));
        let charge = stripe.succeed(&payment);
        let dispute = stripe.dispute(&charge, "needs_response");
        stripe.tell(&["charge.dispute.created"], &dispute);
        let refund = stripe.refund(&charge, 500, "succeeded");
        stripe.tell(&["refund.created"], &refund);
        stripe.tell(&["charge.updated"], &charge);
        stripe.wait(20);
        stripe.tell(&["payment_intent.succeeded"], &payment);
        stripe.wait(20);
        stripe.tell(&["customer.updated"], &customer);
    }),
    scenario("an invoice moves to another payment", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 1_200);
        let first = stripe.payment(Asked::of(1_200).from(&customer));
        stripe.assign(&first, &invoice);
        stripe.decline(&first, Decline::INSUFFICIENT);
        stripe.attempt_failed(&invoice);
        stripe.wait(60);
        stripe.becomes(&first, "canceled");
        stripe.tell(&["payment_intent.canceled"], &first);
        let second = stripe.payment(Asked::of(1_200).from(&customer));
        stripe.pay(&second);
        stripe.settle_invoice(&second, &invoice);
    }),
];
