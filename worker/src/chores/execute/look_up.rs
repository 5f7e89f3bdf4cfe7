//! Looks up whether an operation in doubt was done: in Stripe's lists, which are complete at once, never by search.

use chrono::{DateTime, TimeDelta, Utc};
use domain::operations::{Operation, Parameters};
use serde::Deserialize;
use shared::clock;
use stripe_api::{
    Answer, Api, CreatedBetween, DisputeNow, InvoiceNow, Listed, Metadata, PaymentIntentNow, StripeError,
    SubscriptionNow,
};

use super::at_stripe::on_its_way;
use super::send::{OPERATION_ID, target};

/// How far our clock may have been ahead when an operation was sent.
const CLOCKS: TimeDelta = TimeDelta::hours(24);

pub(super) struct LookedUp {
    /// What it made.
    pub(super) found: Option<Answer>,
    /// A payment that it made, which Stripe may still bring to its end.
    pub(super) under_way: Option<String>,
    /// Stripe's own clock.
    at: Option<DateTime<Utc>>,
}

impl LookedUp {
    /// The later of our clock and Stripe's.
    pub(super) fn now(&self) -> DateTime<Utc> {
        let now = clock::now();
        self.at.map_or(now, |at| at.max(now))
    }

    fn among(listed: Listed, operation: &Operation) -> Result<Self, StripeError> {
        let mut found = None;
        for object in listed.objects {
            if is_made_by(&object, operation)? {
                found = Some(object);
            }
        }
        Ok(Self { found, under_way: None, at: listed.at })
    }

    /// A payment that was made, of which no try to take money has ended, may be paid after all: Stripe goes on with a
    /// charge whose answer was an error, and another worker's call may still run.
    fn unless_under_way(self) -> Result<Self, StripeError> {
        let Some(answer) = &self.found else { return Ok(self) };
        let intent: PaymentIntentNow = answer.read()?;
        if !intent.may_still_be_tried() {
            return Ok(self);
        }
        Ok(Self { found: None, under_way: Some(intent.id), ..self })
    }

    fn whether(is_done: bool, answer: Answer) -> Self {
        Self { at: answer.at, under_way: None, found: is_done.then_some(answer) }
    }
}

/// What every object says that can be made.
#[derive(Deserialize)]
struct Marked {
    #[serde(default)]
    metadata: Option<Metadata>,
}

pub(super) fn is_made_by(object: &Answer, operation: &Operation) -> Result<bool, StripeError> {
    let marked: Marked = object.read()?;
    let made_by = marked.metadata.as_ref().and_then(|metadata| metadata.get(OPERATION_ID));
    Ok(made_by.is_some_and(|id| id == operation.id()))
}

pub(super) async fn look_up(
    api: &Api,
    operation: &Operation,
    parameters: &Parameters,
) -> Result<LookedUp, StripeError> {
    let account = &operation.key.account;
    match parameters {
        Parameters::Refund(refund) => {
            LookedUp::among(api.refunds(target(refund)?, account).await?, operation)
        }
        Parameters::Charge(charge) => {
            // What a restored ledger finds may have been made long before it is sent as far as that knows.
            let from = operation.requested_at - CLOCKS;
            let created = CreatedBetween { from: Some(from), until: None };
            let listed = api.payment_intents_of(&charge.customer, created, account).await?;
            LookedUp::among(listed, operation)?.unless_under_way()
        }
        Parameters::Subscribe(subscribe) => {
            LookedUp::among(api.subscriptions_of(&subscribe.customer, account).await?, operation)
        }
        Parameters::Credit(credit) => {
            LookedUp::among(api.balance_changes_of(&credit.customer, account).await?, operation)
        }
        Parameters::Capture(capture) => {
            intent(api, &capture.payment_intent, account, &["succeeded", "processing"]).await
        }
        Parameters::Cancel(cancel) => intent(api, &cancel.payment_intent, account, &["canceled"]).await,
        Parameters::InvoiceRetry(retry) => {
            if let Some(id) = &retry.payment_intent {
                intent(api, id, account, &["succeeded", "processing", "requires_capture"]).await
            } else {
                let answer = api.invoice(&retry.invoice, account).await?;
                let now: InvoiceNow = answer.read()?;
                let is_done =
                    now.status.as_deref() == Some("paid") || on_its_way(api, &now, account).await?.is_some();
                Ok(LookedUp::whether(is_done, answer))
            }
        }
        Parameters::Unsubscribe(unsubscribe) => {
            let answer = api.subscription(&unsubscribe.subscription, account).await?;
            let now: SubscriptionNow = answer.read()?;
            let is_done = now.has_ended() || (unsubscribe.at_period_end && now.cancel_at_period_end);
            Ok(LookedUp::whether(is_done, answer))
        }
        Parameters::EvidenceStage(stage) => {
            let answer = api.dispute(&stage.dispute, account).await?;
            Ok(LookedUp::whether(is_made_by(&answer, operation)?, answer))
        }
        Parameters::EvidenceSubmit(submit) => {
            let answer = api.dispute(&submit.dispute, account).await?;
            let now = answer.read::<DisputeNow>()?;
            // An inquiry's count may stand beside a dispute that waits for an answer again.
            let is_submitted = now.evidence_details.submission_count > 0 && !now.waits_for_an_answer();
            Ok(LookedUp::whether(is_submitted, answer))
        }
        Parameters::DisputeAccept(accept) => {
            let answer = api.dispute(&accept.dispute, account).await?;
            let status = answer.read::<DisputeNow>()?.status;
            Ok(LookedUp::whether(matches!(status.as_str(), "lost" | "warning_closed"), answer))
        }
    }
}

async fn intent(api: &Api, id: &str, account: &str, done: &[&str]) -> Result<LookedUp, StripeError> {
    let answer = api.payment_intent(id, account).await?;
    let is_done = done.contains(&answer.read::<PaymentIntentNow>()?.status.as_str());
    Ok(LookedUp::whether(is_done, answer))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::Key;

    use super::*;

    #[test]
    fn an_operation_made_the_object_that_names_it_and_no_other() {
        let object = |metadata: &str| Answer {
            body: Bytes::from(format!(r#"{{"id": "re_1", "metadata": {metadata}}}"#)),
            ..Answer::default()
        };
        let key = Key { id: "op_1".to_owned(), ..Key::default() };
        let operation = Operation { key, ..Operation::default() };
        let found = |metadata: &[&str]| {
            let listed = Listed { objects: metadata.iter().map(|it| object(it)).collect(), at: None };
            LookedUp::among(listed, &operation).unwrap().found.map(|found| found.body)
        };
        let (own, other) = (r#"{"tidegate_operation_id": "op_1"}"#, r#"{"tidegate_operation_id": "op_2"}"#);
        assert_eq!(found(&[other, own, "{}"]), Some(object(own).body));
        assert_eq!(found(&[other, "{}", "null"]), None);
    }
}
