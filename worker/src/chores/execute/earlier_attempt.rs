//! What stands against an operation right before it is first sent. One that tries another again is sent only where that
//! one has made nothing: whoever settled it as not done may have looked too early.

use domain::operations::{Operation, Parameters};
use stripe_api::StripeError;

use super::at_stripe::{Checked, not};
use super::check::check;
use super::look_up::look_up;
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
                let why = format!("operation {earlier}, which this one tries again, was done after all");
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
            if let (Some(_), Ok(parameters)) = (failed.first_sent_at, failed.parameters()) {
                match look_up(&self.api, &failed, &parameters).await {
                    Ok(looked) if looked.found.is_some() => return Ok(Ok(Some(id))),
                    Ok(_) => {}
                    // Then Stripe has nothing that it could have been done with.
                    Err(error) if error.is_missing() => {}
                    Err(error) => return Ok(Err(error)),
                }
            }
            earlier = failed.retry_of;
        }
        Ok(Ok(None))
    }
}
