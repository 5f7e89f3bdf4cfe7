//! Every step of an operation, named. Each gives what the audit keeps, and refuses where the state does not allow it;
//! no state is set anywhere else.

use chrono::{DateTime, Utc};

use super::{Approval, Decision, Limits, Operation, OperationState as State, POLICY, Verdict};
use crate::{AuditChange, Severity};

/// A step that the state does not allow; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operation is {state}, so it cannot become {wanted}")]
pub struct OutOfPlace {
    pub state: State,
    pub wanted: State,
}

/// An attempt that is to be sent now, or once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    pub idempotency_key: String,
    pub first_sent_at: DateTime<Utc>,
    /// What the audit keeps, where this attempt was not begun before.
    pub change: Option<AuditChange>,
}

/// What Stripe made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub stripe_id: Option<String>,
    /// Its status at Stripe: a refund may be `pending`.
    pub stripe_status: Option<String>,
    pub request_id: Option<String>,
}

/// Why it failed, or why nobody knows whether it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    pub class: String,
    pub code: Option<String>,
    pub text: String,
    /// What was made all the same: a declined charge leaves a payment intent.
    pub stripe_id: Option<String>,
    pub request_id: Option<String>,
}

impl State {
    /// The arrows of the picture in `mod.rs`.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::NeedsConfirmation => matches!(
                next,
                Self::NeedsApproval | Self::Approved | Self::Refused | Self::Canceled | Self::Lapsed
            ),
            Self::NeedsApproval => matches!(
                next,
                Self::Approved | Self::Refused | Self::Rejected | Self::Canceled | Self::Lapsed
            ),
            Self::Approved => matches!(
                next,
                Self::Executing | Self::NeedsApproval | Self::Refused | Self::Canceled | Self::Lapsed
            ),
            Self::Executing => matches!(next, Self::Succeeded | Self::Failed | Self::Unknown),
            Self::Unknown => matches!(next, Self::Succeeded | Self::Failed),
            Self::Succeeded
            | Self::Failed
            | Self::Refused
            | Self::Lapsed
            | Self::Rejected
            | Self::Canceled => false,
        }
    }
}

impl Operation {
    /// Takes the first decision, which is where its story begins.
    pub fn open(&mut self, verdict: &Verdict, limits: &Limits, now: DateTime<Utc>) -> AuditChange {
        self.warning.clone_from(&verdict.warning);
        let state = match &verdict.decision {
            Decision::Refused(refused) => {
                self.error_code = Some(refused.code().to_owned());
                self.ended_at = Some(now);
                State::Refused
            }
            Decision::NeedsConfirmation(_) => State::NeedsConfirmation,
            Decision::NeedsApproval(_) => State::NeedsApproval,
            Decision::Approved(approval) => {
                self.approval = *approval;
                self.approved_by = Some(self.approver(*approval));
                self.approved_at = Some(now);
                State::Approved
            }
        };
        self.created(state, verdict.decision.message(), now + limits.waits())
    }

    /// Takes a later decision: what its requester, a second person or the rules now make of it. Nothing for the audit
    /// where it stays as it was.
    pub fn decide_again(
        &mut self,
        verdict: &Verdict,
        now: DateTime<Utc>,
    ) -> Result<Option<AuditChange>, OutOfPlace> {
        self.warning.clone_from(&verdict.warning);
        let message = verdict.decision.message().unwrap_or_default();
        Ok(match (&verdict.decision, self.state) {
            (Decision::Refused(refused), _) => {
                let change = self.refuse(message, now)?;
                self.error_code = Some(refused.code().to_owned());
                Some(change)
            }
            (Decision::NeedsConfirmation(_), State::NeedsConfirmation)
            | (Decision::NeedsApproval(_), State::NeedsApproval)
            | (Decision::Approved(_), State::Approved) => None,
            (Decision::NeedsConfirmation(_) | Decision::NeedsApproval(_), _) => {
                Some(self.need_approval(message)?)
            }
            (Decision::Approved(approval), _) => {
                Some(self.approve(*approval, &self.approver(*approval), now)?)
            }
        })
    }

    /// Who approves, where no second person does.
    fn approver(&self, approval: Approval) -> String {
        match approval {
            Approval::Policy => POLICY.to_owned(),
            _ => self.requested_by.clone(),
        }
    }

    /// The first line of its story.
    pub fn created(
        &mut self,
        state: State,
        message: Option<String>,
        expires_at: DateTime<Utc>,
    ) -> AuditChange {
        self.state = state;
        self.message = message;
        self.expires_at = state.is_waiting().then_some(expires_at);
        let mut what = format!("{} of {} {}", self.kind, self.subject_kind, self.subject_id);
        if !self.asks_for_the_rest() {
            what.extend([", ", &crate::money::shown(self.amount, &self.currency)]);
        }
        let after = format!("{}, parameters {}", self.told(&what), self.parameters_hash);
        let severity = if state == State::Refused { Severity::Warning } else { Severity::Info };
        AuditChange { what: "state", before: None, after: Some(after), severity }
    }

    /// Its requester confirms it; what then becomes of it is decided anew.
    pub fn confirm(&mut self) {
        self.confirmed = true;
    }

    pub fn need_approval(&mut self, why: String) -> Result<AuditChange, OutOfPlace> {
        self.step(State::NeedsApproval, Some(why), Severity::Info, |it| {
            (it.approval, it.approved_by, it.approved_at) = (Approval::None, None, None);
        })
    }

    /// On somebody's word: `by` is the person, or the rules.
    pub fn approve(
        &mut self,
        approval: Approval,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<AuditChange, OutOfPlace> {
        let message = format!("approved by {by}");
        self.step(State::Approved, Some(message), Severity::Info, |it| {
            (it.approval, it.approved_by, it.approved_at) = (approval, Some(by.to_owned()), Some(now));
        })
    }

    /// For good, by the rules.
    pub fn refuse(&mut self, why: String, now: DateTime<Utc>) -> Result<AuditChange, OutOfPlace> {
        self.end(State::Refused, Some(why), Severity::Warning, now)
    }

    pub fn reject(&mut self, why: String, now: DateTime<Utc>) -> Result<AuditChange, OutOfPlace> {
        self.end(State::Rejected, Some(why), Severity::Info, now)
    }

    pub fn cancel(&mut self, why: String, now: DateTime<Utc>) -> Result<AuditChange, OutOfPlace> {
        self.end(State::Canceled, Some(why), Severity::Info, now)
    }

    /// Nobody decided in time, or it could not be sent: what was reserved is free again.
    pub fn lapse(&mut self, now: DateTime<Utc>) -> Result<AuditChange, OutOfPlace> {
        let why = match self.state {
            State::Approved => "it was approved, and not sent in time",
            _ => "nobody decided in time",
        };
        self.end(State::Lapsed, Some(why.to_owned()), Severity::Warning, now)
    }

    /// Before every sending, and stored before it: the key of the attempt. One that was begun keeps its key and its
    /// time, so that repeating it is no second one. Should whoever sends it die, another looks at it then.
    pub fn begin_attempt(
        &mut self,
        now: DateTime<Utc>,
        look_again_at: DateTime<Utc>,
    ) -> Result<Begun, OutOfPlace> {
        if let (State::Executing | State::Unknown, Some(key), Some(first_sent_at)) =
            (self.state, &self.idempotency_key, self.first_sent_at)
        {
            let (idempotency_key, change) = (key.clone(), None);
            self.look_again_at = Some(look_again_at);
            return Ok(Begun { idempotency_key, first_sent_at, change });
        }
        let attempt = self.attempt + 1;
        let idempotency_key = format!("tidegate-{}-{}-{attempt}", self.kind, self.key.id);
        let message = format!("attempt {attempt} is being sent");
        let change = self.step(State::Executing, Some(message), Severity::Info, |it| {
            it.attempt = attempt;
            it.idempotency_key = Some(idempotency_key.clone());
            it.first_sent_at = Some(now);
            it.look_again_at = Some(look_again_at);
            it.expires_at = None;
        })?;
        Ok(Begun { idempotency_key, first_sent_at: now, change: Some(change) })
    }

    /// It is done. What it made may still be pending at Stripe.
    pub fn succeed(&mut self, answer: Answer, now: DateTime<Utc>) -> Result<AuditChange, OutOfPlace> {
        let made = answer.stripe_id.as_deref().map(|id| format!("Stripe made {id}"));
        let change = self.end(State::Succeeded, made, Severity::Info, now)?;
        self.stripe_id = answer.stripe_id.or(self.stripe_id.take());
        self.stripe_status = answer.stripe_status;
        self.request_id = answer.request_id.or(self.request_id.take());
        (self.error_class, self.error_code, self.error_text) = (None, None, None);
        Ok(change)
    }

    /// It is definitely not done.
    pub fn fail(&mut self, fault: Fault, now: DateTime<Utc>) -> Result<AuditChange, OutOfPlace> {
        let change = self.end(State::Failed, Some(fault.text.clone()), Severity::Warning, now)?;
        self.note_fault(fault);
        Ok(change)
    }

    /// Nobody knows whether it was done. It is looked at again then; without a time it waits for a person. No line
    /// for the audit where that was so before.
    pub fn doubt(
        &mut self,
        fault: Fault,
        look_again_at: Option<DateTime<Utc>>,
    ) -> Result<Option<AuditChange>, OutOfPlace> {
        let text = fault.text.clone();
        let change = match self.state {
            State::Unknown => None,
            _ => Some(self.step(State::Unknown, Some(text.clone()), Severity::Critical, |_| ())?),
        };
        self.message = Some(text);
        self.note_fault(fault);
        self.look_again_at = look_again_at;
        (self.held_by, self.held_until) = (None, None);
        Ok(change)
    }

    /// Approved, it is not sent before then.
    pub fn hold_back_until(&mut self, send_at: Option<DateTime<Utc>>) {
        if self.state == State::Approved {
            self.look_again_at = send_at;
        }
    }

    /// Nothing was done yet, and nothing is in doubt: the same again, under the same key, not before this time.
    pub fn wait(&mut self, why: String, look_again_at: DateTime<Utc>) {
        self.message = Some(why);
        self.look_again_at = Some(look_again_at);
        (self.held_by, self.held_until) = (None, None);
    }

    /// Whoever sends it has it to themselves until then.
    pub fn hold(&mut self, holder: &str, until: DateTime<Utc>) {
        self.held_by = Some(holder.to_owned());
        self.held_until = Some(until);
    }

    pub fn release(&mut self) {
        (self.held_by, self.held_until) = (None, None);
    }

    fn note_fault(&mut self, fault: Fault) {
        self.error_class = Some(fault.class);
        self.error_code = fault.code;
        self.error_text = Some(fault.text);
        self.stripe_id = fault.stripe_id.or(self.stripe_id.take());
        self.request_id = fault.request_id.or(self.request_id.take());
    }

    fn end(
        &mut self,
        state: State,
        message: Option<String>,
        severity: Severity,
        now: DateTime<Utc>,
    ) -> Result<AuditChange, OutOfPlace> {
        self.step(state, message, severity, |it| {
            it.ended_at = Some(now);
            (it.expires_at, it.look_again_at) = (None, None);
            it.release();
        })
    }

    fn step(
        &mut self,
        next: State,
        message: Option<String>,
        severity: Severity,
        change: impl FnOnce(&mut Self),
    ) -> Result<AuditChange, OutOfPlace> {
        if !self.state.may_become(next) {
            return Err(OutOfPlace { state: self.state, wanted: next });
        }
        let before = Some(self.state.as_str().to_owned());
        self.state = next;
        self.message = message;
        change(self);
        let after = self.message.clone().unwrap_or_default();
        Ok(AuditChange { what: "state", before, after: Some(self.told(&after)), severity })
    }

    fn told(&self, more: &str) -> String {
        if more.is_empty() { self.state.to_string() } else { format!("{}: {more}", self.state) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn operation(state: State) -> Operation {
        let key = Key { id: "op_1".to_owned(), ..Key::default() };
        Operation { key, state, expires_at: Some(at(900)), ..Operation::default() }
    }

    #[test]
    fn an_attempt_has_one_key_however_often_it_is_sent() {
        let mut it = operation(State::Approved);
        let first = it.begin_attempt(at(100), at(160)).unwrap();
        assert_eq!(first.idempotency_key, "tidegate-refund-op_1-1");
        assert!(first.change.is_some() && it.state == State::Executing && it.expires_at.is_none());
        let again = it.begin_attempt(at(200), at(260)).unwrap();
        assert_eq!((again.idempotency_key, again.first_sent_at), (first.idempotency_key.clone(), at(100)));
        assert_eq!((again.change, it.attempt, it.look_again_at), (None, 1, Some(at(260))));
        assert!(it.doubt(Fault::default(), Some(at(300))).unwrap().is_some());
        assert_eq!(it.doubt(Fault::default(), None), Ok(None), "doubt goes on: no second line");
        assert_eq!(it.begin_attempt(at(400), at(460)).unwrap().idempotency_key, first.idempotency_key);
        assert_eq!((it.state, it.attempt), (State::Unknown, 1), "it is unknown until Stripe answers");
    }

    #[test]
    fn what_has_ended_never_moves_again() {
        for state in State::ALL.iter().copied().filter(|state| !state.is_open()) {
            for next in State::ALL {
                assert!(!state.may_become(*next), "{state} to {next}");
            }
            let mut it = operation(state);
            let before = it.clone();
            assert!(it.begin_attempt(at(1), at(61)).is_err() && it.lapse(at(1)).is_err());
            assert!(it.approve(Approval::Person, "joe", at(1)).is_err());
            assert!(
                it.cancel(String::new(), at(1)).is_err() && it.succeed(Answer::default(), at(1)).is_err()
            );
            assert_eq!(it, before, "a refused step changes nothing");
        }
    }

    #[test]
    fn what_was_sent_is_neither_canceled_nor_approved_anew() {
        for state in [State::Executing, State::Unknown] {
            let mut it = operation(state);
            assert!(it.cancel(String::new(), at(1)).is_err() && it.lapse(at(1)).is_err());
            assert!(it.need_approval(String::new()).is_err() && it.refuse(String::new(), at(1)).is_err());
        }
    }

    #[test]
    fn sent_back_for_approval_it_has_none() {
        let mut it = operation(State::NeedsApproval);
        it.approve(Approval::Person, "joe", at(5)).unwrap();
        assert_eq!((it.approval, it.approved_at), (Approval::Person, Some(at(5))));
        let change = it.need_approval("the policy changed".to_owned()).unwrap();
        assert_eq!(change.before.as_deref(), Some("approved"));
        assert_eq!(change.after.as_deref(), Some("needs_approval: the policy changed"));
        assert_eq!((it.approval, it.approved_by, it.approved_at), (Approval::None, None, None));
    }
}
