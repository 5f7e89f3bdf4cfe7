//! What came of an attempt: what Stripe made or refused becomes an event, and the operation is concluded by what is known.

use domain::Kind;
use domain::operations::{AnswerClass, Fault, NotFound, Operation, Parameters};
use envelope::Envelope;
use stripe_api::{Answer, PaymentIntentNow, ResponseOf, StripeError};

use super::fault::fault_of;
use super::made::{self, Made};
use super::record::Conclusion;
use super::{Executor, Interrupted};
use desk::backfill::publish;

impl Executor {
    /// It is done: what Stripe made becomes an event, and then the operation is concluded.
    pub(super) async fn adopt(
        &self,
        operation: &Operation,
        parameters: &Parameters,
        answer: Answer,
    ) -> Result<(), Interrupted> {
        if matches!(parameters, Parameters::Charge(_))
            && let Ok(intent) = answer.read::<PaymentIntentNow>()
            && intent.may_still_be_tried()
        {
            return self.conclude_under_way(operation, &intent.id).await;
        }
        let Ok(made) = Made::read(&answer) else {
            let fault = fault_of(&StripeError::Malformed("it is not of the expected form"));
            let later = Some(self.later(operation));
            return self.conclude(operation, Conclusion::Doubt(fault, later)).await;
        };
        if let Parameters::EvidenceStage(stage) = parameters
            && let Some(fault) = self.keep_stored(operation, stage, &answer).await?
        {
            return self.conclude(operation, Conclusion::Failed(fault)).await;
        }
        if let Some(kind) = parameters.makes() {
            match self.event(operation, kind, &made.id, answer.clone()).await {
                Ok(event) => {
                    if let Err(error) = publish(&self.lanes.queue, &event).await {
                        return self.tell_later(operation, &error.to_string()).await;
                    }
                }
                Err(error) => return self.tell_later(operation, &error.to_string()).await,
            }
        }
        let account = &operation.key.account;
        match made.looked_into(&self.api, parameters, &answer, account).await {
            Ok(made) => self.conclude(operation, made::conclusion(parameters, made, answer.request_id)).await,
            Err(error) => self.tell_later(operation, &error.to_string()).await,
        }
    }

    /// The event that tells of the object. A kept answer is old, so the object is read anew.
    async fn event(
        &self,
        operation: &Operation,
        kind: Kind,
        id: &str,
        answer: Answer,
    ) -> Result<Envelope, StripeError> {
        let of = ResponseOf { operation: operation.id(), attempt: operation.attempt };
        let key = operation.key.sibling(id);
        if answer.is_replayed {
            let now = self.api.now(kind, &key).await?;
            return of.event(kind, &key, &now);
        }
        of.event(kind, &key, &answer)
    }

    /// A refused charge leaves a payment intent, and what it says about it is worth knowing now; the webhook tells of
    /// it too.
    pub(super) async fn tell_of_failure(
        &self,
        operation: &Operation,
        parameters: &Parameters,
        error: &StripeError,
    ) {
        let inside = error.answer().and_then(|answer| answer.payment_intent.as_ref());
        let known = inside.map(|intent| (Kind::Payment, intent.id.clone())).or(made::subject_of(parameters));
        let Some((kind, id)) = known else { return };
        let key = operation.key.sibling(&id);
        let of = ResponseOf { operation: operation.id(), attempt: operation.attempt };
        let Ok(now) = self.api.now(kind, &key).await else { return };
        if let Ok(event) = of.event(kind, &key, &now)
            && let Err(error) = publish(&self.lanes.queue, &event).await
        {
            tracing::debug!(%error, "an answer was not queued: the webhook tells of it");
        }
    }

    /// It is done at Stripe, and is concluded when its event can be queued: whoever comes next finds it done.
    async fn tell_later(&self, operation: &Operation, why: &str) -> Result<(), Interrupted> {
        let fault = Fault {
            class: AnswerClass::Unknown.to_string(),
            text: format!("Stripe answered, and its answer could not be queued yet: {why}"),
            ..Fault::default()
        };
        self.conclude(operation, Conclusion::Later(fault, self.later(operation))).await
    }

    pub(super) async fn not_found(
        &self,
        operation: &Operation,
        not_found: NotFound,
    ) -> Result<(), Interrupted> {
        // A payment that Stripe no longer lists is not under way: a person may say what became of it.
        let class = operation.error_class.clone().filter(|class| *class != AnswerClass::UnderWay.to_string());
        let class = class.unwrap_or_else(|| AnswerClass::Unknown.to_string());
        let before = operation.error_text.clone().map(|text| format!(" ({text})")).unwrap_or_default();
        let (text, later) = match not_found {
            NotFound::LookAgain => {
                ("it waits for the merchant's approval at Stripe", Some(self.later(operation)))
            }
            _ => (
                "Stripe lists nothing that it made, and it may not be sent again: look at Stripe's dashboard, then say \
                 whether it was done",
                None,
            ),
        };
        let code = operation.error_code.clone();
        let fault = Fault { class, code, text: format!("{text}{before}"), ..Fault::default() };
        self.conclude(operation, Conclusion::Doubt(fault, later)).await
    }

    /// Stripe made a payment, and no try to take its money has ended: it may be paid yet.
    pub(super) async fn conclude_under_way(
        &self,
        operation: &Operation,
        payment: &str,
    ) -> Result<(), Interrupted> {
        let text = format!(
            "Stripe made {payment}, and has neither taken its money nor said why not: it may be paid yet. Where it is not to \
             be, cancel it in Stripe's dashboard"
        );
        let fault = Fault { class: AnswerClass::UnderWay.to_string(), text, ..Fault::default() };
        self.conclude(operation, Conclusion::Doubt(fault, Some(self.later(operation)))).await
    }
}
