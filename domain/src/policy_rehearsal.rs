//! What another policy would have changed: each operation of late, judged by its amount alone, before and after.

use serde::Serialize;

use super::operations::{Limits, OperationKind, OperationState};
use super::readable;

readable! {
    /// One operation, as far as its amount is concerned.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Sized {
        pub id: String,
        pub kind: OperationKind,
        pub state: OperationState,
        pub amount: i64,
        pub currency: String,
    }
}

/// On whose word an amount may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Own,
    OwnConfirmed,
    SecondPerson,
}

/// How many operations would need more, or less, than they do now; those that still wait are counted apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    pub operations: usize,
    pub need_more: usize,
    pub need_less: usize,
    /// Ids of those that wait for a person now and would need something else.
    pub waiting: Vec<String>,
}

fn word(limits: &Limits, operation: &Sized) -> Word {
    match limits.of(&operation.currency) {
        None => Word::SecondPerson,
        Some(thresholds) if operation.amount > thresholds.approve_above => Word::SecondPerson,
        Some(thresholds) if operation.amount > thresholds.confirm_above => Word::OwnConfirmed,
        Some(_) => Word::Own,
    }
}

/// Of refunds, credits and charges: other kinds do not climb by their amount.
pub fn rehearse(before: &Limits, after: &Limits, operations: &[Sized]) -> Rehearsal {
    let climbs = |operation: &&Sized| {
        matches!(operation.kind, OperationKind::Refund | OperationKind::Credit | OperationKind::Charge)
    };
    let mut rehearsal = Rehearsal::default();
    for operation in operations.iter().filter(climbs) {
        rehearsal.operations += 1;
        let (was, would_be) = (word(before, operation), word(after, operation));
        rehearsal.need_more += usize::from(would_be > was);
        rehearsal.need_less += usize::from(would_be < was);
        let waits = matches!(
            operation.state,
            OperationState::NeedsConfirmation | OperationState::NeedsApproval | OperationState::Approved
        );
        if waits && would_be != was {
            rehearsal.waiting.push(operation.id.clone());
        }
    }
    rehearsal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::{Policies, PolicyKey, Slot, Value};

    #[test]
    fn each_amount_is_judged_before_and_after() {
        let of = |id: &str, state, amount, currency: &str| Sized {
            id: id.to_owned(),
            kind: OperationKind::Refund,
            state,
            amount,
            currency: currency.to_owned(),
        };
        let operations = [
            of("small", OperationState::Succeeded, 500, "usd"),
            of("large", OperationState::NeedsApproval, 600_000, "usd"),
            of("done", OperationState::Succeeded, 600_000, "usd"),
            of("foreign", OperationState::Succeeded, 5, "chf"),
        ];
        let before = Policies::default();
        let slot = Slot { key: PolicyKey::ApproveAbove, currency: "usd".to_owned() };
        let raised = before.clone().with(slot.clone(), Value::Number(700_000)).limits();
        let found = rehearse(&before.limits(), &raised, &operations);
        assert_eq!((found.operations, found.need_more, found.need_less), (4, 0, 2));
        assert_eq!(found.waiting, ["large"]);
        let lowered = before.clone().with(slot, Value::Number(100)).limits();
        assert_eq!(rehearse(&before.limits(), &lowered, &operations).need_more, 1);
    }
}
