//! The event types with their own metric label: those with a rule. All others are counted together, so
//! that invented types cannot create time series.

/// Sorted, so that a label is found by bisection.
pub const LABELLED: &[&str] = &[
    "charge.captured",
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.expired",
    "charge.failed",
    "charge.pending",
    "charge.refund.updated",
    "charge.refunded",
    "charge.succeeded",
    "charge.updated",
    "customer.created",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.created",
    "invoice.deleted",
    "invoice.finalization_failed",
    "invoice.finalized",
    "invoice.marked_uncollectible",
    "invoice.overdue",
    "invoice.overpaid",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.payment_succeeded",
    "invoice.sent",
    "invoice.updated",
    "invoice.voided",
    "invoice.will_be_due",
    "invoice_payment.paid",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.created",
    "payment_intent.partially_funded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payout.canceled",
    "payout.created",
    "payout.failed",
    "payout.paid",
    "payout.reconciliation_completed",
    "payout.updated",
    "radar.early_fraud_warning.created",
    "radar.early_fraud_warning.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
];

/// For every type that is not in the list.
pub const OTHER: &str = "other";

/// The label of a type.
pub fn label(kind: &str) -> &'static str {
    LABELLED.binary_search(&kind).map_or(OTHER, |place| LABELLED[place])
}

/// The label of Stripe's two modes.
pub fn mode(livemode: bool) -> &'static str {
    if livemode { "live" } else { "test" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_every_type_of_it_is_its_own_label() {
        assert!(LABELLED.is_sorted());
        assert!(LABELLED.iter().all(|kind| label(kind) == *kind));
        for kind in ["", "charge", "charge.succeeded.", "v2.core.account[requirements].updated", "zzz"] {
            assert_eq!(label(kind), OTHER);
        }
    }
}
