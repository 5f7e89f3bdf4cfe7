//! Stores each step of an operation in a transaction of its own, under the lock of its row, together with its calls
//! and its line in the audit.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::operations::{
    Answer, Decision, EXECUTOR, Fault, Operation, OperationState, OutOfPlace, Parameters, Verdict,
};
use domain::payments::Payment;
use ledger::{LedgerError, Transaction};
use shared::clock;
use stripe_api::StripeError;

use super::at_stripe::Now;
use super::{Executor, Interrupted, SKEW};
use crate::failpoint::Point;
use desk::acts::operations::{decide, gather, record};

/// How an attempt ended, or rests.
pub(super) enum Conclusion {
    Succeeded(Answer),
    Failed(Fault),
    /// Looked at again then; without a time by a person.
    Doubt(Fault, Option<DateTime<Utc>>),
    /// Nothing was done.
    Later(Fault, DateTime<Utc>),
}

impl Executor {
    /// The operation with what it may send, where it is still due.
    pub(super) async fn due(&self, id: &str) -> Result<Option<(Operation, Parameters)>, Interrupted> {
        let mut tx = self.lanes.ledger.begin().await?;
        let Some(mut operation) = tx.lock_operation(id).await? else { return Ok(None) };
        let now = clock::now();
        let holder = self.lease.holder();
        if !may_take(&operation, holder, now) {
            return Ok(None);
        }
        operation.hold(holder, now + self.hold());
        match operation.approved_parameters(&tx.decisions_of(id).await?) {
            Ok(parameters) => {
                let held = operation.clone();
                self.store(tx, operation, Ok(None), now).await?;
                Ok(Some((held, parameters)))
            }
            Err(unsendable) => {
                tracing::error!(operation = id, %unsendable, "an operation was altered: it is not sent");
                let change = if operation.state == OperationState::Approved {
                    operation.refuse(unsendable.to_string(), now).map(Some)
                } else {
                    let text = unsendable.to_string();
                    operation.doubt(Fault { class: "unknown".to_owned(), text, ..Fault::default() }, None)
                };
                self.store(tx, operation, change, now).await?;
                Ok(None)
            }
        }
    }

    /// Decides a third time, with what Stripe says now. `false`: it was refused, or needs another approval.
    pub(super) async fn decide(
        &self,
        operation: &Operation,
        now_at_stripe: &Now,
    ) -> Result<bool, Interrupted> {
        let now = clock::now();
        let mut tx = self.lanes.ledger.begin().await?;
        let Some(mut locked) = self.lock(&mut tx, operation).await? else { return Ok(false) };
        let change = match now_at_stripe {
            Now::Fine | Now::PaidBy(_) => {
                let facts = gather::facts(&self.lanes.ledger, &mut tx, &locked, now).await?;
                let verdict = decide::before_sending(&mut tx, &locked, &facts, now).await?;
                locked.decide_again(&verdict, now)
            }
            Now::Not(refused) => {
                let decision = Decision::Refused(refused.clone());
                locked.decide_again(&Verdict { decision, warning: locked.warning.clone() }, now)
            }
            Now::Rules(facts) => {
                let verdict = decide::before_sending(&mut tx, &locked, facts, now).await?;
                locked.decide_again(&verdict, now)
            }
        };
        if locked.state == OperationState::Approved {
            return Ok(true);
        }
        tracing::warn!(
            operation = operation.id(),
            state = %locked.state,
            reason = locked.message.clone().unwrap_or_default(),
            "an operation is not sent: what it rests on has changed"
        );
        self.lanes.metrics.operations.stopped_at_third.inc();
        self.store(tx, locked, change, now).await?;
        Ok(false)
    }

    /// Stores the attempt and its key: from now on it may have been sent. `None`: another was faster.
    pub(super) async fn begin(
        &self,
        operation: &Operation,
        payment_method: Option<String>,
    ) -> Result<Option<Operation>, Interrupted> {
        let now = clock::now();
        let mut tx = self.lanes.ledger.begin().await?;
        let Some(mut locked) = self.lock(&mut tx, operation).await? else { return Ok(None) };
        // What was found once stays: another one under the same key would be another request.
        locked.payment_method = locked.payment_method.take().or(payment_method);
        let Ok(begun) = locked.begin_attempt(now, now + self.shortest_rest()) else { return Ok(None) };
        locked.hold(self.lease.holder(), now + self.hold());
        let stored = locked.clone();
        self.store(tx, locked, Ok(begun.change), now).await?;
        Ok(Some(stored))
    }

    /// It could not be checked, so it stays approved and is tried again.
    pub(super) async fn postpone(
        &self,
        operation: &Operation,
        error: &StripeError,
    ) -> Result<(), Interrupted> {
        let now = clock::now();
        let mut tx = self.lanes.ledger.begin().await?;
        let Some(mut locked) = tx.lock_operation(operation.id()).await? else { return Ok(()) };
        if locked.state == OperationState::Approved {
            locked.wait(format!("not sent yet: {error}"), now + self.shortest_rest().max(asked_for(error)));
            self.store(tx, locked, Ok(None), now).await?;
        }
        Ok(())
    }

    /// Stores the calls of an attempt that goes on, and holds it for longer.
    /// `false`: somebody has settled it.
    pub(super) async fn hold_on(&self, operation: &Operation) -> Result<bool, Interrupted> {
        let now = clock::now();
        let mut tx = self.lanes.ledger.begin().await?;
        let Some(mut locked) = self.lock(&mut tx, operation).await? else { return Ok(false) };
        locked.hold(self.lease.holder(), now + self.hold());
        self.store(tx, locked, Ok(None), now).await?;
        Ok(true)
    }

    /// The payment first, as for every decision about money. `None`: another was faster, or somebody changed it.
    async fn lock(
        &self,
        tx: &mut Transaction,
        operation: &Operation,
    ) -> Result<Option<Operation>, LedgerError> {
        if let Some(payment) = operation.payment() {
            tx.lock_object::<Payment>(&payment).await?;
        }
        let locked = tx.lock_operation(operation.id()).await?;
        Ok(locked.filter(|locked| is_untouched(locked, operation)))
    }

    /// Stores what came of the attempt, unless somebody was faster.
    pub(super) async fn conclude(
        &self,
        operation: &Operation,
        conclusion: Conclusion,
    ) -> Result<(), Interrupted> {
        self.failpoint.reached(Point::BeforeStored);
        let now = clock::now();
        let mut tx = self.lanes.ledger.begin().await?;
        let Some(mut locked) = tx.lock_operation(operation.id()).await? else { return Ok(()) };
        if !awaits_answer(&locked, operation.attempt) {
            return Ok(());
        }
        let change = match conclusion {
            Conclusion::Succeeded(answer) => locked.succeed(answer, now).map(Some),
            Conclusion::Failed(fault) => locked.fail(fault, now).map(Some),
            Conclusion::Doubt(fault, later) => locked.doubt(fault, later),
            Conclusion::Later(fault, later) => {
                locked.wait(fault.text, later);
                Ok(None)
            }
        };
        self.log(&locked);
        self.store(tx, locked, change, now).await?;
        self.failpoint.reached(Point::AfterStored);
        Ok(())
    }

    async fn store(
        &self,
        mut tx: Transaction,
        mut operation: Operation,
        change: Result<Option<domain::AuditChange>, OutOfPlace>,
        now: DateTime<Utc>,
    ) -> Result<(), Interrupted> {
        let change = match change {
            Ok(change) => change,
            Err(error) => {
                tracing::error!(operation = operation.id(), %error, "an operation was left as it is");
                return Ok(());
            }
        };
        self.append_calls(&mut tx, &operation).await?;
        record::step(&mut tx, &mut operation, change, EXECUTOR, now).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn append_calls(&self, tx: &mut Transaction, operation: &Operation) -> Result<(), LedgerError> {
        for call in self.calls.take(operation.attempt) {
            tx.append_call(operation.id(), &call).await?;
        }
        Ok(())
    }

    fn log(&self, operation: &Operation) {
        self.lanes.metrics.operations.count_concluded(operation.kind, operation.state);
        let Operation { kind, state, amount, currency, stripe_id, error_code, request_id, .. } = operation;
        let (kind, state) = (kind.as_str(), state.as_str());
        let (id, stripe_id) = (operation.id(), stripe_id.as_deref());
        let (code, request_id) = (error_code.as_deref(), request_id.as_deref());
        match operation.state {
            OperationState::Unknown => tracing::error!(
                operation = id,
                operation_kind = kind,
                state,
                amount,
                currency,
                stripe_id,
                code,
                request_id,
                "nobody knows whether Stripe did it"
            ),
            OperationState::Failed => tracing::warn!(
                operation = id,
                operation_kind = kind,
                state,
                amount,
                currency,
                stripe_id,
                code,
                request_id,
                "Stripe did not do it"
            ),
            _ => tracing::info!(
                operation = id,
                operation_kind = kind,
                state,
                amount,
                currency,
                stripe_id,
                code,
                request_id,
                "{}",
                if operation.state == OperationState::Executing {
                    "an operation waits for another attempt"
                } else {
                    "an operation was sent"
                }
            ),
        }
    }
}

/// How long Stripe wants to be left alone, within what a time of looking again may be.
pub(super) fn asked_for(error: &StripeError) -> TimeDelta {
    let asked = error.retry_after().unwrap_or_default().min(Duration::from_hours(1));
    TimeDelta::from_std(asked).unwrap_or_default()
}

/// Whether this worker may send it now: the list that it comes from may be a moment old.
fn may_take(operation: &Operation, holder: &str, now: DateTime<Utc>) -> bool {
    let is_sendable = matches!(
        operation.state,
        OperationState::Approved | OperationState::Executing | OperationState::Unknown
    );
    let is_held = operation.held_by.as_deref().is_some_and(|held_by| held_by != holder)
        && operation.held_until.is_some_and(|until| until > now && until <= now + SKEW);
    is_sendable && !is_held && !operation.is_expired(now)
}

/// Whether nobody else has gone on with it since it was seen.
fn is_untouched(locked: &Operation, seen: &Operation) -> bool {
    (locked.state, locked.attempt) == (seen.state, seen.attempt)
        && locked.parameters_hash == seen.parameters_hash
        && locked.held_by == seen.held_by
}

/// Whether what Stripe said to this attempt still decides.
fn awaits_answer(locked: &Operation, attempt: i64) -> bool {
    let is_open = matches!(locked.state, OperationState::Executing | OperationState::Unknown);
    is_open && locked.attempt == attempt
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000, 0).unwrap()
    }

    fn held_by(holder: &str, secs: i64) -> Operation {
        let mut operation = Operation { state: OperationState::Approved, ..Operation::default() };
        operation.hold(holder, now() + TimeDelta::seconds(secs));
        operation
    }

    #[test]
    fn an_operation_is_taken_where_nobody_else_holds_it_and_its_approval_stands() {
        let may = |operation: &Operation| may_take(operation, "me", now());
        assert!(may(&held_by("me", 60)) && may(&held_by("another", 0)), "its hold has ended");
        assert!(!may(&held_by("another", 1)));
        assert!(may(&held_by("another", 3 * 3_600)), "such a hold was written by a clock that ran ahead");
        let until =
            |secs| Operation { expires_at: Some(now() + TimeDelta::seconds(secs)), ..held_by("me", 60) };
        assert!(may(&until(1)) && !may(&until(0)));
        assert!(!may(&Operation { state: OperationState::Succeeded, ..held_by("me", 60) }));
    }

    #[test]
    fn whoever_was_overtaken_goes_on_with_nothing() {
        let seen = Operation { state: OperationState::Executing, attempt: 1, ..held_by("me", 60) };
        assert!(is_untouched(&seen, &seen) && awaits_answer(&seen, 1));
        assert!(!is_untouched(&Operation { attempt: 1, state: seen.state, ..held_by("another", 60) }, &seen));
        let later = Operation { attempt: 2, ..seen.clone() };
        assert!(!is_untouched(&later, &seen) && !awaits_answer(&later, 1));
        let ended = Operation { state: OperationState::Succeeded, ..seen.clone() };
        assert!(!is_untouched(&ended, &seen) && !awaits_answer(&ended, 1));
    }
}
