//! An invoice's own life, and the plan of retries when its payments fail.

use super::super::stripe::DAY_SECS;
use super::super::{Asked, Decline, Scenario, Stripe};
use super::scenario;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("invoice happy in one second", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.invoice(&customer, 3_300);
        stripe.tell(&["invoice.created"], &invoice);
        stripe.invoice_becomes(&invoice, "open");
        stripe.tell(&["invoice.finalized"], &invoice);
        let payment = stripe.payment(Asked::of(3_300).from(&customer));
        stripe.assign(&payment, &invoice);
        stripe.tell(&["payment_intent.created"], &payment);
        stripe.pay(&payment);
        stripe.settle_invoice(&payment, &invoice);
    }),
    scenario("fail, fail, paid", |stripe| {
        let (payment, invoice) = failing(stripe, 2_000, &[(Decline::INSUFFICIENT, 3), (Decline::GENERIC, 7)]);
        stripe.pay(&payment);
        stripe.settle_invoice(&payment, &invoice);
    }),
    scenario("one failure, and its retry is planned", |stripe| {
        failing(stripe, 2_000, &[(Decline::INSUFFICIENT, 1)]);
    }),
    scenario("two failures, and Stripe itself plans", |stripe| {
        let (_, invoice) = failing(stripe, 2_000, &[(Decline::INSUFFICIENT, 3)]);
        let next = stripe.now + 5 * DAY_SECS;
        stripe.invoice_mut(&invoice).next_attempt = Some(next);
        let payment = stripe.invoice_mut(&invoice).payments[0].clone();
        stripe.decline(&payment, Decline::INSUFFICIENT);
        stripe.attempt_failed(&invoice);
    }),
    scenario("expired_card forbids the plan", |stripe| {
        failing(stripe, 2_000, &[(Decline::INSUFFICIENT, 3), (Decline::EXPIRED, 1)]);
    }),
    scenario("a stolen card forbids it by the bank's code", |stripe| {
        failing(stripe, 2_000, &[(Decline::STOLEN, 1)]);
    }),
    scenario("four failures make overdue", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 2_000);
        let payment = stripe.payment(Asked::of(2_000).from(&customer));
        stripe.assign(&payment, &invoice);
        for days in [3, 7, 14, 1] {
            stripe.wait(60);
            stripe.fail(&payment, Decline::INSUFFICIENT);
            stripe.tell(&["payment_intent.payment_failed"], &payment);
            stripe.lists_payments = true;
            stripe.attempt_failed(&invoice);
            stripe.wait(days * DAY_SECS);
        }
    }),
    scenario("only invoice.payment_failed tells of it", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 2_000);
        for _ in 0..2 {
            stripe.wait(DAY_SECS);
            stripe.attempt_failed(&invoice);
        }
    }),
    scenario("uncollectible, then paid", |stripe| {
        let (payment, invoice) = failing(stripe, 900, &[(Decline::INSUFFICIENT, 3)]);
        stripe.invoice_becomes(&invoice, "uncollectible");
        stripe.tell(&["invoice.marked_uncollectible"], &invoice);
        stripe.wait(60);
        stripe.pay(&payment);
        stripe.settle_invoice(&payment, &invoice);
    }),
    scenario("overdue by Stripe's word, then uncollectible", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 900);
        stripe.tell(&["invoice.sent"], &invoice);
        stripe.wait(30 * DAY_SECS);
        stripe.tell(&["invoice.overdue"], &invoice);
        stripe.wait(60);
        stripe.tell(&["invoice.updated"], &invoice);
        stripe.wait(60);
        stripe.invoice_becomes(&invoice, "uncollectible");
        stripe.tell(&["invoice.marked_uncollectible"], &invoice);
    }),
    scenario("overdue by Stripe's word", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 900);
        stripe.wait(30 * DAY_SECS);
        stripe.tell(&["invoice.overdue"], &invoice);
        stripe.wait(60);
        stripe.tell(&["invoice.updated"], &invoice);
    }),
    scenario("draft deleted", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.invoice(&customer, 900);
        stripe.tell(&["invoice.created"], &invoice);
        stripe.wait(10);
        stripe.invoice_mut(&invoice).amount = 800;
        stripe.tell(&["invoice.updated"], &invoice);
        stripe.wait(10);
        stripe.invoice_becomes(&invoice, "deleted");
        stripe.tell(&["invoice.deleted"], &invoice);
    }),
    scenario("voided after a failure", |stripe| {
        let (_, invoice) = failing(stripe, 900, &[(Decline::INSUFFICIENT, 3)]);
        stripe.invoice_becomes(&invoice, "void");
        stripe.tell(&["invoice.voided"], &invoice);
    }),
    scenario("a subscription's life", |stripe| {
        let customer = stripe.customer(None);
        let subscription = stripe.subscription(&customer, "incomplete");
        stripe.tell(&["customer.subscription.created"], &subscription);
        let invoice = stripe.invoice(&customer, 1_900);
        stripe.invoice_mut(&invoice).subscription = Some(subscription.clone());
        stripe.invoice_becomes(&invoice, "open");
        stripe.tell(&["invoice.finalized"], &invoice);
        for (kind, status) in [
            ("customer.subscription.updated", "active"),
            ("customer.subscription.updated", "past_due"),
            ("customer.subscription.paused", "paused"),
            ("customer.subscription.resumed", "active"),
            ("customer.subscription.deleted", "canceled"),
        ] {
            stripe.wait(60);
            stripe.renew(&subscription, status);
            stripe.tell(&[kind], &subscription);
        }
    }),
];

/// An open invoice of which one payment fails again and again, so many days apart.
fn failing(stripe: &mut Stripe, amount: i64, failures: &[(Decline, i64)]) -> (String, String) {
    let customer = stripe.customer(None);
    // Who pays is told by the invoice itself, for there is no link's object before anything is paid.
    stripe.lists_payments = true;
    let invoice = stripe.billed(&customer, amount);
    let payment = stripe.payment(Asked::of(amount).from(&customer));
    stripe.assign(&payment, &invoice);
    for (decline, days) in failures {
        stripe.wait(60);
        stripe.decline(&payment, *decline);
        stripe.attempt_failed(&invoice);
        stripe.wait(days * DAY_SECS);
    }
    (payment, invoice)
}
