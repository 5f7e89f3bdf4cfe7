//! What fails an invoice and what forbids to try again; one payment of several invoices; money that went back of
//! an invoice that was not paid.

use super::super::stripe::DAY_SECS;
use super::super::{ApiVersion, Asked, Decline, Scenario, Stripe};
use super::scenario;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("four failures that only the invoice reports", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 2_000);
        for days in [3, 7, 14, 1] {
            stripe.attempt_failed(&invoice);
            stripe.wait(days * DAY_SECS);
        }
    }),
    scenario("reports near to attempts and far from them", |stripe| {
        let (payment, invoice) = billed_to(stripe, 2_000);
        for apart in [0, 300, 301] {
            stripe.wait(DAY_SECS);
            stripe.decline(&payment, Decline::GENERIC);
            stripe.wait(apart);
            stripe.attempt_failed(&invoice);
        }
    }),
    scenario("the link comes after the failures", |stripe| {
        stripe.version = ApiVersion::Dahlia;
        stripe.lists_payments = false;
        let (payment, invoice) = billed_to(stripe, 2_000);
        for _ in 0..2 {
            stripe.wait(DAY_SECS);
            stripe.decline(&payment, Decline::INSUFFICIENT);
            stripe.attempt_failed(&invoice);
        }
        stripe.wait(DAY_SECS);
        stripe.pay(&payment);
        stripe.settle_invoice(&payment, &invoice);
    }),
    scenario("an order reference is told before its invoice", |stripe| {
        stripe.version = ApiVersion::Endive;
        stripe.lists_payments = false;
        let customer = stripe.customer(None);
        let invoice = stripe.invoice(&customer, 2_000);
        let payment = stripe.payment(Asked::of(2_000).from(&customer).on("own_9", None));
        stripe.assign(&payment, &invoice);
        stripe.decline(&payment, Decline::INSUFFICIENT);
        stripe.wait(60);
        stripe.invoice_becomes(&invoice, "open");
        stripe.tell(&["invoice.finalized"], &invoice);
        stripe.wait(60);
        stripe.attempt_failed(&invoice);
    }),
    scenario("an order reference to an invoice that nobody reports", |stripe| {
        stripe.version = ApiVersion::Endive;
        let customer = stripe.customer(None);
        let invoice = stripe.invoice(&customer, 2_000);
        let payment = stripe.payment(Asked::of(2_000).from(&customer).on("own_9", None));
        stripe.assign(&payment, &invoice);
        stripe.decline(&payment, Decline::INSUFFICIENT);
    }),
    scenario("the subscription ends, and with it the plan", |stripe| {
        let customer = stripe.customer(None);
        let subscription = stripe.subscription(&customer, "active");
        stripe.tell(&["customer.subscription.created"], &subscription);
        let (payment, invoice) = billed_to(stripe, 1_900);
        stripe.invoice_mut(&invoice).subscription = Some(subscription.clone());
        stripe.wait(60);
        stripe.decline(&payment, Decline::INSUFFICIENT);
        stripe.attempt_failed(&invoice);
        stripe.wait(DAY_SECS);
        stripe.renew(&subscription, "past_due");
        stripe.tell(&["customer.subscription.updated"], &subscription);
        stripe.wait(DAY_SECS);
        stripe.renew(&subscription, "canceled");
        stripe.tell(&["customer.subscription.deleted"], &subscription);
    }),
    scenario("failed, and the next attempt waits for the bank", |stripe| {
        let (payment, _) = failed_once(stripe);
        stripe.becomes(&payment, "processing");
        stripe.tell(&["payment_intent.processing"], &payment);
    }),
    scenario("failed, and the payment is canceled", |stripe| {
        let (payment, _) = failed_once(stripe);
        stripe.becomes(&payment, "canceled");
        stripe.tell(&["payment_intent.canceled"], &payment);
    }),
    scenario("failed, and the payment succeeded before the invoice says so", |stripe| {
        let (payment, _) = failed_once(stripe);
        stripe.pay(&payment);
    }),
    scenario("sent by mail, and tried four times", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.invoice(&customer, 2_000);
        stripe.invoice_mut(&invoice).is_sent_by_mail = true;
        stripe.invoice_becomes(&invoice, "open");
        stripe.tell(&["invoice.finalized", "invoice.sent"], &invoice);
        for _ in 0..4 {
            stripe.wait(DAY_SECS);
            stripe.attempt_failed(&invoice);
        }
    }),
    scenario("four failures while Stripe plans by itself, then no more", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 2_000);
        for last in [false, false, false, true] {
            stripe.wait(DAY_SECS);
            let next = stripe.now + DAY_SECS;
            stripe.invoice_mut(&invoice).next_attempt = Some(next);
            stripe.attempt_failed(&invoice);
            if last {
                stripe.wait(60);
                stripe.invoice_mut(&invoice).next_attempt = None;
                stripe.tell(&["invoice.updated"], &invoice);
            }
        }
    }),
    scenario("one payment of two invoices, and a third of it refunded", |stripe| {
        let (charge, _) = pays_two(stripe);
        stripe.give_back(&charge, 3_334, "succeeded");
    }),
    scenario("one payment of two invoices, charged back", |stripe| {
        let (charge, _) = pays_two(stripe);
        let dispute = stripe.charge_back(&charge);
        stripe.wait(60);
        stripe.decide(&dispute, "lost");
    }),
    scenario("one payment of two invoices, under dispute", |stripe| {
        let (charge, _) = pays_two(stripe);
        stripe.charge_back(&charge);
    }),
    scenario("an open invoice, of which a part was paid and refunded", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 1_000);
        stripe.lists_payments = true;
        let (payment, charge) = stripe.paid(Asked::of(400).from(&customer));
        stripe.wait(60);
        stripe.pay_invoice(&payment, &invoice, 400);
        stripe.tell(&["invoice.updated"], &invoice);
        stripe.wait(60);
        stripe.give_back(&charge, 400, "succeeded");
    }),
    scenario("an uncollectible invoice, of which a part was lost", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 1_000);
        stripe.lists_payments = true;
        let (payment, charge) = stripe.paid(Asked::of(400).from(&customer));
        stripe.wait(60);
        stripe.pay_invoice(&payment, &invoice, 400);
        stripe.invoice_becomes(&invoice, "uncollectible");
        stripe.tell(&["invoice.marked_uncollectible"], &invoice);
        let dispute = stripe.dispute(&charge, "needs_response");
        stripe.wait(60);
        stripe.decide(&dispute, "lost");
    }),
    scenario("paid outside of Stripe after a failure", |stripe| {
        stripe.version = ApiVersion::Acacia;
        let customer = stripe.customer(None);
        let invoice = stripe.billed(&customer, 2_000);
        stripe.wait(DAY_SECS);
        stripe.attempt_failed(&invoice);
        stripe.wait(DAY_SECS);
        stripe.invoice_mut(&invoice).is_paid_elsewhere = true;
        stripe.invoice_becomes(&invoice, "paid");
        stripe.tell(&["invoice.paid"], &invoice);
    }),
];

/// An open invoice, and the payment that is meant for it.
fn billed_to(stripe: &mut Stripe, amount: i64) -> (String, String) {
    let customer = stripe.customer(None);
    let invoice = stripe.billed(&customer, amount);
    let payment = stripe.payment(Asked::of(amount).from(&customer));
    stripe.assign(&payment, &invoice);
    (payment, invoice)
}

/// An invoice whose first attempt failed an hour ago, and says which payment is meant for it.
fn failed_once(stripe: &mut Stripe) -> (String, String) {
    stripe.lists_payments = true;
    let (payment, invoice) = billed_to(stripe, 2_000);
    stripe.wait(60);
    stripe.decline(&payment, Decline::INSUFFICIENT);
    stripe.attempt_failed(&invoice);
    stripe.wait(3_600);
    (payment, invoice)
}

/// A payment of 10,000 that pays two invoices, as is possible since 2025. Gives the charge and the payment.
fn pays_two(stripe: &mut Stripe) -> (String, String) {
    stripe.version = ApiVersion::Dahlia;
    stripe.lists_payments = false;
    let customer = stripe.customer(Some("user_ada"));
    let (payment, charge) = stripe.paid(Asked::of(10_000).from(&customer).by("user_ada"));
    for amount in [3_000, 7_000] {
        let invoice = stripe.invoice(&customer, amount);
        stripe.invoice_becomes(&invoice, "open");
        stripe.wait(60);
        let link = stripe.pay_invoice(&payment, &invoice, amount);
        stripe.tell(&["invoice.paid"], &invoice);
        stripe.tell_link(&link);
    }
    stripe.wait(60);
    (charge, payment)
}
