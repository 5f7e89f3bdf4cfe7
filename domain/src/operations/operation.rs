//! One operation as its row, who asked for it, and what is kept beside it: decisions and calls.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    Approval, DecisionKind, KNOWN_BY_CLOCK, OperationKind, OperationState, Parameters, Reason, Refused,
    Unsendable,
};
use crate::row::row;
use crate::{Key, readable};

row! {
    /// One thing that Stripe is asked to do.
    pub struct Operation {
        #[serde(flatten)]
        pub key: Key,
        pub kind: OperationKind,
        pub state: OperationState,
        /// What it is about: `payment`, `customer`, `invoice`, `dispute` or `subscription`.
        pub subject_kind: String,
        pub subject_id: String,
        pub payment: Option<String>,
        pub customer: Option<String>,
        pub amount: i64,
        pub currency: String,
        #[serde(skip)]
        pub parameters: String,
        pub parameters_hash: String,
        pub reason: Reason,
        pub note: Option<String>,
        pub requested_by: String,
        pub known_by: String,
        pub is_program: bool,
        /// Whose act made the clock ask for it, as the audit names them.
        pub caused_by: Option<String>,
        pub requested_at: DateTime<Utc>,
        pub confirmed: bool,
        pub approval: Approval,
        pub approved_by: Option<String>,
        pub approved_at: Option<DateTime<Utc>>,
        pub message: Option<String>,
        pub warning: Option<String>,
        pub expires_at: Option<DateTime<Utc>>,
        pub attempt: i64,
        pub idempotency_key: Option<String>,
        pub first_sent_at: Option<DateTime<Utc>>,
        /// What pays, as found right before the first sending: the same is sent under the same key.
        pub payment_method: Option<String>,
        pub look_again_at: Option<DateTime<Utc>>,
        #[serde(skip)]
        pub held_by: Option<String>,
        #[serde(skip)]
        pub held_until: Option<DateTime<Utc>>,
        pub stripe_id: Option<String>,
        pub stripe_status: Option<String>,
        pub request_id: Option<String>,
        pub error_class: Option<String>,
        pub error_code: Option<String>,
        pub error_text: Option<String>,
        pub ended_at: Option<DateTime<Utc>>,
        pub retry_of: Option<String>,
        pub revision: i64,
        #[serde(skip)]
        pub audit_hash: Vec<u8>,
    }
}

readable! {
    /// One decision about an operation.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Decided {
        pub number: i64,
        pub decision: DecisionKind,
        pub decided_by: String,
        pub known_by: String,
        pub reason: Option<String>,
        /// Of the parameters that it was about.
        pub parameters_hash: String,
        pub decided_at: DateTime<Utc>,
    }
}

readable! {
    /// One HTTP exchange with Stripe. Never a body.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
    pub struct Call {
        /// 0 of what was read before the first attempt.
        pub attempt: i64,
        pub number: i64,
        pub method: String,
        pub path: String,
        /// What the answer means, in one word.
        pub class: String,
        /// `None` where no answer came.
        pub http_status: Option<i64>,
        pub stripe_code: Option<String>,
        pub request_id: Option<String>,
        pub replayed: bool,
        pub duration_ms: i64,
        pub called_at: DateTime<Utc>,
    }
}

/// Who asks, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    pub name: String,
    /// `session`, `token ID` or `declared`.
    pub known_by: String,
    pub is_program: bool,
    /// May decide about money; else only ask for it.
    pub may_manage: bool,
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub subject_kind: &'static str,
    pub subject: Key,
    pub payment: Option<String>,
    pub customer: Option<String>,
    pub amount: i64,
    pub currency: String,
    pub parameters: Parameters,
    pub reason: Reason,
    pub note: Option<String>,
    pub confirmed: bool,
    pub retry_of: Option<String>,
}

impl Operation {
    /// The row of a request, before it is decided: it counts for nothing and is not stored like this.
    pub fn asked(id: &str, request: &Request, requester: &Requester, now: DateTime<Utc>) -> Self {
        let parameters = request.parameters.stored();
        Self {
            key: request.subject.sibling(id),
            kind: request.parameters.kind(),
            state: OperationState::Refused,
            subject_kind: request.subject_kind.to_owned(),
            subject_id: request.subject.id.clone(),
            payment: request.payment.clone(),
            customer: request.customer.clone(),
            amount: request.amount,
            currency: request.currency.clone(),
            parameters_hash: Parameters::hash_of(&parameters),
            parameters,
            reason: request.reason,
            note: request.note.clone(),
            requested_by: requester.name.clone(),
            known_by: requester.known_by.clone(),
            is_program: requester.is_program,
            requested_at: now,
            confirmed: request.confirmed,
            retry_of: request.retry_of.clone(),
            ..Self::default()
        }
    }

    pub fn id(&self) -> &str {
        &self.key.id
    }

    /// What it sends, where nobody changed it, and where the amount that people were shown is the one in there.
    pub fn parameters(&self) -> Result<Parameters, Unsendable> {
        let parameters = Parameters::read(&self.parameters, &self.parameters_hash)?;
        let is_its_own = parameters.kind() == self.kind
            && parameters
                .money()
                .is_none_or(|(amount, currency)| amount == self.amount && currency == self.currency);
        if is_its_own { Ok(parameters) } else { Err(Unsendable::Mismatched) }
    }

    /// The same, where the last approval was given to exactly these parameters, by whom the row says, and by a second
    /// person where one was needed. All that sends goes through here.
    pub fn approved_parameters(&self, decisions: &[Decided]) -> Result<Parameters, Unsendable> {
        let approval = decisions.iter().rev().find(|decided| decided.decision == DecisionKind::Approve);
        match approval {
            Some(approval) if approval.parameters_hash != self.parameters_hash => {
                Err(Unsendable::NotApproved)
            }
            Some(approval) if self.is_on_the_word_of(&approval.decided_by) => self.parameters(),
            _ => Err(Unsendable::NotByWhomItSays),
        }
    }

    fn is_on_the_word_of(&self, decided_by: &str) -> bool {
        let is_own = decided_by == self.requested_by;
        match self.approval {
            Approval::Person => !is_own && self.approved_by.as_deref() == Some(decided_by),
            Approval::Own => is_own,
            Approval::Policy => decided_by == super::POLICY,
            Approval::None => false,
        }
    }

    pub fn subject(&self) -> Key {
        self.key.sibling(&self.subject_id)
    }

    pub fn payment(&self) -> Option<Key> {
        self.payment.as_deref().map(|id| self.key.sibling(id))
    }

    /// Who asked for it, as the rules judge them later: whether they may decide was seen when it was approved.
    pub fn requester(&self) -> Requester {
        Requester {
            name: self.requested_by.clone(),
            known_by: self.known_by.clone(),
            is_program: self.is_program,
            may_manage: self.approval == Approval::Own,
        }
    }

    /// Asked for by the clock, because a plan says so.
    pub fn is_planned(&self) -> bool {
        self.known_by == KNOWN_BY_CLOCK
    }

    /// Approved, and not to be sent before then.
    pub fn planned_for(&self) -> Option<DateTime<Utc>> {
        self.look_again_at.filter(|_| self.is_planned() && self.state == OperationState::Approved)
    }

    /// No amount was named, and nothing is left: there is none to show.
    pub fn asks_for_the_rest(&self) -> bool {
        matches!(self.kind, OperationKind::Refund | OperationKind::Capture)
            && self.amount == 0
            && self.error_code.as_deref() != Some(Refused::NoAmount.code())
    }

    /// Sent, and not taken by Stripe yet: the same is sent again then, and until then nobody is at it.
    pub fn sent_again_at(&self) -> Option<DateTime<Utc>> {
        let rests = self.state == OperationState::Executing && self.held_until.is_none();
        self.look_again_at.filter(|_| rests)
    }

    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.state.is_waiting() && self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::testing::{at, refund};

    #[test]
    fn what_is_sent_rests_on_the_word_of_somebody_else_about_these_very_parameters() {
        let by_mary = Operation {
            approval: Approval::Person,
            approved_by: Some("mary".to_owned()),
            ..refund("op_1", 600_000, "usd")
        };
        let sent = |operation: &Operation, by: &str, parameters_hash: &str| {
            operation.approved_parameters(&[Decided {
                number: 2,
                decision: DecisionKind::Approve,
                decided_by: by.to_owned(),
                known_by: "session".to_owned(),
                reason: None,
                parameters_hash: parameters_hash.to_owned(),
                decided_at: at(2),
            }])
        };
        let hash = &by_mary.parameters_hash;
        assert!(sent(&by_mary, "mary", hash).is_ok());
        assert!(matches!(sent(&by_mary, "joe", hash), Err(Unsendable::NotByWhomItSays)));
        assert!(matches!(sent(&by_mary, "mary", "other"), Err(Unsendable::NotApproved)));
        assert!(matches!(by_mary.approved_parameters(&[]), Err(Unsendable::NotByWhomItSays)));
        let by_its_requester = Operation { approved_by: Some("jane".to_owned()), ..by_mary.clone() };
        assert!(matches!(sent(&by_its_requester, "jane", hash), Err(Unsendable::NotByWhomItSays)));
    }
}
