//! The event types that an endpoint should receive, and which of them are enough for each kind of object.
//! `tidegate events types` prints this list, and a test compares docs/events.md with it.

use std::collections::BTreeMap;

/// What is told of one kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// As people say it.
    pub object: &'static str,
    /// All that is worth being sent.
    pub types: &'static [&'static str],
    /// Each of these sets is enough by itself for amounts and states that are right.
    pub enough: &'static [&'static [&'static str]],
    /// What stays unknown while none of the sets is there.
    pub without: &'static str,
}

/// In the order in which money moves.
pub static FAMILIES: [Family; 11] = [
    Family {
        object: "payment",
        types: &[
            "payment_intent.amount_capturable_updated",
            "payment_intent.canceled",
            "payment_intent.created",
            "payment_intent.partially_funded",
            "payment_intent.payment_failed",
            "payment_intent.processing",
            "payment_intent.requires_action",
            "payment_intent.succeeded",
        ],
        enough: &[
            &["payment_intent.canceled", "payment_intent.payment_failed", "payment_intent.succeeded"],
            &["charge.captured", "charge.expired", "charge.failed", "charge.succeeded", "charge.updated"],
        ],
        without: "payments stay `unknown`, without amount, customer or user. With only `charge.*`, canceled payments and those that wait for the customer stay unknown",
    },
    Family {
        object: "charge",
        types: &[
            "charge.captured",
            "charge.expired",
            "charge.failed",
            "charge.pending",
            "charge.refunded",
            "charge.succeeded",
            "charge.updated",
        ],
        enough: &[&[
            "charge.captured",
            "charge.failed",
            "charge.refunded",
            "charge.succeeded",
            "charge.updated",
        ]],
        without: "what was captured and what was only released; the payment of a refund or dispute that does not name it",
    },
    Family {
        object: "failed attempt",
        types: &["charge.failed", "payment_intent.payment_failed"],
        enough: &[&["payment_intent.payment_failed"], &["charge.failed"]],
        without: "why and how often payments failed; an invoice then has only its own reports, without a code",
    },
    Family {
        object: "refund",
        types: &["refund.created", "refund.failed", "refund.updated"],
        enough: &[&["refund.created", "refund.failed", "refund.updated"]],
        without: "with only `charge.refunded`, refunds are known as a total, and a later failure stays unknown. `charge.refund.updated` is sent for some payment methods only",
    },
    Family {
        object: "dispute",
        types: &[
            "charge.dispute.closed",
            "charge.dispute.created",
            "charge.dispute.funds_reinstated",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.updated",
        ],
        enough: &[&["charge.dispute.closed", "charge.dispute.created", "charge.dispute.updated"]],
        without: "chargebacks, their deadlines and results; nobody is banned for them. Without `funds_*`, fees and movements arrive late",
    },
    Family {
        object: "invoice",
        types: &[
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
            "invoice.sent",
            "invoice.updated",
            "invoice.voided",
        ],
        enough: &[&[
            "invoice.finalized",
            "invoice.marked_uncollectible",
            "invoice.overdue",
            "invoice.paid",
            "invoice.payment_failed",
            "invoice.voided",
        ]],
        without: "Stripe's invoices stay `unknown` or in their last reported state: unpaid, never failed, never overdue",
    },
    Family {
        object: "invoice's payments",
        types: &["invoice_payment.paid"],
        enough: &[&["invoice_payment.paid"]],
        without: "since API version 2025-03-31 nothing else links a payment to its invoice. The invoice then does not show refunds and disputes, unless an API key lets Tidegate ask",
    },
    Family {
        object: "customer",
        types: &["customer.created", "customer.deleted", "customer.updated"],
        enough: &[&["customer.created", "customer.updated"]],
        without: "the user of a payment whose own metadata names none; bans then apply to Stripe's customer",
    },
    Family {
        object: "subscription",
        types: &[
            "customer.subscription.created",
            "customer.subscription.deleted",
            "customer.subscription.paused",
            "customer.subscription.resumed",
            "customer.subscription.updated",
        ],
        enough: &[&["customer.subscription.deleted", "customer.subscription.updated"]],
        without: "the end of a subscription: retries of its invoices stay planned",
    },
    Family {
        object: "early fraud warning",
        types: &["radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"],
        enough: &[&["radar.early_fraud_warning.created"]],
        without: "fraud warnings that arrive before a dispute",
    },
    Family {
        object: "payout",
        types: &[
            "payout.canceled",
            "payout.created",
            "payout.failed",
            "payout.paid",
            "payout.reconciliation_completed",
            "payout.updated",
        ],
        enough: &[&["payout.canceled", "payout.created", "payout.failed", "payout.paid"]],
        without: "what reached the bank account, and what the bank sent back",
    },
];

/// Types that a rule reads and that say nothing which another does not.
pub const OPTIONAL: [(&str, &str); 3] = [
    ("charge.refund.updated", "`refund.updated` is sent for all payment methods"),
    ("invoice.payment_succeeded", "`invoice.paid` is sent with it, and also for payments outside Stripe"),
    ("invoice.will_be_due", "a reminder; nothing changes"),
];

/// Types that Stripe sends only to endpoints that name them: `*` leaves them out.
pub const BY_NAME_ONLY: [&str; 3] = [
    "identity.verification_session.redacted",
    "issuing_authorization.request",
    "reporting.report_type.updated",
];

/// For Stripe's `enabled_events`: every type once, sorted.
pub fn recommended() -> Vec<&'static str> {
    let mut types: Vec<&str> = FAMILIES.iter().flat_map(|family| family.types.iter().copied()).collect();
    types.sort_unstable();
    types.dedup();
    types
}

/// Whether an endpoint with these `enabled_events` is sent this type.
pub fn is_sent(kind: &str, enabled_events: &[String]) -> bool {
    let is_named = enabled_events.iter().any(|enabled| enabled == kind);
    is_named || (enabled_events.iter().any(|enabled| enabled == "*") && !BY_NAME_ONLY.contains(&kind))
}

/// The recommended types that are not sent, and the objects for which what is sent does not suffice.
pub fn gaps(enabled_events: &[String]) -> (Vec<&'static str>, Vec<&'static Family>) {
    let is_sent = |kind: &&str| is_sent(kind, enabled_events);
    let missing = recommended().into_iter().filter(|kind| !is_sent(kind)).collect();
    let suffices = |family: &&Family| family.enough.iter().any(|set| set.iter().all(&is_sent));
    (missing, FAMILIES.iter().filter(|family| !suffices(family)).collect())
}

/// What an endpoint seems not to be sent, by the types that have come; each with how that shows.
pub fn seem_missing(seen: &BTreeMap<String, i64>) -> Vec<&'static str> {
    let count = |is_of: &dyn Fn(&str) -> bool| -> i64 {
        seen.iter().filter(|(kind, _)| is_of(kind)).map(|(_, events)| events).sum()
    };
    let is_charge = |kind: &str| kind.starts_with("charge.") && kind.split('.').count() == 2;
    let is_refund = |kind: &str| kind.starts_with("refund.") || kind == "charge.refund.updated";
    let is_dispute = |kind: &str| kind.starts_with("charge.dispute.");
    let charges = count(&is_charge);
    let mut missing = Vec::new();
    if charges >= FEW && count(&|kind| kind.starts_with("payment_intent.")) == 0 {
        missing.push("charges arrive, but no `payment_intent.*`: canceled payments stay unknown");
    }
    if count(&|kind| kind == "charge.refunded") > 0 && count(&is_refund) == 0 {
        missing.push(
            "refunds are known only as totals, because no `refund.*` has arrived: later failures stay unknown",
        );
    }
    let invoices = count(&|kind| kind.starts_with("invoice."));
    if invoices >= FEW && count(&|kind| ["invoice.paid", "invoice.payment_succeeded"].contains(&kind)) == 0 {
        missing.push("invoices arrive, but no `invoice.paid`: none becomes paid");
    }
    if count(&is_dispute) > 0 && charges == 0 {
        missing.push("disputes arrive, but no `charge.*`: they cannot be compared with their charges");
    }
    missing
}

/// With fewer events of a family it may be chance that one of its types did not come.
const FEW: i64 = 20;

#[cfg(test)]
mod tests {
    use envelope::event_types::LABELLED;

    use super::*;

    fn owned(types: &[&str]) -> Vec<String> {
        types.iter().map(|kind| (*kind).to_owned()).collect()
    }

    #[test]
    fn every_type_that_a_rule_reads_is_recommended_or_spare() {
        let mut all: Vec<&str> = recommended();
        all.extend(OPTIONAL.iter().map(|(kind, _)| *kind));
        all.sort_unstable();
        assert_eq!(all, LABELLED);
        assert!(BY_NAME_ONLY.iter().all(|kind| !all.contains(kind)), "`*` is all that we need");
    }

    #[test]
    fn what_suffices_is_part_of_what_is_recommended() {
        let recommended = recommended();
        for family in FAMILIES {
            assert!(family.types.is_sorted() && !family.enough.is_empty(), "{}", family.object);
            for kind in family.enough.iter().copied().flatten() {
                assert!(recommended.contains(kind), "{}: {kind}", family.object);
            }
        }
    }

    #[test]
    fn a_star_is_everything_and_a_family_alone_leaves_the_others_out() {
        for everything in [owned(&["*"]), owned(&recommended())] {
            assert_eq!(gaps(&everything), (Vec::new(), Vec::new()));
        }
        let charges = FAMILIES[1].types;
        let (missing, unknown) = gaps(&owned(charges));
        assert_eq!(missing.len(), recommended().len() - charges.len());
        let unknown: Vec<&str> = unknown.iter().map(|family| family.object).collect();
        assert!(unknown.contains(&"refund") && unknown.contains(&"invoice"), "{unknown:?}");
        assert!(!unknown.contains(&"payment") && !unknown.contains(&"failed attempt"), "{unknown:?}");
        assert!(!is_sent("issuing_authorization.request", &owned(&["*"])));
    }

    #[test]
    fn what_seems_missing_is_told_by_what_came() {
        let seen = |types: &[(&str, i64)]| -> BTreeMap<String, i64> {
            types.iter().map(|(kind, events)| ((*kind).to_owned(), *events)).collect()
        };
        let table = [
            (seen(&[]), &[][..]),
            (seen(&[("charge.succeeded", 19)]), &[]),
            (seen(&[("charge.succeeded", 20)]), &["payment_intent"]),
            (seen(&[("charge.succeeded", 20), ("payment_intent.succeeded", 1)]), &[]),
            (seen(&[("charge.refunded", 1)]), &["refund"]),
            (seen(&[("charge.refunded", 1), ("refund.updated", 1)]), &[]),
            (seen(&[("invoice.created", 15), ("invoice.finalized", 5)]), &["invoice.paid"]),
            (seen(&[("invoice.created", 15), ("invoice.paid", 5)]), &[]),
            (seen(&[("charge.dispute.created", 1)]), &["disputes"]),
            (seen(&[("charge.dispute.created", 1), ("charge.succeeded", 1)]), &[]),
        ];
        for (seen, words) in table {
            let missing = seem_missing(&seen);
            assert_eq!(missing.len(), words.len(), "{seen:?}: {missing:?}");
            assert!(missing.iter().zip(words).all(|(told, word)| told.contains(word)), "{seen:?}");
        }
    }
}
