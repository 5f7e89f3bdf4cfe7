//! What an invoice's money adds up to: several payments, refunds and disputes over one invoice.

use super::super::{Asked, Decline, Scenario, Stripe};
use super::scenario;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("partial payments through invoice_payment", |stripe| {
        stripe.lists_payments = false;
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 5_000);
        for part in [2_000, 3_000] {
            stripe.wait(30);
            let (payment, _) = stripe.paid(Asked::of(part).from(&customer));
            let link = stripe.pay_invoice(&payment, &invoice, part);
            let kind = if part == 3_000 { "invoice.paid" } else { "invoice.updated" };
            stripe.tell(&[kind], &invoice);
            stripe.tell_link(&link);
        }
    }),
    scenario("the merchant's own invoice, paid in parts", |stripe| {
        for part in [400, 600] {
            stripe.wait(30);
            stripe.paid(Asked::of(part).by("user_ada").on("own_parts", Some(1_000)));
        }
    }),
    scenario("the merchant's own invoice, half paid", |stripe| {
        stripe.paid(Asked::of(400).by("user_ada").on("own_half", Some(1_000)));
        let second = stripe.payment(Asked::of(600).by("user_ada").on("own_half", Some(1_000)));
        stripe.wait(60);
        stripe.decline(&second, Decline::INSUFFICIENT);
    }),
    scenario("the merchant's own invoice, declined, and its payment canceled", |stripe| {
        let payment = stripe.payment(Asked::of(1_000).by("user_ada").on("own_declined", Some(1_000)));
        stripe.decline(&payment, Decline::INSUFFICIENT);
        stripe.wait(60);
        stripe.becomes(&payment, "canceled");
        stripe.tell(&["payment_intent.canceled"], &payment);
    }),
    scenario("the merchant's own invoice, declined, then half paid", |stripe| {
        let payment = stripe.payment(Asked::of(500).by("user_ada").on("own_slow", Some(1_000)));
        stripe.decline(&payment, Decline::INSUFFICIENT);
        stripe.wait(60);
        stripe.pay(&payment);
    }),
    scenario("paid, refunded in part, then in full", |stripe| {
        let (charge, _) = settled(stripe, 4_000);
        stripe.give_back(&charge, 1_500, "succeeded");
        stripe.wait(60);
        stripe.give_back(&charge, 2_500, "succeeded");
    }),
    scenario("paid, and part of it refunded", |stripe| {
        let (charge, _) = settled(stripe, 4_000);
        stripe.give_back(&charge, 1_500, "succeeded");
    }),
    scenario("paid, disputed, and won", |stripe| {
        let (charge, _) = settled(stripe, 4_000);
        let dispute = stripe.charge_back(&charge);
        stripe.wait(60);
        stripe.decide(&dispute, "won");
    }),
    scenario("an inquiry makes the invoice disputed", |stripe| {
        let (charge, _) = settled(stripe, 4_000);
        let inquiry = stripe.dispute(&charge, "warning_needs_response");
        stripe.tell(&["charge.dispute.created"], &inquiry);
    }),
    scenario("a part is lost", |stripe| {
        let (charge, _) = settled(stripe, 4_000);
        let dispute = stripe.dispute(&charge, "needs_response");
        stripe.dispute_mut(&dispute).amount = 1_000;
        stripe.tell(&["charge.dispute.created"], &dispute);
        stripe.wait(60);
        stripe.decide(&dispute, "lost");
    }),
];

/// A paid invoice, told by its shortest story. Gives the charge and the invoice.
fn settled(stripe: &mut Stripe, amount: i64) -> (String, String) {
    let customer = stripe.customer(Some("user_ada"));
    let invoice = stripe.invoice(&customer, amount);
    stripe.invoice_becomes(&invoice, "open");
    let (payment, charge) = stripe.paid(Asked::of(amount).from(&customer).by("user_ada"));
    let link = stripe.pay_invoice(&payment, &invoice, amount);
    stripe.tell(&["invoice.paid"], &invoice);
    stripe.tell_link(&link);
    stripe.wait(60);
    (charge, invoice)
}
