//! A payment's own life: its statuses cycle until it succeeded or was canceled, and a decline is one failure
//! however many events tell of it.

use super::super::{Asked, Decline, Scenario, Stripe};
use super::scenario;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("payment fails and succeeds in one second", |stripe| {
        let payment = stripe.payment(Asked::of(4_000).by("user_ada"));
        stripe.tell(&["payment_intent.created"], &payment);
        stripe.decline(&payment, Decline::INSUFFICIENT);
        stripe.pay(&payment);
    }),
    scenario("payment cycles and is canceled", |stripe| {
        let payment = stripe.payment(Asked::of(4_000));
        for (kind, status) in [
            ("payment_intent.requires_action", "requires_action"),
            ("payment_intent.processing", "processing"),
            ("payment_intent.requires_action", "requires_action"),
            ("payment_intent.canceled", "canceled"),
        ] {
            stripe.wait(20);
            stripe.becomes(&payment, status);
            stripe.tell(&[kind], &payment);
        }
    }),
    scenario("authorized, and captured in part", |stripe| {
        let payment = stripe.payment(Asked::of(9_000).in_currency("jpy"));
        let charge = stripe.authorize(&payment);
        stripe.tell(&["payment_intent.amount_capturable_updated"], &payment);
        stripe.tell(&["charge.succeeded"], &charge);
        stripe.wait(60);
        stripe.capture(&payment, 5_500);
        stripe.tell(&["charge.captured"], &charge);
        stripe.tell(&["payment_intent.succeeded"], &payment);
    }),
    scenario("one decline under three ids", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 2_000);
        let payment = stripe.payment(Asked::of(2_000).from(&customer));
        stripe.assign(&payment, &invoice);
        stripe.wait(5);
        stripe.decline(&payment, Decline::GENERIC);
        stripe.attempt_failed(&invoice);
        // The charge tells of it later once more.
        stripe.wait(5);
        let charge = stripe.payments[&payment].charge.clone().expect("it was tried");
        stripe.tell(&["charge.updated"], &charge);
        stripe.tell_first_link(&payment, &invoice);
    }),
    scenario("declined without a charge, then canceled", |stripe| {
        let payment = stripe.payment(Asked::of(700).by("user_ada"));
        stripe.fail_without_charge(&payment, Decline::PROCESSING);
        stripe.tell(&["payment_intent.payment_failed"], &payment);
        stripe.wait(30);
        stripe.fail_without_charge(&payment, Decline::PROCESSING);
        stripe.tell(&["payment_intent.payment_failed"], &payment);
        stripe.wait(30);
        // It still shows the error, which is no third failure.
        stripe.becomes(&payment, "canceled");
        stripe.tell(&["payment_intent.canceled"], &payment);
    }),
    scenario("a bank debit is pending, and fails", |stripe| {
        let payment = stripe.payment(Asked::of(12_000));
        let charge = stripe.succeed(&payment);
        stripe.pend(&payment);
        stripe.tell(&["payment_intent.processing"], &payment);
        stripe.tell(&["charge.pending"], &charge);
        stripe.wait(3 * 86_400);
        stripe.bounce(&payment, Decline::INSUFFICIENT);
        stripe.tell(&["charge.failed"], &charge);
        stripe.tell(&["payment_intent.payment_failed"], &payment);
    }),
    scenario("a status that nobody knows", |stripe| {
        let payment = stripe.payment(Asked::of(1_500));
        stripe.tell(&["payment_intent.created"], &payment);
        stripe.wait(10);
        stripe.becomes(&payment, "requires_divination");
        stripe.tell(&["payment_intent.processing"], &payment);
    }),
];

impl Stripe {
    /// Who pays an invoice is told again by an invoice in the shapes that name payments.
    fn tell_first_link(&mut self, payment: &str, invoice: &str) {
        if !self.payments[payment].invoice_told {
            self.lists_payments = true;
            self.tell(&["invoice.updated"], invoice);
        }
    }
}
