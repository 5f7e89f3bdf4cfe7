//! Refunds: several, late, failing, in the wrong order, and in versions that do not itemise them.

use super::super::{ApiVersion, Asked, Scenario};
use super::scenario;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("two partial refunds", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(5_000));
        for part in [1_000, 1_500] {
            stripe.wait(60);
            let refund = stripe.give_back(&charge, part, "succeeded");
            stripe.tell(&["charge.refund.updated"], &refund);
        }
    }),
    scenario("refund pending, succeeded, failed with three ids", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(5_000));
        stripe.wait(60);
        let refund = stripe.give_back(&charge, 5_000, "pending");
        stripe.wait(60);
        stripe.refund_becomes(&refund, "succeeded");
        stripe.tell(&["refund.updated", "charge.refund.updated"], &refund);
        stripe.wait(60);
        stripe.refund_becomes(&refund, "failed");
        stripe.tell(&["refund.failed", "refund.updated", "charge.refund.updated"], &refund);
    }),
    scenario("refund succeeds and fails in one second", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(5_000));
        let refund = stripe.refund(&charge, 700, "pending");
        stripe.tell(&["refund.created"], &refund);
        stripe.refund_becomes(&refund, "succeeded");
        stripe.tell(&["refund.updated"], &refund);
        stripe.refund_becomes(&refund, "failed");
        stripe.tell(&["refund.failed"], &refund);
    }),
    scenario("refund before its charge", |stripe| {
        let payment = stripe.payment(Asked::of(5_000));
        let charge = stripe.succeed(&payment);
        let refund = stripe.refund(&charge, 5_000, "succeeded");
        stripe.tell(&["refund.created"], &refund);
        stripe.wait(10);
        stripe.tell(&["charge.refunded"], &charge);
        stripe.wait(10);
        stripe.tell(&["payment_intent.succeeded"], &payment);
    }),
    scenario("a refund fails late while another succeeded", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(5_000));
        let first = stripe.give_back(&charge, 2_000, "succeeded");
        stripe.wait(60);
        stripe.give_back(&charge, 3_000, "succeeded");
        stripe.wait(60);
        stripe.refund_becomes(&first, "failed");
        stripe.tell(&["refund.failed", "charge.refund.updated"], &first);
    }),
    scenario("a refund fails, and the charge says so", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(5_000));
        let refund = stripe.give_back(&charge, 2_000, "pending");
        stripe.wait(60);
        stripe.refund_becomes(&refund, "failed");
        stripe.tell(&["refund.failed"], &refund);
        stripe.wait(1);
        stripe.tell(&["charge.updated"], &charge);
    }),
    scenario("refund canceled", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(5_000));
        let refund = stripe.give_back(&charge, 2_000, "requires_action");
        stripe.wait(60);
        stripe.refund_becomes(&refund, "canceled");
        stripe.tell(&["refund.updated"], &refund);
    }),
    scenario("refunds that only the charge lists", |stripe| {
        stripe.version = ApiVersion::August2020;
        let (_, charge) = stripe.paid(Asked::of(5_000));
        for (part, status) in [(1_000, "succeeded"), (500, "pending")] {
            stripe.wait(60);
            stripe.refund(&charge, part, status);
            stripe.tell(&["charge.refunded"], &charge);
        }
    }),
    scenario("an unitemised refund", |stripe| {
        stripe.version = stripe.version.max(ApiVersion::November2022);
        let (_, charge) = stripe.paid(Asked::of(5_000));
        stripe.wait(60);
        stripe.refund(&charge, 1_200, "succeeded");
        stripe.tell(&["charge.refunded"], &charge);
    }),
    scenario("an unitemised refund beside an itemised one", |stripe| {
        stripe.version = stripe.version.max(ApiVersion::November2022);
        let (_, charge) = stripe.paid(Asked::of(5_000));
        let refund = stripe.give_back(&charge, 800, "succeeded");
        stripe.tell(&["charge.refund.updated"], &refund);
        stripe.wait(60);
        stripe.refund(&charge, 1_200, "succeeded");
        stripe.tell(&["charge.refunded"], &charge);
    }),
    scenario("an unitemised refund that is itemised later", |stripe| {
        stripe.version = ApiVersion::November2022;
        let (_, charge) = stripe.paid(Asked::of(5_000));
        stripe.wait(60);
        let refund = stripe.refund(&charge, 1_200, "succeeded");
        stripe.tell(&["charge.refunded"], &charge);
        stripe.wait(60);
        stripe.tell(&["charge.refund.updated"], &refund);
    }),
    scenario("refunds above what was captured", |stripe| {
        let payment = stripe.payment(Asked::of(5_000));
        let charge = stripe.authorize(&payment);
        stripe.capture(&payment, 1_000);
        stripe.tell(&["charge.captured"], &charge);
        stripe.tell(&["payment_intent.succeeded"], &payment);
        for _ in 0..2 {
            stripe.wait(60);
            stripe.give_back(&charge, 600, "succeeded");
        }
    }),
    scenario("a refund in another currency", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(5_000).in_currency("kwd"));
        let refund = stripe.refund(&charge, 600, "succeeded");
        stripe.refund_currency(&refund, "usd");
        stripe.wait(60);
        stripe.tell(&["refund.created"], &refund);
    }),
];
