//! What an invoice's money adds up to: several payments, refunds and disputes over one invoice.

use super::super::{Asked, Decline, Plot, Stripe};
use super::plot;

pub(super) const PLOTS: &[Plot] = &[
    plot("partial payments through invoice_payment", |stripe| {
        stripe.lists_payments = false;
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 5_000);
        for part in [2_000, 3_000] {
            stripe.wait(30);
            let (payment, _) = stripe.paid(Asked::of(part).from(&customer));
            let link = stripe.pays(&payment, &invoice, part);
            let kind = if part == 3_000 { "invoice.paid" } else { "invoice.updated" };
            stripe.tell(&[kind], &invoice);
            stripe.tell_link(&link);
        }
    }),
    plot("the merchant's own invoice, paid in parts", |stripe| {
        for part in [400, 600] {
            stripe.wait(30);
            stripe.paid(Asked::of(part).by("user_ada").on("own_parts", Some(1_000)));
        }
    }),
    plot("the merchant's own invoice, half paid", |stripe| {
        stripe.paid(Asked::of(400).by("user_ada").on("own_half", Some(1_000)));
        let second = stripe.payment(Asked::of(600).by("user_ada").on("own_half", Some(1_000)));
        stripe.wait(60);
        stripe.is_declined(&second, Decline::INSUFFICIENT);
    }),
    plot("the merchant's own invoice, declined, and its payment canceled", |stripe| {
        let payment = stripe.payment(Asked::of(1_000).by("user_ada").on("own_declined", Some(1_000)));
        stripe.is_declined(&payment, Decline::INSUFFICIENT);
        stripe.wait(60);
        stripe.becomes(&payment, "canceled");
        stripe.tell(&["payment_intent.canceled"], &payment);
    }),
    plot("the merchant's own invoice, declined, then half paid", |stripe| {
        let payment = stripe.payment(Asked::of(500).by("user_ada").on("own_slow", Some(1_000)));
        stripe.is_declined(&payment, Decline::INSUFFICIENT);
        stripe.wait(60);
        stripe.is_paid(&payment);
    }),
    plot("paid, refunded in part, then in full", |stripe| {
        let (charge, _) = settled(stripe, 4_000);
        stripe.gives_back(&charge, 1_500, "succeeded");
        stripe.wait(60);
        stripe.gives_back(&charge, 2_500, "succeeded");
    }),
    plot("paid, and part of it refunded", |stripe| {
        let (charge, _) = settled(stripe, 4_000);
        stripe.gives_back(&charge, 1_500, "succeeded");
    }),
    plot("paid, disputed, and won", |stripe| {
        let (charge, _) = settled(stripe, 4_000);
        let dispute = stripe.charges_back(&charge);
        stripe.wait(60);
        stripe.is_decided(&dispute, "won");
    }),
    plot("an inquiry makes the invoice disputed", |stripe| {
        let (charge, _) = settled(stripe, 4_000);
        let inquiry = stripe.dispute(&charge, "warning_needs_response");
        stripe.tell(&["charge.dispute.created"], &inquiry);
    }),
    plot("a part is lost", |stripe| {
        let (charge, _) = settled(stripe, 4_000);
        let dispute = stripe.dispute(&charge, "needs_response");
        stripe.disputed(&dispute).amount = 1_000;
        stripe.tell(&["charge.dispute.created"], &dispute);
        stripe.wait(60);
        stripe.is_decided(&dispute, "lost");
    }),
];

/// A paid invoice, told by its shortest story. Gives the charge and the invoice.
fn settled(stripe: &mut Stripe, amount: i64) -> (String, String) {
    let customer = stripe.customer(Some("user_ada"));
    let invoice = stripe.invoice(&customer, amount);
    stripe.invoice_becomes(&invoice, "open");
    let (payment, charge) = stripe.paid(Asked::of(amount).from(&customer).by("user_ada"));
    let link = stripe.pays(&payment, &invoice, amount);
    stripe.tell(&["invoice.paid"], &invoice);
    stripe.tell_link(&link);
    stripe.wait(60);
    (charge, invoice)
}
