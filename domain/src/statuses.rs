//! The known statuses, by kind of object. Any other is legal and kept as text; a metric counts it, because no
//! rule knows it.

use super::{Kind, Object, UNKNOWN, of_kind};

/// The label of every status that is not in the lists.
pub const OTHER: &str = "other";

/// The statuses between which the audit tells an object's steps: our own view of disputes, invoices and bans,
/// Stripe's words for the others; none of kinds that are not audited.
pub fn audited(kind: Kind) -> &'static [&'static str] {
    of_kind!(kind, |Row| Row::AUDITED_STATUSES)
}

/// The label of a status that the audit tells.
pub fn label(kind: Kind, status: &str) -> &'static str {
    audited(kind).iter().copied().find(|known| *known == status).unwrap_or(OTHER)
}

/// Whether a status is one of Stripe's that the rules were written for; nothing reported yet is.
pub fn is_known(kind: Kind, status: &str) -> bool {
    let known = kind.stripe_statuses();
    known.is_empty() || known.contains(&status) || status == UNKNOWN || status.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_that_is_audited_is_its_own_label() {
        for kind in Kind::ALL {
            assert!(audited(*kind).iter().all(|status| label(*kind, status) == *status), "{kind}");
            assert_eq!(label(*kind, "pondering"), OTHER);
        }
        assert!(is_known(Kind::Payment, "succeeded") && !is_known(Kind::Payment, "pondering"));
    }
}
