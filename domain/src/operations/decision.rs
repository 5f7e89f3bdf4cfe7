//! What becomes of an operation: decided from plain data, when it is asked for, when it is approved, and once more
//! right before it is sent. First whether it may be done at all, then on whose word.

use chrono::{DateTime, Utc};

use super::customer::{self, CustomerFacts};
use super::dispute::{self, DisputeFacts};
use super::intent::{self, IntentFacts};
use super::invoice_retry::{self, InvoiceFacts};
use super::ladder::{self, Climb, Sums};
use super::limits::Limits;
use super::refund::{self, RefundFacts};
use super::refused::Refused;
use super::unsubscribe::{self, SubscriptionFacts};
use super::{Approval, Operation, Parameters, Requester};

/// What the rules say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Refused(Refused),
    /// Its requester must say that they mean it. Nothing is sent.
    NeedsConfirmation(Vec<Climb>),
    /// A second person who may manage money, never its requester.
    NeedsApproval(Vec<Climb>),
    Approved(Approval),
}

/// What is known of the object that the operation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facts {
    Refund(RefundFacts),
    Intent(IntentFacts),
    Dispute(DisputeFacts),
    Customer(CustomerFacts),
    Invoice(InvoiceFacts),
    Subscription(SubscriptionFacts),
    /// It is not there.
    Missing {
        what: &'static str,
        id: String,
    },
}

/// The decision, and what to heed all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub decision: Decision,
    pub warning: Option<String>,
}

/// Decides about an operation, given who asked, what is known now, the other operations that count as spent, and what
/// the last day came to. The operation itself stands in neither of the last two.
pub fn decide(
    limits: &Limits,
    operation: &Operation,
    requester: &Requester,
    facts: &Facts,
    others: &[Operation],
    sums: Sums,
    now: DateTime<Utc>,
) -> Verdict {
    match judge(limits, operation, facts, others, now) {
        Err(refused) => Verdict { decision: Decision::Refused(refused), warning: None },
        Ok(judged) => {
            let decision = ladder::climb(limits, operation, requester, judged.paid_at, sums);
            let warning = (!judged.warnings.is_empty()).then(|| judged.warnings.join(" "));
            Verdict { decision, warning }
        }
    }
}

/// Whether it may be done at all.
fn judge(
    limits: &Limits,
    operation: &Operation,
    facts: &Facts,
    others: &[Operation],
    now: DateTime<Utc>,
) -> Result<Judged, Refused> {
    let parameters = operation.parameters()?;
    if let Some(unknown) = others.iter().find(|other| other.state == super::OperationState::Unknown) {
        return Err(Refused::OutcomeUnknown { operation: unknown.key.id.clone() });
    }
    match (&parameters, facts) {
        (_, Facts::Missing { what, id }) => Err(Refused::NotFound { what, id: id.clone() }),
        (Parameters::Refund(refund), Facts::Refund(facts)) => refund::judge(refund, operation, facts, others),
        (Parameters::Capture(capture), Facts::Intent(facts)) => intent::judge_capture(capture, facts, others),
        (Parameters::Cancel(cancel), Facts::Intent(facts)) => intent::judge_cancel(cancel, facts, others),
        (Parameters::DisputeAccept(_), Facts::Dispute(facts)) => dispute::judge_accept(facts, others),
        (Parameters::EvidenceStage(stage), Facts::Dispute(facts)) => {
            dispute::judge_stage(stage, facts, others, now)
        }
        (Parameters::EvidenceSubmit(submit), Facts::Dispute(facts)) => {
            dispute::judge_submit(submit, facts, others, now)
        }
        (Parameters::Charge(charge), Facts::Customer(facts)) => {
            customer::judge_charge(charge, operation, facts, others, limits, now)
        }
        (Parameters::Subscribe(subscribe), Facts::Customer(facts)) => {
            customer::judge_subscribe(subscribe, operation, facts, others)
        }
        (Parameters::Credit(credit), Facts::Customer(facts)) => {
            customer::judge_credit(credit, operation, facts, others, limits)
        }
        (Parameters::InvoiceRetry(retry), Facts::Invoice(facts)) => {
            invoice_retry::judge(retry, operation, facts, others, now)
        }
        (Parameters::Unsubscribe(unsubscribe), Facts::Subscription(facts)) => {
            unsubscribe::judge(unsubscribe, facts, others)
        }
        _ => Err(super::Unsendable::Mismatched.into()),
    }
}

/// It may be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// When the money came in that it gives back.
    pub(super) paid_at: Option<DateTime<Utc>>,
    pub(super) warnings: Vec<String>,
}

impl Decision {
    /// For people: why it waits, or was refused.
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Refused(refused) => Some(refused.to_string()),
            Self::NeedsConfirmation(why) => Some(format!("it needs your confirmation: {}", listed(why))),
            Self::NeedsApproval(why) => {
                Some(format!("it needs the approval of another person with billing:manage: {}", listed(why)))
            }
            Self::Approved(_) => None,
        }
    }
}

fn listed(why: &[Climb]) -> String {
    why.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
