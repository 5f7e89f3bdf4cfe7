//! Sends exactly what an operation stores: one call to Stripe for each kind, and one before it where Stripe's own plan ends.

use std::collections::BTreeMap;

use domain::operations::parameters::InvoiceRetry;
use domain::operations::{Operation, Parameters};
use stripe_api::{
    Answer, Api, BalanceChange, EvidenceUpdate, InvoicePay, Metadata, NewPaymentIntent, NewRefund,
    NewSubscription, RefundTarget, Sending, StripeError,
};

/// Written on everything that is made, so that it is found again.
pub(super) const OPERATION_ID: &str = "tidegate_operation_id";

/// Before an invoice is collected in Stripe's place: ends Stripe's own plan for it.
pub(super) async fn take_over(
    api: &Api,
    retry: &InvoiceRetry,
    sending: Sending<'_>,
) -> Result<Answer, StripeError> {
    let key = format!("{}-takes-over", sending.key);
    api.set_auto_advance(&retry.invoice, false, Sending { key: &key, ..sending }).await
}

pub(super) async fn send(
    api: &Api,
    operation: &Operation,
    parameters: &Parameters,
    sending: Sending<'_>,
) -> Result<Answer, StripeError> {
    let metadata = Metadata::from([(OPERATION_ID.to_owned(), operation.id().to_owned())]);
    match parameters {
        Parameters::Refund(refund) => {
            let target = target(refund)?;
            let refund = NewRefund::of(target, refund.amount, refund.reason.as_deref(), &metadata);
            api.create_refund(&refund, sending).await
        }
        Parameters::Charge(charge) => {
            let payment = NewPaymentIntent {
                amount: charge.amount,
                currency: &charge.currency,
                customer: &charge.customer,
                payment_method: payment_method(operation, parameters)?,
                description: charge.description.as_deref(),
                statement_descriptor_suffix: None,
                metadata: &with_invoice(metadata, charge.invoice.as_deref()),
            };
            api.create_payment_intent(&payment, sending).await
        }
        Parameters::Capture(capture) => {
            api.capture_payment_intent(&capture.payment_intent, Some(capture.amount), sending).await
        }
        Parameters::Cancel(cancel) => {
            let reason = cancel.cancellation_reason.as_deref();
            api.cancel_payment_intent(&cancel.payment_intent, reason, sending).await
        }
        Parameters::Subscribe(subscribe) => {
            let subscription = NewSubscription {
                customer: &subscribe.customer,
                prices: &subscribe.prices,
                default_payment_method: Some(payment_method(operation, parameters)?),
                metadata: &metadata,
            };
            api.create_subscription(&subscription, sending).await
        }
        Parameters::Unsubscribe(unsubscribe) if unsubscribe.at_period_end => {
            api.cancel_subscription_at_period_end(&unsubscribe.subscription, sending).await
        }
        Parameters::Unsubscribe(unsubscribe) => {
            api.cancel_subscription(&unsubscribe.subscription, sending).await
        }
        Parameters::InvoiceRetry(retry) => {
            if let Some(intent) = &retry.payment_intent {
                let method = Some(payment_method(operation, parameters)?);
                api.confirm_payment_intent(intent, method, sending).await
            } else {
                let pay = InvoicePay { payment_method: retry.payment_method.as_deref(), off_session: true };
                api.pay_invoice(&retry.invoice, &pay, sending).await
            }
        }
        Parameters::Credit(credit) => {
            let change = BalanceChange {
                amount: -credit.amount,
                currency: &credit.currency,
                description: credit.description.as_deref(),
                metadata: &metadata,
            };
            api.change_balance(&credit.customer, &change, sending).await
        }
        Parameters::EvidenceStage(_) => Err(StripeError::Unsendable("evidence is stored with its files")),
        Parameters::EvidenceSubmit(submit) => {
            let update = EvidenceUpdate { evidence: &BTreeMap::new(), submit: true, metadata: &metadata };
            api.update_dispute(&submit.dispute, &update, sending).await
        }
        Parameters::DisputeAccept(accept) => api.close_dispute(&accept.dispute, sending).await,
    }
}

/// What pays: as it was found before the first sending, and the same under the same key.
fn payment_method<'a>(operation: &'a Operation, parameters: &'a Parameters) -> Result<&'a str, StripeError> {
    let found = operation.payment_method.as_deref().or(parameters.payment_method());
    found.ok_or(StripeError::Unsendable("no payment method was found for it"))
}

/// By this the ledger knows which of the merchant's invoices it pays.
fn with_invoice(mut metadata: Metadata, invoice: Option<&str>) -> Metadata {
    metadata.extend(invoice.map(|invoice| ("invoice_id".to_owned(), invoice.to_owned())));
    metadata
}

pub(super) fn target(
    refund: &domain::operations::parameters::Refund,
) -> Result<RefundTarget<'_>, StripeError> {
    match (&refund.payment_intent, &refund.charge) {
        (Some(intent), _) => Ok(RefundTarget::PaymentIntent(intent)),
        (None, Some(charge)) => Ok(RefundTarget::Charge(charge)),
        (None, None) => {
            Err(StripeError::Unsendable("the refund names neither a payment intent nor a charge"))
        }
    }
}
