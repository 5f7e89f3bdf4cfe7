//! On whose word an operation may be sent: its requester's, once confirmed; the rules', for a program; or a second
//! person's. All rules hold together. What the last 24 hours came to counts too, so that splitting does not help.

use chrono::{DateTime, TimeDelta, Utc};

use super::decision::Decision;
use super::limits::{Limits, Thresholds};
use super::{Approval, Operation, OperationKind, Parameters, Requester};
use crate::money::shown;

/// How far Stripe's clock and ours may be apart.
const CLOCKS: TimeDelta = TimeDelta::minutes(5);

/// What other operations of the last 24 hours came to, in the same currency and direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub payment: i64,
    pub customer: i64,
    pub requester: i64,
    /// What the rules approved for programs.
    pub by_policy: i64,
}

/// One reason why it needs a confirmation or a second person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Climb {
    #[error("{} is above {}", shown(*.sum, .currency), shown(*.threshold, .currency))]
    Amount { sum: i64, threshold: i64, currency: String },
    #[error(
        "with the {} of the last 24 hours for the same {whose}, {} is above {}",
        shown(*.before, .currency), shown(*.sum, .currency), shown(*.threshold, .currency)
    )]
    Sum { whose: &'static str, before: i64, sum: i64, threshold: i64, currency: String },
    #[error("it cannot be taken back")]
    Irreversible,
    #[error("there are no thresholds for {}", .currency.to_ascii_uppercase())]
    NoThresholds { currency: String },
    #[error("{who} may ask for it, not decide about it")]
    RequestOnly { who: String },
    #[error("the payment is older than {hours} hours, or nobody knows how old it is")]
    Old { hours: i64 },
    #[error("the rules approve at most {} of a program at once", shown(*.limit, .currency))]
    ProgramOperation { limit: i64, currency: String },
    #[error(
        "the rules approve at most {} for programs within 24 hours, and have approved {}",
        shown(*.limit, .currency), shown(*.spent, .currency)
    )]
    ProgramDay { limit: i64, spent: i64, currency: String },
}

/// Which way money goes: sums of one way only are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Out,
    In,
    Still,
}

impl OperationKind {
    pub fn direction(self) -> Direction {
        match self {
            Self::Refund | Self::Credit | Self::DisputeAccept => Direction::Out,
            Self::Charge | Self::Capture | Self::InvoiceRetry | Self::Subscribe => Direction::In,
            Self::Cancel | Self::Unsubscribe | Self::EvidenceStage | Self::EvidenceSubmit => Direction::Still,
        }
    }

    /// Whether its amount climbs the ladder.
    fn climbs(self) -> bool {
        matches!(self, Self::Refund | Self::Credit | Self::DisputeAccept | Self::Charge)
    }

    /// Nothing at Stripe takes it back.
    pub fn is_irreversible(self) -> bool {
        matches!(self, Self::Cancel | Self::EvidenceSubmit | Self::DisputeAccept)
    }
}

impl Operation {
    fn is_irreversible(&self) -> bool {
        let ends_at_once = || match self.parameters() {
            Ok(Parameters::Unsubscribe(unsubscribe)) => !unsubscribe.at_period_end,
            _ => false,
        };
        self.kind.is_irreversible() || ends_at_once()
    }
}

/// The decision about what may be done. `paid_at` is when the money came in that it gives back.
pub(super) fn climb(
    limits: &Limits,
    operation: &Operation,
    requester: &Requester,
    paid_at: Option<DateTime<Utc>>,
    sums: Sums,
) -> Decision {
    if operation.approval == Approval::Person {
        return Decision::Approved(Approval::Person);
    }
    let thresholds = limits.of(&operation.currency);
    if operation.approval == Approval::None && !operation.confirmed {
        let mut why = Vec::new();
        if operation.is_irreversible() {
            why.push(Climb::Irreversible);
        }
        if let Some(thresholds) = thresholds {
            why.extend(above(operation, sums, thresholds.confirm_above));
        }
        if !why.is_empty() {
            return Decision::NeedsConfirmation(why);
        }
    }
    let is_young = is_young(limits, operation, paid_at);
    let mut why = Vec::new();
    if operation.kind.climbs() {
        match thresholds {
            Some(thresholds) => why.extend(above(operation, sums, thresholds.approve_above)),
            None => why.push(Climb::NoThresholds { currency: operation.currency.clone() }),
        }
    }
    if operation.kind == OperationKind::Refund && limits.age_rule && !is_young {
        why.push(Climb::Old { hours: limits.young_hours });
    }
    // Its plan was approved with the policy that switches it on.
    let is_planned = operation.is_planned() && operation.kind == OperationKind::InvoiceRetry;
    let may_be_policy = requester.is_program
        && operation.kind == OperationKind::Refund
        && operation.reason.is_for_programs()
        && is_young;
    match thresholds {
        _ if is_planned => {}
        Some(thresholds) if may_be_policy => {
            why.extend(above_caps(operation, sums, thresholds));
        }
        // A program decides about nothing, whatever its role.
        _ if !requester.may_manage || requester.is_program => {
            why.push(Climb::RequestOnly { who: requester.name.clone() });
        }
        _ => {}
    }
    match why.is_empty() {
        true if may_be_policy || is_planned => Decision::Approved(Approval::Policy),
        true => Decision::Approved(Approval::Own),
        false => Decision::NeedsApproval(why),
    }
}

/// Judged by when it was asked for: waiting makes nothing older. What seems to come from the future is not young.
fn is_young(limits: &Limits, operation: &Operation, paid_at: Option<DateTime<Utc>>) -> bool {
    paid_at.is_some_and(|paid_at| {
        let age = operation.requested_at - paid_at;
        age >= -CLOCKS && age <= limits.young()
    })
}

fn above(operation: &Operation, sums: Sums, threshold: i64) -> Option<Climb> {
    let currency = operation.currency.clone();
    if !operation.kind.climbs() {
        return None;
    }
    if operation.amount > threshold {
        return Some(Climb::Amount { sum: operation.amount, threshold, currency });
    }
    let (before, whose) =
        [(sums.payment, "payment"), (sums.customer, "customer"), (sums.requester, "requester")]
            .into_iter()
            .max_by_key(|(before, _)| *before)?;
    let sum = before.saturating_add(operation.amount);
    (sum > threshold).then_some(Climb::Sum { whose, before, sum, threshold, currency })
}

fn above_caps(operation: &Operation, sums: Sums, thresholds: Thresholds) -> Option<Climb> {
    let currency = operation.currency.clone();
    if operation.amount > thresholds.program_operation_limit {
        return Some(Climb::ProgramOperation { limit: thresholds.program_operation_limit, currency });
    }
    let spent = sums.by_policy;
    let limit = thresholds.program_day_limit;
    (spent.saturating_add(operation.amount) > limit).then_some(Climb::ProgramDay { limit, spent, currency })
}

#[cfg(test)]
mod tests;
