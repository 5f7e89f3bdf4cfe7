//! An invoice's own life, and the plan of retries when its payments fail.

use super::super::stripe::DAY_SECS;
use super::super::{Asked, Decline, Plot, Stripe};
use super::plot;

pub(super) const PLOTS: &[Plot] = &[
    plot("invoice happy in one second", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.invoice(&customer, 3_300);
        stripe.tell(&["invoice.created"], &invoice);
        stripe.invoice_becomes(&invoice, "open");
        stripe.tell(&["invoice.finalized"], &invoice);
        let payment = stripe.payment(Asked::of(3_300).from(&customer));
        stripe.is_for(&payment, &invoice);
        stripe.tell(&["payment_intent.created"], &payment);
        stripe.is_paid(&payment);
        stripe.settles(&payment, &invoice);
    }),
    plot("fail, fail, paid", |stripe| {
        let (payment, invoice) = failing(stripe, 2_000, &[(Decline::INSUFFICIENT, 3), (Decline::GENERIC, 7)]);
        stripe.is_paid(&payment);
        stripe.settles(&payment, &invoice);
    }),
    plot("one failure, and its retry is planned", |stripe| {
        failing(stripe, 2_000, &[(Decline::INSUFFICIENT, 1)]);
    }),
    plot("two failures, and Stripe itself plans", |stripe| {
        let (_, invoice) = failing(stripe, 2_000, &[(Decline::INSUFFICIENT, 3)]);
        let next = stripe.now + 5 * DAY_SECS;
        stripe.bill(&invoice).next_attempt = Some(next);
        let payment = stripe.bill(&invoice).payments[0].clone();
        stripe.is_declined(&payment, Decline::INSUFFICIENT);
        stripe.attempt_failed(&invoice);
    }),
    plot("expired_card forbids the plan", |stripe| {
        failing(stripe, 2_000, &[(Decline::INSUFFICIENT, 3), (Decline::EXPIRED, 1)]);
    }),
    plot("a stolen card forbids it by the bank's code", |stripe| {
        failing(stripe, 2_000, &[(Decline::STOLEN, 1)]);
    }),
    plot("four failures make overdue", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 2_000);
        let payment = stripe.payment(Asked::of(2_000).from(&customer));
        stripe.is_for(&payment, &invoice);
        for days in [3, 7, 14, 1] {
            stripe.wait(60);
            stripe.fail(&payment, Decline::INSUFFICIENT);
            stripe.tell(&["payment_intent.payment_failed"], &payment);
            stripe.lists_payments = true;
            stripe.attempt_failed(&invoice);
            stripe.wait(days * DAY_SECS);
        }
    }),
    plot("only invoice.payment_failed tells of it", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 2_000);
        for _ in 0..2 {
            stripe.wait(DAY_SECS);
            stripe.attempt_failed(&invoice);
        }
    }),
    plot("uncollectible, then paid", |stripe| {
        let (payment, invoice) = failing(stripe, 900, &[(Decline::INSUFFICIENT, 3)]);
        stripe.invoice_becomes(&invoice, "uncollectible");
        stripe.tell(&["invoice.marked_uncollectible"], &invoice);
        stripe.wait(60);
        stripe.is_paid(&payment);
        stripe.settles(&payment, &invoice);
    }),
    plot("overdue by Stripe's word, then uncollectible", |stripe| {
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
    plot("overdue by Stripe's word", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 900);
        stripe.wait(30 * DAY_SECS);
        stripe.tell(&["invoice.overdue"], &invoice);
        stripe.wait(60);
        stripe.tell(&["invoice.updated"], &invoice);
    }),
    plot("draft deleted", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.invoice(&customer, 900);
        stripe.tell(&["invoice.created"], &invoice);
        stripe.wait(10);
        stripe.bill(&invoice).amount = 800;
        stripe.tell(&["invoice.updated"], &invoice);
        stripe.wait(10);
        stripe.invoice_becomes(&invoice, "deleted");
        stripe.tell(&["invoice.deleted"], &invoice);
    }),
    plot("voided after a failure", |stripe| {
        let (_, invoice) = failing(stripe, 900, &[(Decline::INSUFFICIENT, 3)]);
        stripe.invoice_becomes(&invoice, "void");
        stripe.tell(&["invoice.voided"], &invoice);
    }),
    plot("a subscription's life", |stripe| {
        let customer = stripe.customer(None);
        let subscription = stripe.subscription(&customer, "incomplete");
        stripe.tell(&["customer.subscription.created"], &subscription);
        let invoice = stripe.invoice(&customer, 1_900);
        stripe.bill(&invoice).subscription = Some(subscription.clone());
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
    stripe.is_for(&payment, &invoice);
    for (decline, days) in failures {
        stripe.wait(60);
        stripe.is_declined(&payment, *decline);
        stripe.attempt_failed(&invoice);
        stripe.wait(days * DAY_SECS);
    }
    (payment, invoice)
}
