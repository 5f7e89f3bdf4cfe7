//! The statuses that we know, by kind of object. Any other is kept as text and is legal; it shows in a metric,
//! for Stripe then says something that no rule was written for.

use super::bans::{self, Ban};
use super::charges::Charge;
use super::disputes::{self, Dispute};
use super::invoices::{self, Invoice};
use super::payments::Payment;
use super::refunds::Refund;
use super::subscriptions::Subscription;
use super::{Object, UNKNOWN};

/// The label of every status that is not in the lists.
pub const OTHER: &str = "other";

/// Stripe's, of payments.
pub const PAYMENT: &[&str] = &[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "canceled",
];
const CHARGE: &[&str] = &["pending", "succeeded", "failed"];
/// Stripe's, of refunds.
pub const REFUND: &[&str] = &["pending", "requires_action", "succeeded", "failed", "canceled"];
const STRIPES_DISPUTE: &[&str] = disputes::STATUSES;
const STRIPES_INVOICE: &[&str] = invoices::STATUSES;
const SUBSCRIPTION: &[&str] =
    &["incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused"];

/// The kinds whose steps the audit tells, with the statuses that they step to: our own view of disputes,
/// invoices and bans, Stripe's words for the others.
pub fn told() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        (Payment::KIND, PAYMENT.to_vec()),
        (Refund::KIND, REFUND.to_vec()),
        (Subscription::KIND, SUBSCRIPTION.to_vec()),
        (Dispute::KIND, disputes::Status::ALL.iter().map(|status| status.as_str()).collect()),
        (Invoice::KIND, invoices::Status::ALL.iter().map(|status| status.as_str()).collect()),
        (Ban::KIND, bans::Status::ALL.iter().map(|status| status.as_str()).collect()),
    ]
}

/// The label of a status that the audit tells.
pub fn label(kind: &str, status: &str) -> &'static str {
    let of_kind = |known: &&'static str| *known == status;
    let found = match kind {
        Payment::KIND => PAYMENT.iter().copied().find(of_kind),
        Refund::KIND => REFUND.iter().copied().find(of_kind),
        Subscription::KIND => SUBSCRIPTION.iter().copied().find(of_kind),
        Dispute::KIND => disputes::Status::ALL.iter().map(|status| status.as_str()).find(of_kind),
        Invoice::KIND => invoices::Status::ALL.iter().map(|status| status.as_str()).find(of_kind),
        Ban::KIND => bans::Status::ALL.iter().map(|status| status.as_str()).find(of_kind),
        _ => None,
    };
    found.unwrap_or(OTHER)
}

/// Whether a status is one of Stripe's that the rules were written for; nothing reported yet is.
pub fn is_known(kind: &str, status: &str) -> bool {
    let known = match kind {
        Payment::KIND => PAYMENT,
        Charge::KIND => CHARGE,
        Refund::KIND => REFUND,
        Dispute::KIND => STRIPES_DISPUTE,
        Invoice::KIND => STRIPES_INVOICE,
        Subscription::KIND => SUBSCRIPTION,
        _ => return true,
    };
    known.contains(&status) || status == UNKNOWN || status.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_that_is_told_is_its_own_label() {
        for (kind, statuses) in told() {
            assert!(statuses.iter().all(|status| label(kind, status) == *status), "{kind}");
            assert_eq!(label(kind, "pondering"), OTHER);
        }
        assert!(is_known("payment", "succeeded") && !is_known("payment", "pondering"));
    }
}
