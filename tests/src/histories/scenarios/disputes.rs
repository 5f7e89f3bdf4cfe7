//! Disputes: every end that one can take, and those that it can take twice.

use super::super::{Asked, Scenario, Stripe};
use super::scenario;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("dispute won with withdrawal and reinstatement", |stripe| {
        let dispute = disputed(stripe);
        stripe.submit_evidence(&dispute, "under_review");
        stripe.tell(&["charge.dispute.updated"], &dispute);
        stripe.wait(60);
        stripe.dispute_becomes(&dispute, "won");
        stripe.tell(&["charge.dispute.updated", "charge.dispute.closed"], &dispute);
        stripe.wait(3);
        stripe.reinstate(&dispute);
        stripe.tell(&["charge.dispute.funds_reinstated"], &dispute);
    }),
    scenario("dispute lost", |stripe| {
        let dispute = disputed(stripe);
        stripe.decide(&dispute, "lost");
        stripe.tell(&["charge.dispute.updated"], &dispute);
    }),
    scenario("a late win", |stripe| {
        let dispute = disputed(stripe);
        stripe.decide(&dispute, "lost");
        stripe.wait(60);
        stripe.decide(&dispute, "won");
    }),
    scenario("money comes back and it stays lost", |stripe| {
        let dispute = disputed(stripe);
        stripe.decide(&dispute, "lost");
        stripe.wait(60);
        stripe.reinstate(&dispute);
        stripe.tell(&["charge.dispute.funds_reinstated"], &dispute);
    }),
    scenario("inquiry closed", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(7_000).by("user_ada"));
        stripe.wait(60);
        let inquiry = stripe.dispute(&charge, "warning_needs_response");
        stripe.tell(&["charge.dispute.created"], &inquiry);
        stripe.wait(60);
        stripe.submit_evidence(&inquiry, "warning_under_review");
        stripe.tell(&["charge.dispute.updated"], &inquiry);
        stripe.wait(60);
        stripe.decide(&inquiry, "warning_closed");
    }),
    scenario("inquiry escalated", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(7_000).by("user_ada"));
        stripe.wait(60);
        let inquiry = stripe.dispute(&charge, "warning_needs_response");
        stripe.tell(&["charge.dispute.created"], &inquiry);
        stripe.wait(60);
        stripe.dispute_becomes(&inquiry, "needs_response");
        stripe.withdraw(&inquiry);
        stripe.tell(&["charge.dispute.updated", "charge.dispute.funds_withdrawn"], &inquiry);
    }),
    scenario("dispute prevented", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(7_000).by("user_ada"));
        let dispute = stripe.dispute(&charge, "needs_response");
        stripe.tell(&["charge.dispute.created"], &dispute);
        stripe.wait(60);
        stripe.give_back(&charge, 7_000, "succeeded");
        stripe.decide(&dispute, "prevented");
    }),
    scenario("lost, appealed, and won", |stripe| {
        let dispute = disputed(stripe);
        for status in ["lost", "appeal_needs_response", "appeal_under_review"] {
            stripe.dispute_becomes(&dispute, status);
            stripe.tell(&["charge.dispute.updated"], &dispute);
            stripe.wait(60);
        }
        stripe.decide(&dispute, "won");
    }),
    scenario("lost, appeal under review, lost again", |stripe| {
        let dispute = disputed(stripe);
        for status in ["lost", "appeal_under_review", "lost"] {
            stripe.wait(60);
            stripe.dispute_becomes(&dispute, status);
            let kind = if status == "lost" { "charge.dispute.closed" } else { "charge.dispute.updated" };
            stripe.tell(&[kind], &dispute);
        }
    }),
    scenario("dispute on a refunded charge", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(7_000).by("user_ada").on("own_refunded", Some(7_000)));
        stripe.wait(60);
        stripe.give_back(&charge, 7_000, "succeeded");
        stripe.wait(60);
        let dispute = stripe.charge_back(&charge);
        stripe.wait(60);
        stripe.decide(&dispute, "won");
    }),
    scenario("two disputes of one payment", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(7_000).by("user_ada").on("own_twice", Some(7_000)));
        stripe.wait(60);
        for (amount, end) in [(3_000, "lost"), (4_000, "won")] {
            stripe.wait(60);
            let dispute = stripe.dispute(&charge, "needs_response");
            stripe.dispute_mut(&dispute).amount = amount;
            stripe.tell(&["charge.dispute.created"], &dispute);
            stripe.wait(60);
            stripe.decide(&dispute, end);
        }
    }),
    scenario("a dispute that was lost when it was made", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(7_000).by("user_ada"));
        stripe.wait(60);
        let dispute = stripe.dispute(&charge, "lost");
        stripe.withdraw(&dispute);
        stripe.tell(&["charge.dispute.created", "charge.dispute.closed"], &dispute);
    }),
    scenario("a dispute with a status that nobody knows", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(7_000).by("user_ada").on("own_odd", Some(7_000)));
        let dispute = stripe.dispute(&charge, "needs_response");
        stripe.tell(&["charge.dispute.created"], &dispute);
        stripe.wait(60);
        stripe.dispute_becomes(&dispute, "needs_prayer");
        stripe.tell(&["charge.dispute.updated"], &dispute);
    }),
    scenario("a dispute above the charge, and one in another currency", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(7_000).by("user_ada"));
        for (amount, currency) in [(7_400, "usd"), (6_000, "eur")] {
            let dispute = stripe.dispute(&charge, "needs_response");
            stripe.dispute_mut(&dispute).amount = amount;
            stripe.dispute_mut(&dispute).currency = currency;
            stripe.tell(&["charge.dispute.created"], &dispute);
        }
    }),
    scenario("evidence is staged, and then sent", |stripe| {
        let dispute = disputed(stripe);
        stripe.dispute_mut(&dispute).staged = true;
        stripe.tell(&["charge.dispute.updated"], &dispute);
        stripe.wait(60);
        stripe.submit_evidence(&dispute, "under_review");
        stripe.tell(&["charge.dispute.updated"], &dispute);
    }),
    scenario("early fraud warning", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(7_000).by("user_ada"));
        stripe.wait(60);
        let warning = stripe.warning(&charge);
        stripe.tell(&["radar.early_fraud_warning.created"], &warning);
        stripe.wait(60);
        stripe.give_back(&charge, 7_000, "succeeded");
        stripe.resolve_warning(&warning);
        stripe.tell(&["radar.early_fraud_warning.updated"], &warning);
    }),
];

/// A chargeback on a payment for an invoice of the merchant's own.
fn disputed(stripe: &mut Stripe) -> String {
    let (_, charge) = stripe.paid(Asked::of(7_000).by("user_ada").on("own_disputed", Some(7_000)));
    stripe.wait(60);
    let dispute = stripe.charge_back(&charge);
    stripe.wait(60);
    dispute
}
