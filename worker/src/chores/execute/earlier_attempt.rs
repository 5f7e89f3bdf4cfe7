//! What stands against an operation right before it is first sent. One that tries another again is sent only where that
//! one has made nothing: whoever settled it as not done may have looked too early.

use domain::operations::{Operation, Parameters};
use stripe_api::StripeError;

use super::at_stripe::{Checked, not};
use super::check::check;
use super::look_up::look_up;
use super::made::{Made, conclusion};
use super::record::Conclusion;
use super::{Executor, Interrupted};

/// An operation is tried again by a person each time: so many times are looked through.
const ATTEMPTS_LIMIT: usize = 20;

impl Executor {
    pub(super) async fn checked(
        &self,
        operation: &Operation,
        parameters: &Parameters,
    ) -> Result<Result<Checked, StripeError>, Interrupted> {
        match self.done_by(operation).await? {
            Err(error) => return Ok(Err(error)),
            Ok(Some(earlier)) => {
                let why = format!(
                    "operation {earlier}, which this one tries again, was done after all, or may be yet"
                );
                return Ok(Ok(Checked::Facts(not(&why))));
            }
            Ok(None) => {}
        }
        match parameters {
            Parameters::EvidenceSubmit(submit) => self.check_submission(operation, submit).await,
            _ => Ok(check(&self.api, operation, parameters).await),
        }
    }

    /// Which of the operations that this one tries again was done, as Stripe has it.
    async fn done_by(
        &self,
        operation: &Operation,
    ) -> Result<Result<Option<String>, StripeError>, Interrupted> {
        let mut earlier = operation.retry_of.clone();
        for _ in 0..ATTEMPTS_LIMIT {
            let Some(id) = earlier else { break };
            let Some(failed) = self.lanes.ledger.read().await?.operation(&id).await? else { break };
            match self.was_done(&failed).await {
                Ok(true) => return Ok(Ok(Some(id))),
                Ok(false) => {}
                Err(error) => return Ok(Err(error)),
            }
            earlier = failed.retry_of;
        }
        Ok(Ok(None))
    }

    /// Whether it made something new. A payment that was declined is made, and not done; of what changes an object, the
    /// object itself tells.
    async fn was_done(&self, failed: &Operation) -> Result<bool, StripeError> {
        let Ok(parameters) = failed.parameters() else { return Ok(false) };
        let is_new = matches!(
            parameters,
            Parameters::Refund(_) | Parameters::Charge(_) | Parameters::Subscribe(_) | Parameters::Credit(_)
        );
        if !is_new || failed.first_sent_at.is_none() {
            return Ok(false);
        }
        match look_up(&self.api, failed, &parameters).await {
            Ok(looked) => match looked.found {
                Some(answer) => {
                    let made = Made::read(&answer)?;
                    Ok(matches!(conclusion(&parameters, made, None), Conclusion::Succeeded(_)))
                }
                // What may be paid yet counts as done: another would be a second charge.
                None => Ok(looked.under_way.is_some()),
            },
            // Then Stripe has nothing that it could have been done with.
            Err(error) if error.is_missing() => Ok(false),
            Err(error) => Err(error),
        }
    }
}
