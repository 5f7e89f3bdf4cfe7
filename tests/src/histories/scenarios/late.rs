//! Stamps that lie: an earlier report is stamped after the last one, and the class of its status still tells
//! that it is not the end.

use super::super::{Asked, Scenario};
use super::scenario;

const LATE_SECS: i64 = 3_600;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("a payment's earlier report is stamped later", |stripe| {
        let payment = stripe.payment(Asked::of(4_000).by("user_ada"));
        let charge = stripe.succeed(&payment);
        stripe.pend(&payment);
        stripe.tell(&["charge.pending"], &charge);
        stripe.stamp_late(LATE_SECS);
        stripe.tell(&["payment_intent.processing"], &payment);
        stripe.stamp_late(LATE_SECS);
        stripe.wait(60);
        stripe.clear(&payment);
        stripe.tell(&["charge.succeeded"], &charge);
        stripe.tell(&["payment_intent.succeeded"], &payment);
    }),
    scenario("an invoice's earlier reports are stamped later", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.invoice(&customer, 900);
        stripe.tell(&["invoice.created"], &invoice);
        stripe.stamp_late(LATE_SECS);
        stripe.invoice_becomes(&invoice, "open");
        stripe.tell(&["invoice.finalized"], &invoice);
        stripe.stamp_late(LATE_SECS);
        stripe.wait(60);
        let (payment, _) = stripe.paid(Asked::of(900).from(&customer));
        stripe.settle_invoice(&payment, &invoice);
    }),
    scenario("a void invoice's draft is stamped later", |stripe| {
        let customer = stripe.customer(None);
        let invoice = stripe.invoice(&customer, 900);
        stripe.tell(&["invoice.created"], &invoice);
        stripe.stamp_late(LATE_SECS);
        stripe.invoice_becomes(&invoice, "void");
        stripe.tell(&["invoice.voided"], &invoice);
    }),
    scenario("a refund's earlier reports are stamped later", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(5_000).by("user_ada"));
        let refund = stripe.refund(&charge, 2_000, "pending");
        for (kind, status) in
            [("refund.created", "pending"), ("refund.updated", "succeeded"), ("refund.failed", "failed")]
        {
            stripe.wait(60);
            stripe.refund_becomes(&refund, status);
            stripe.tell(&[kind], &refund);
            if status != "failed" {
                stripe.stamp_late(LATE_SECS);
            }
        }
    }),
    scenario("a dispute's earlier report is stamped later", |stripe| {
        let (_, charge) = stripe.paid(Asked::of(5_000).by("user_ada"));
        let dispute = stripe.dispute(&charge, "needs_response");
        stripe.tell(&["charge.dispute.created"], &dispute);
        stripe.stamp_late(LATE_SECS);
        stripe.wait(60);
        stripe.decide(&dispute, "lost");
    }),
    scenario("what was ended is reported as living, stamped later", |stripe| {
        let customer = stripe.customer(Some("user_ada"));
        stripe.tell(&["customer.created"], &customer);
        stripe.stamp_late(LATE_SECS);
        let subscription = stripe.subscription(&customer, "active");
        stripe.tell(&["customer.subscription.updated"], &subscription);
        stripe.stamp_late(LATE_SECS);
        stripe.wait(60);
        stripe.renew(&subscription, "canceled");
        stripe.tell(&["customer.subscription.deleted"], &subscription);
        stripe.delete_customer(&customer);
        stripe.tell(&["customer.deleted"], &customer);
    }),
];
