//! What Stripe made of an operation: which object, and whether its status means that the operation is done.

use domain::Kind;
use domain::operations::{self, AnswerClass, Fault, Parameters};
use serde::Deserialize;
use stripe_api::{Answer, Api, StripeError};

use super::at_stripe::on_its_way;
use super::record::Conclusion;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Made {
    pub(super) id: String,
    #[serde(default)]
    pub(super) status: Option<String>,
}

impl Made {
    pub(super) fn read(answer: &Answer) -> Result<Self, StripeError> {
        answer.read()
    }

    /// The same, where an invoice that is still open may be one whose bank debit is on its way.
    pub(super) async fn looked_into(
        mut self,
        api: &Api,
        parameters: &Parameters,
        answer: &Answer,
        account: &str,
    ) -> Result<Self, StripeError> {
        if matches!(parameters, Parameters::InvoiceRetry(retry) if retry.payment_intent.is_none())
            && on_its_way(api, &answer.read()?, account).await?.is_some()
        {
            self.status = Some("processing".to_owned());
        }
        Ok(self)
    }
}

/// What a refused operation was about, where its state at Stripe may explain the refusal.
pub(super) fn subject_of(parameters: &Parameters) -> Option<(Kind, String)> {
    let (kind, id) = match parameters {
        Parameters::Capture(capture) => (Kind::Payment, &capture.payment_intent),
        Parameters::Cancel(cancel) => (Kind::Payment, &cancel.payment_intent),
        Parameters::InvoiceRetry(retry) => match &retry.payment_intent {
            Some(intent) => (Kind::Payment, intent),
            None => (Kind::Invoice, &retry.invoice),
        },
        Parameters::Unsubscribe(unsubscribe) => (Kind::Subscription, &unsubscribe.subscription),
        Parameters::EvidenceStage(stage) => (Kind::Dispute, &stage.dispute),
        Parameters::EvidenceSubmit(submit) => (Kind::Dispute, &submit.dispute),
        Parameters::DisputeAccept(accept) => (Kind::Dispute, &accept.dispute),
        Parameters::Refund(_) | Parameters::Charge(_) | Parameters::Subscribe(_) | Parameters::Credit(_) => {
            return None;
        }
    };
    Some((kind, id.clone()))
}

/// Made is not always done: a refund may have failed, and a payment may ask for its customer.
pub(super) fn conclusion(parameters: &Parameters, made: Made, request_id: Option<String>) -> Conclusion {
    let status = made.status.as_deref().unwrap_or_default();
    if parameters.is_done_in(status) {
        return Conclusion::Succeeded(operations::Answer {
            stripe_id: Some(made.id),
            stripe_status: made.status,
            request_id,
        });
    }
    Conclusion::Failed(Fault {
        class: AnswerClass::Done.to_string(),
        code: made.status.clone(),
        text: format!("Stripe made {}, whose status is {status}", made.id),
        stripe_id: Some(made.id),
        request_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::operations::parameters::{Cancel, Refund};

    fn concluded(parameters: &Parameters, status: &str) -> &'static str {
        let made = Made { id: "x_1".to_owned(), status: Some(status.to_owned()) };
        match conclusion(parameters, made, None) {
            Conclusion::Succeeded(_) => "succeeded",
            Conclusion::Failed(_) => "failed",
            _ => "open",
        }
    }

    #[test]
    fn a_refund_that_is_pending_is_sent_and_one_that_failed_is_not() {
        let refund = Parameters::Refund(Refund {
            payment_intent: Some("pi_1".to_owned()),
            charge: None,
            amount: 1,
            currency: "usd".to_owned(),
            reason: None,
        });
        for (status, expected) in [
            ("succeeded", "succeeded"),
            ("pending", "succeeded"),
            ("requires_action", "succeeded"),
            ("failed", "failed"),
            ("canceled", "failed"),
        ] {
            assert_eq!(concluded(&refund, status), expected, "{status}");
        }
    }

    #[test]
    fn a_payment_that_is_not_canceled_is_not_done() {
        let cancel =
            Parameters::Cancel(Cancel { payment_intent: "pi_1".to_owned(), cancellation_reason: None });
        assert_eq!(
            (concluded(&cancel, "canceled"), concluded(&cancel, "succeeded")),
            ("succeeded", "failed")
        );
    }
}
