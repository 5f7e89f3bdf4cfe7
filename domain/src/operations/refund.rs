//! Whether a payment may be refunded: what came in and is still there, what is reserved, and what stands against it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::decision::Judged;
use super::refused::Refused;
use super::{Operation, OperationKind, OperationState, Reason, parameters};
use crate::UNKNOWN;
use crate::chargeable;
use crate::charges::Charge;
use crate::disputes::{Dispute, Status};
use crate::payments::Payment;
use crate::refunds::Refund;

/// What is known of a payment: from the ledger's rows, or from what Stripe answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefundFacts {
    /// Stripe's own; `unknown` where only others have named it.
    pub status: String,
    pub currency: String,
    pub captured: i64,
    /// What went back or is on its way, refunds that failed or were canceled left out.
    pub refunded: i64,
    pub paid_at: Option<DateTime<Utc>>,
    /// All refunds of it that are known, failed ones too: what an operation made counts once.
    pub refunds: BTreeSet<String>,
    pub disputes: Vec<DisputeFact>,
}

/// One dispute of the payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeFact {
    pub id: String,
    pub standing: Standing,
}

/// What a dispute means for a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A question of the bank's that is open: a refund may answer it.
    Inquiry,
    Open,
    Lost,
    /// Won, prevented before it took anything, or an inquiry that is closed.
    Over,
}

impl RefundFacts {
    /// As the ledger has it.
    pub fn of_rows(payment: &Payment, charges: &[Charge], refunds: &[Refund], disputes: &[Dispute]) -> Self {
        let captured_at = charges.iter().filter_map(|charge| charge.captured_at.at()).min();
        Self {
            status: payment.state.status.clone(),
            currency: payment.state.currency.clone(),
            captured: payment.state.amount_received,
            refunded: payment.amount_refunded,
            paid_at: payment.succeeded_at.at().or(captured_at).or(payment.created_at),
            refunds: refunds.iter().map(|refund| refund.key.id.clone()).collect(),
            disputes: disputes
                .iter()
                .map(|dispute| DisputeFact { id: dispute.key.id.clone(), standing: Standing::of(dispute) })
                .collect(),
        }
    }

    /// What other operations hold of it: those under way, and those whose refund has not come in yet.
    pub fn reserved(&self, others: &[Operation]) -> i64 {
        let refunds = others.iter().filter(|other| other.kind == OperationKind::Refund);
        let holding = refunds.filter(|other| match other.state {
            OperationState::Succeeded => {
                other.stripe_id.as_ref().is_none_or(|made| !self.refunds.contains(made))
            }
            state => state.is_open(),
        });
        holding.map(|other| other.amount).fold(0, i64::saturating_add)
    }

    /// What can still be given back.
    pub fn left(&self, others: &[Operation]) -> i64 {
        self.captured.saturating_sub(self.refunded).saturating_sub(self.reserved(others)).max(0)
    }

    /// Why nothing of it may be refunded, whatever the amount; else what to heed.
    pub fn eligible(&self, others: &[Operation]) -> Result<Vec<String>, Refused> {
        match self.status.as_str() {
            UNKNOWN | "" => return Err(Refused::NotReported { what: "payment" }),
            "succeeded" => {}
            // Captured in parts: what has come in may go back, while the rest is still held.
            "requires_capture" if self.captured > 0 => {}
            status => return Err(Refused::NotSucceeded { status: status.to_owned() }),
        }
        let mut warnings = Vec::new();
        for dispute in &self.disputes {
            let id = dispute.id.clone();
            match dispute.standing {
                Standing::Open => return Err(Refused::Disputed { dispute: id }),
                Standing::Lost => return Err(Refused::DisputeLost { dispute: id }),
                Standing::Inquiry => warnings.push(format!(
                    "The bank has an open inquiry about it ({id}): a refund may end it, and may come too late."
                )),
                Standing::Over => {}
            }
        }
        if self.captured > 0 && self.refunded >= self.captured {
            return Err(Refused::FullyRefunded);
        }
        let other = others.iter().find(|other| {
            other.state.is_open() && matches!(other.kind, OperationKind::Cancel | OperationKind::Capture)
        });
        match other {
            Some(other) => Err(busy(other, "payment")),
            None => Ok(warnings),
        }
    }
}

impl Standing {
    /// A status that we do not know, or that was never reported, counts as open.
    pub fn of(dispute: &Dispute) -> Self {
        match dispute.status {
            // Prevented, and the money went to the cardholder.
            Status::Closed if dispute.lost().is_some() => Self::Lost,
            Status::Opened | Status::UnderReview if dispute.inquiry => Self::Inquiry,
            Status::Unknown | Status::Opened | Status::UnderReview => Self::Open,
            Status::Lost => Self::Lost,
            Status::Won | Status::Closed => Self::Over,
        }
    }
}

pub(super) fn busy(other: &Operation, what: &'static str) -> Refused {
    Refused::Busy { operation: other.key.id.clone(), kind: other.kind.as_str(), state: other.state, what }
}

pub(super) fn judge(
    refund: &parameters::Refund,
    operation: &Operation,
    facts: &RefundFacts,
    others: &[Operation],
) -> Result<Judged, Refused> {
    let mut warnings = facts.eligible(others)?;
    if refund.amount <= 0 {
        return Err(Refused::NoAmount);
    }
    if refund.currency != facts.currency {
        let shown = str::to_ascii_uppercase;
        return Err(Refused::OtherCurrency { own: shown(&facts.currency), asked: shown(&refund.currency) });
    }
    chargeable::in_steps(refund.amount, &refund.currency)?;
    let (left, reserved) = (facts.left(others), facts.reserved(others));
    if refund.amount > left {
        let currency = facts.currency.clone();
        return Err(Refused::MoreThanLeft { asked: refund.amount, left, reserved, currency });
    }
    if operation.reason == Reason::Fraudulent {
        warnings.push(
            "Stripe puts the card and the e-mail address of a fraudulent payment on its block list."
                .to_owned(),
        );
    }
    Ok(Judged { paid_at: facts.paid_at, warnings })
}

#[cfg(test)]
mod tests;
