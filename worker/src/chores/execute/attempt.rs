//! One operation, from its row to its conclusion: check, store, send, look up, conclude.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::operations::{
    AnswerClass, Fault, Next, NotFound, Operation, OperationState, Parameters, REPEATS_LIMIT, after, rest,
    when_not_found,
};
use shared::clock;
use stripe_api::{Answer, Sending, StripeError};

use super::at_stripe::{Checked, Now};
use super::evidence::{Staged, not_ready};
use super::fault::fault_of;
use super::look_up::look_up;
use super::record::{Conclusion, asked_for};
use super::send::{send, take_over};
use super::{Executor, Interrupted, LEASE_MARGIN};
use crate::failpoint::Point;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(10);

/// What came of sending.
enum Sent {
    Answered(Answer),
    Failed(StripeError),
    /// Only Stripe's lists can tell.
    LookUp(StripeError),
    Concluded(Conclusion),
    /// A person settled it meanwhile.
    Overtaken,
}

impl Executor {
    /// Brings one operation as far as it can come now.
    pub(super) async fn execute(&self, id: &str) -> Result<(), Interrupted> {
        let Some((operation, parameters)) = self.due(id).await? else { return Ok(()) };
        match operation.state {
            OperationState::Approved => self.first(operation, &parameters).await,
            _ => self.again(operation, &parameters).await,
        }
    }

    /// Approved, and never sent: it is decided once more with what Stripe says now.
    async fn first(&self, operation: Operation, parameters: &Parameters) -> Result<(), Interrupted> {
        let mut payment_method = None;
        let found = match self.checked(&operation, parameters).await? {
            Ok(Checked::AlreadyMade(answer)) => Some(answer),
            Ok(Checked::Facts(facts)) => {
                if !self.decide(&operation, &facts).await? {
                    return Ok(());
                }
                if let Now::PaidBy(found) = facts {
                    payment_method = Some(found);
                }
                None
            }
            Err(error) if error.class() == AnswerClass::KeyRevoked => {
                self.postpone(&operation, &error).await?;
                return Err(Interrupted::KeyRevoked(error));
            }
            Err(StripeError::Stopped) => return Err(Interrupted::Stopped),
            // What cannot be checked is not sent.
            Err(error) => return self.postpone(&operation, &error).await,
        };
        self.failpoint.reached(Point::BeforeRow);
        let Some(operation) = self.begin(&operation, payment_method).await? else { return Ok(()) };
        self.failpoint.reached(Point::AfterRow);
        match found {
            Some(answer) => self.adopt(&operation, parameters, answer).await,
            None => self.send_and_conclude(operation, parameters, false).await,
        }
    }

    /// It was sent before, or was about to be: Stripe's lists say what became of it, or the same key does.
    async fn again(&self, operation: Operation, parameters: &Parameters) -> Result<(), Interrupted> {
        let last = operation.error_class.as_deref().and_then(AnswerClass::named);
        match look_up(&self.api, &operation, parameters).await {
            Ok(looked) => match looked.found {
                Some(answer) => self.adopt(&operation, parameters, answer).await,
                None if looked.under_way.is_some() => {
                    self.conclude_under_way(&operation, &looked.under_way.unwrap_or_default()).await
                }
                None => match when_not_found(last, sent_at(&operation), looked.now()) {
                    NotFound::SendAgain => {
                        if let Some(why) = self.changed(&operation, parameters).await? {
                            let fault = Fault {
                                class: AnswerClass::Unknown.to_string(),
                                text: format!("it was not sent again: {why}"),
                                ..Fault::default()
                            };
                            let later = Some(self.later(&operation));
                            return self.conclude(&operation, Conclusion::Doubt(fault, later)).await;
                        }
                        let Some(operation) = self.begin(&operation, None).await? else { return Ok(()) };
                        self.send_and_conclude(operation, parameters, true).await
                    }
                    not_found => self.not_found(&operation, not_found).await,
                },
            },
            Err(StripeError::Stopped) => Err(Interrupted::Stopped),
            Err(error) => {
                let later = self.later(&operation);
                // Stripe will not say: a person may settle it, and what is known of the attempt stays known.
                let conclusion = if error.class() == AnswerClass::Refused {
                    let class = operation.error_class.clone();
                    let class = class.unwrap_or_else(|| AnswerClass::Unknown.to_string());
                    Conclusion::Doubt(Fault { class, ..fault_of(&error) }, Some(later))
                } else {
                    Conclusion::Later(fault_of(&error), later)
                };
                self.conclude(&operation, conclusion).await?;
                match error.class() {
                    AnswerClass::KeyRevoked => Err(Interrupted::KeyRevoked(error)),
                    _ => Ok(()),
                }
            }
        }
    }

    /// `is_again`: an earlier worker may have sent it.
    async fn send_and_conclude(
        &self,
        operation: Operation,
        parameters: &Parameters,
        is_again: bool,
    ) -> Result<(), Interrupted> {
        match self.send(&operation, parameters, is_again).await? {
            Sent::Answered(answer) => self.adopt(&operation, parameters, answer).await,
            Sent::Failed(error) if may_be_paid_all_the_same(parameters, &error) => {
                self.judge_by_invoice(&operation, parameters, &error).await
            }
            Sent::Failed(error) => self.fail(&operation, parameters, &error).await,
            Sent::Concluded(conclusion) => self.conclude(&operation, conclusion).await,
            Sent::Overtaken => Ok(()),
            Sent::LookUp(error) => {
                if let Ok(looked) = look_up(&self.api, &operation, parameters).await {
                    match looked.found {
                        Some(answer) => self.adopt(&operation, parameters, answer).await,
                        None if looked.under_way.is_some() => {
                            self.conclude_under_way(&operation, &looked.under_way.unwrap_or_default()).await
                        }
                        None if error.class() == AnswerClass::KeyReused => {
                            self.conclude(&operation, Conclusion::Doubt(fault_of(&error), None)).await
                        }
                        None if error.class() == AnswerClass::Refused && !error.is_forbidden() => {
                            self.fail(&operation, parameters, &error).await
                        }
                        // A kept failure may still be followed by what it began: look again until the key is gone.
                        None => {
                            let later = Some(self.later(&operation));
                            self.conclude(&operation, Conclusion::Doubt(fault_of(&error), later)).await
                        }
                    }
                } else {
                    let later = Some(self.later(&operation));
                    self.conclude(&operation, Conclusion::Doubt(fault_of(&error), later)).await
                }
            }
        }
    }

    async fn fail(
        &self,
        operation: &Operation,
        parameters: &Parameters,
        error: &StripeError,
    ) -> Result<(), Interrupted> {
        self.tell_of_failure(operation, parameters, error).await;
        self.conclude(operation, Conclusion::Failed(fault_of(error))).await
    }

    /// Stripe has no code for an invoice that somebody else has paid meanwhile: the invoice itself says so.
    async fn judge_by_invoice(
        &self,
        operation: &Operation,
        parameters: &Parameters,
        error: &StripeError,
    ) -> Result<(), Interrupted> {
        match look_up(&self.api, operation, parameters).await {
            Ok(looked) => match looked.found {
                Some(answer) => self.adopt(operation, parameters, answer).await,
                None => self.fail(operation, parameters, error).await,
            },
            Err(StripeError::Stopped) => Err(Interrupted::Stopped),
            Err(_) => {
                let later = Some(self.later(operation));
                self.conclude(operation, Conclusion::Doubt(fault_of(error), later)).await
            }
        }
    }

    /// Sends, and repeats with the same key what fails on the way.
    async fn send(
        &self,
        operation: &Operation,
        parameters: &Parameters,
        is_again: bool,
    ) -> Result<Sent, Interrupted> {
        let key = operation.idempotency_key.clone().unwrap_or_default();
        let sending = Sending { account: &operation.key.account, key: &key };
        let mut in_doubt = operation.state == OperationState::Unknown;
        let mut doubted: Option<Fault> = None;
        let (mut repetition, mut pause) = (0, FIRST_PAUSE);
        loop {
            self.failpoint.reached(Point::BeforeCall);
            self.failpoint.soon(Point::DuringCall);
            let (answer, is_ready) = match parameters {
                Parameters::EvidenceStage(stage) => match self.stage(operation, stage, sending).await? {
                    Staged::Answered(answer) => (Ok(answer), true),
                    Staged::Failed(error) => (Err(error), true),
                    Staged::NotReady(error) => (Err(error), false),
                    Staged::Overtaken => return Ok(Sent::Overtaken),
                },
                Parameters::InvoiceRetry(retry) if retry.ends_stripes_plan() => {
                    match take_over(&self.api, retry, sending).await {
                        Err(error) => (Err(error), true),
                        // The next call has its own deadline.
                        Ok(_) if !self.hold_on(operation).await? => return Ok(Sent::Overtaken),
                        Ok(_) => (send(&self.api, operation, parameters, sending).await, true),
                    }
                }
                _ => (send(&self.api, operation, parameters, sending).await, true),
            };
            self.failpoint.reached(Point::AfterCall);
            let error = match answer {
                Ok(answer) => return Ok(Sent::Answered(answer)),
                // The call may have gone out: whoever comes next looks it up.
                Err(StripeError::Stopped) => return Err(Interrupted::Stopped),
                Err(error) => error,
            };
            let class = if is_ready { error.class() } else { not_ready(error.class(), in_doubt) };
            let is_replayed = error.answer().is_some_and(|answer| answer.is_replayed);
            if class == AnswerClass::Unknown {
                in_doubt = true;
                doubted = Some(fault_of(&error));
            }
            if matches!(error, StripeError::Resting { .. }) {
                repetition = REPEATS_LIMIT;
            }
            let fault = || fault_of(&error);
            // Why it is in doubt says more than why it was not sent again; but while one runs, nobody may say that it was not done.
            let doubt = || match &doubted {
                Some(doubted) if class == AnswerClass::TwinRuns => {
                    Fault { class: class.to_string(), ..doubted.clone() }
                }
                Some(doubted) => doubted.clone(),
                None => fault(),
            };
            let later = self.later(operation).max(clock::now() + asked_for(&error));
            // What was not done yet stays so, whoever sent it; a refusal may come after it was done.
            let may_be_done = in_doubt || (is_again && class == AnswerClass::Refused);
            return Ok(match after(class, is_replayed, repetition, may_be_done) {
                Next::Repeat => {
                    let asked = asked_for(&error).to_std().unwrap_or_default();
                    self.pause(pause.max(asked.min(RETRY_AFTER_LIMIT))).await;
                    self.go_on().await?;
                    if !self.hold_on(operation).await? {
                        return Ok(Sent::Overtaken);
                    }
                    // A machine that slept meanwhile: Stripe may have forgotten the key, and would do it once more.
                    if when_not_found(None, sent_at(operation), clock::now()) != NotFound::SendAgain {
                        return Ok(Sent::Concluded(Conclusion::Doubt(doubt(), Some(later))));
                    }
                    (repetition, pause) = (repetition + 1, pause * 2);
                    continue;
                }
                Next::Fail | Next::Succeed => Sent::Failed(error),
                Next::LookUp => Sent::LookUp(error),
                Next::Wait => Sent::Concluded(Conclusion::Later(fault(), later)),
                Next::Park => Sent::Concluded(Conclusion::Doubt(fault(), Some(later))),
                Next::Doubt => Sent::Concluded(Conclusion::Doubt(doubt(), Some(later))),
                Next::Halt => {
                    let conclusion = if in_doubt {
                        Conclusion::Doubt(doubt(), Some(later))
                    } else {
                        Conclusion::Later(fault(), later)
                    };
                    self.conclude(operation, conclusion).await?;
                    return Err(Interrupted::KeyRevoked(error));
                }
            });
        }
    }

    pub(super) fn later(&self, operation: &Operation) -> DateTime<Utc> {
        let now = clock::now();
        now + rest(sent_at(operation), now).max(self.shortest_rest())
    }

    pub(super) fn shortest_rest(&self) -> TimeDelta {
        TimeDelta::from_std(self.api.deadline()).unwrap_or(TimeDelta::seconds(30))
    }

    /// For one call and the statements around it.
    pub(super) fn hold(&self) -> TimeDelta {
        TimeDelta::from_std(self.api.deadline() + self.api.turn_limit() + LEASE_MARGIN)
            .unwrap_or(TimeDelta::minutes(1))
    }
}

/// A 400 to a retry says only that this request changed nothing.
fn may_be_paid_all_the_same(parameters: &Parameters, error: &StripeError) -> bool {
    matches!(parameters, Parameters::InvoiceRetry(_))
        && error.answer().is_some_and(|answer| answer.status == 400)
}

fn sent_at(operation: &Operation) -> DateTime<Utc> {
    operation.first_sent_at.unwrap_or(operation.requested_at)
}
