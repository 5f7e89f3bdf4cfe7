//! Whether a subscription may be ended: with its period, or at once.

use super::decision::Judged;
use super::refund::busy;
use super::refused::Refused;
use super::{Operation, parameters};
use crate::UNKNOWN;
use crate::subscriptions::Subscription;

/// What is known of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionFacts {
    /// Stripe's own; `unknown` where only others have named it.
    pub status: String,
    pub is_over: bool,
    pub ends_with_its_period: bool,
}

impl SubscriptionFacts {
    pub fn of_row(subscription: &Subscription) -> Self {
        Self {
            status: subscription.state.status.clone(),
            is_over: subscription.is_over(),
            ends_with_its_period: subscription.state.cancel_at_period_end,
        }
    }
}

pub(super) fn judge(
    unsubscribe: &parameters::Unsubscribe,
    facts: &SubscriptionFacts,
    others: &[Operation],
) -> Result<Judged, Refused> {
    match facts.status.as_str() {
        UNKNOWN | "" => return Err(Refused::NotReported { what: "subscription" }),
        status if facts.is_over => {
            return Err(Refused::WrongStatus { status: status.to_owned(), done: "ended" });
        }
        _ if facts.ends_with_its_period && unsubscribe.at_period_end => {
            return Err(Refused::WrongStatus { status: "ending with its period".to_owned(), done: "ended" });
        }
        _ => {}
    }
    if let Some(other) = others.iter().find(|other| other.state.is_open()) {
        return Err(busy(other, "subscription"));
    }
    let warning =
        "It ends at once and cannot be brought back; nothing is refunded for the rest of its period.";
    let warnings = if unsubscribe.at_period_end { Vec::new() } else { vec![warning.to_owned()] };
    Ok(Judged { paid_at: None, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::OperationState;
    use crate::operations::testing::in_state;

    #[test]
    fn what_lives_is_ended_once() {
        let facts = |status: &str, is_over, ends_with_its_period| SubscriptionFacts {
            status: status.to_owned(),
            is_over,
            ends_with_its_period,
        };
        for (facts, at_period_end, expected) in [
            (facts("active", false, false), true, "may"),
            (facts("past_due", false, false), false, "may"),
            (facts("active", false, true), true, "wrong_status"),
            (facts("active", false, true), false, "may"),
            (facts("canceled", true, false), false, "wrong_status"),
            (facts("unknown", false, false), true, "not_reported"),
        ] {
            let asked = parameters::Unsubscribe { subscription: "sub_1".to_owned(), at_period_end };
            let code =
                |others: &[Operation]| judge(&asked, &facts, others).map_or_else(|no| no.code(), |_| "may");
            assert_eq!(code(&[]), expected, "{facts:?} {at_period_end}");
            if expected == "may" {
                assert_eq!(code(&[in_state("op_2", 0, OperationState::Approved)]), "operation_under_way");
            }
        }
    }
}
