//! What stands against an operation right before it is first sent. One that tries another again is sent only where that
//! one has made nothing: whoever settled it as not done may have looked too early.

use domain::operations::{Operation, Parameters};
use stripe_api::StripeError;

use super::at_stripe::{Checked, not};
use super::check::check;
use super::look_up::{LookedUp, look_up};
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
            Ok(Some(why)) => return Ok(Ok(Checked::Facts(not(&why)))),
            Ok(None) => {}
        }
        match parameters {
            Parameters::EvidenceSubmit(submit) => self.check_submission(operation, submit).await,
            _ => Ok(check(&self.api, operation, parameters).await),
        }
    }

    /// Why one of those that this one tries again stands against it: as Stripe has it, it was done, or may be yet.
    async fn done_by(
        &self,
        operation: &Operation,
    ) -> Result<Result<Option<String>, StripeError>, Interrupted> {
        let mut earlier = operation.retry_of.clone();
        for _ in 0..ATTEMPTS_LIMIT {
            let Some(id) = earlier else { break };
            let Some(failed) = self.lanes.ledger.read().await?.operation(&id).await? else { break };
            match self.was_done(&failed).await {
                Ok(None) => {}
                Ok(made) => return Ok(Ok(made)),
                Err(error) => return Ok(Err(error)),
            }
            earlier = failed.retry_of;
        }
        Ok(Ok(None))
    }

    /// Whether it made something new, in words. A payment that was declined is made, and not done; of what changes an
    /// object, the object itself tells.
    async fn was_done(&self, failed: &Operation) -> Result<Option<String>, StripeError> {
        let Ok(parameters) = failed.parameters() else { return Ok(None) };
        let is_new = matches!(
            parameters,
            Parameters::Refund(_) | Parameters::Charge(_) | Parameters::Subscribe(_) | Parameters::Credit(_)
        );
        if !is_new || failed.first_sent_at.is_none() {
            return Ok(None);
        }
        let tried = format!("operation {}, which this one tries again,", failed.id());
        match look_up(&self.api, failed, &parameters).await {
            Ok(LookedUp { found: Some(answer), .. }) => {
                let made = Made::read(&answer)?;
                let is_done = matches!(conclusion(&parameters, made, None), Conclusion::Succeeded(_));
                Ok(is_done.then(|| format!("{tried} was done after all")))
            }
            Ok(LookedUp { under_way, .. }) => Ok(under_way.map(|payment| {
                format!(
                    "{tried} made {payment}, which may be paid yet: cancel it in Stripe's dashboard first"
                )
            })),
            // Then Stripe has nothing that it could have been done with.
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
