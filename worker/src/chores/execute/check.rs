//! Reads from Stripe what an operation rests on, right before it is sent: people also act in Stripe's dashboard. What
//! cannot be read is not sent.

use std::collections::BTreeSet;

use chrono::DateTime;
use domain::operations::refund::{DisputeFact, RefundFacts, Standing};
use domain::operations::{Facts, Operation, Parameters, parameters};
use shared::clock;
use stripe_api::{
    Answer, Api, ChargeNow, CustomerNow, DisputeNow, InvoiceNow, PaymentIntentNow, RefundNow, RefundTarget,
    StripeError, SubscriptionNow,
};

use super::look_up::{is_made_by, look_up};
use super::send::target;

pub(super) enum Checked {
    /// Stripe has what it would make: the ledger forgot that it was sent.
    AlreadyMade(Answer),
    Facts(Now),
}

/// How things stand at Stripe.
pub(super) enum Now {
    /// For the rules.
    Rules(Facts),
    /// Nothing at Stripe is against it: the rules decide with the ledger's facts.
    Fine,
    /// It can no longer be done, and why.
    Not(String),
}

pub(super) async fn check(
    api: &Api,
    operation: &Operation,
    parameters: &Parameters,
) -> Result<Checked, StripeError> {
    let account = operation.key.account.as_str();
    let now = match parameters {
        Parameters::Refund(refund) => return check_refund(api, operation, refund).await,
        Parameters::Charge(charge) => customer(api, &charge.customer, account).await?,
        Parameters::Subscribe(subscribe) => customer(api, &subscribe.customer, account).await?,
        Parameters::Credit(credit) => customer(api, &credit.customer, account).await?,
        Parameters::Capture(capture) => match intent(api, &capture.payment_intent, account).await? {
            Ok(now) if now.status != "requires_capture" => not(&format!("the payment is {}", now.status)),
            Ok(now) if now.amount_capturable < capture.amount => {
                not("less can be captured than is asked for")
            }
            Ok(_) => Now::Fine,
            Err(gone) => gone,
        },
        Parameters::Cancel(cancel) => match intent(api, &cancel.payment_intent, account).await? {
            Ok(now) if matches!(now.status.as_str(), "succeeded" | "canceled") => {
                not(&format!("the payment is {}", now.status))
            }
            Ok(_) => Now::Fine,
            Err(gone) => gone,
        },
        Parameters::Unsubscribe(unsubscribe) => {
            let answer = api.subscription(&unsubscribe.subscription, account).await;
            match present::<SubscriptionNow>(answer, "subscription")? {
                Ok(now) if now.has_ended() => not(&format!("the subscription is {}", now.status)),
                Ok(_) => Now::Fine,
                Err(gone) => gone,
            }
        }
        Parameters::InvoiceRetry(retry) => check_invoice(api, retry, account).await?,
        Parameters::EvidenceStage(stage) => dispute(api, &stage.dispute, account, true).await?,
        Parameters::EvidenceSubmit(submit) => dispute(api, &submit.dispute, account, true).await?,
        Parameters::DisputeAccept(accept) => dispute(api, &accept.dispute, account, false).await?,
    };
    if matches!(now, Now::Fine)
        && makes_something_new(parameters)
        && let Some(made) = look_up(api, operation, parameters).await?.found
    {
        return Ok(Checked::AlreadyMade(made));
    }
    Ok(Checked::Facts(now))
}

/// Whether nothing at Stripe would refuse to do it twice, once its key is forgotten: an older copy of the ledger may not
/// know that it was sent. Refunds are looked for among those that are read anyway.
fn makes_something_new(parameters: &Parameters) -> bool {
    matches!(parameters, Parameters::Charge(_) | Parameters::Subscribe(_) | Parameters::Credit(_))
}

/// The charge, its refunds and its disputes.
async fn check_refund(
    api: &Api,
    operation: &Operation,
    refund: &parameters::Refund,
) -> Result<Checked, StripeError> {
    let (target, account) = (target(refund)?, operation.key.account.as_str());
    let refunds = match api.refunds(target, account).await {
        Err(error) if error.is_missing() => return Ok(Checked::Facts(not("Stripe has no such payment"))),
        listed => listed?.objects,
    };
    for made in &refunds {
        if is_made_by(made, operation)? {
            return Ok(Checked::AlreadyMade(made.clone()));
        }
    }
    let charges = match target {
        RefundTarget::Charge(id) => vec![api.charge(id, account).await?],
        RefundTarget::PaymentIntent(id) => api.charges_of(id, account).await?.objects,
    };
    let charges = read_all::<ChargeNow>(&charges)?;
    let Some(charge) = charges.iter().find(|charge| charge.status == "succeeded").or(charges.last()) else {
        return Ok(Checked::Facts(not("Stripe has no charge of this payment")));
    };
    let refunds = read_all::<RefundNow>(&refunds)?;
    let disputes = read_all::<DisputeNow>(&api.disputes(target, account).await?.objects)?;
    Ok(Checked::Facts(Now::Rules(Facts::Refund(facts(charge, &refunds, &disputes)))))
}

fn facts(charge: &ChargeNow, refunds: &[RefundNow], disputes: &[DisputeNow]) -> RefundFacts {
    let sum = |is_release| -> i64 {
        let counted = refunds.iter().filter(|refund| refund.counts() && refund.is_release() == is_release);
        counted.map(|refund| refund.amount).sum()
    };
    RefundFacts {
        status: if charge.captured { charge.status.clone() } else { "requires_capture".to_owned() },
        currency: charge.currency.clone(),
        captured: charge.amount_captured,
        // Old charges have sums that no refund explains. In our API version what a capture leaves is in the sum.
        refunded: sum(false).max(charge.amount_refunded - sum(true)),
        paid_at: DateTime::from_timestamp(charge.created, 0),
        refunds: refunds.iter().map(|refund| refund.id.clone()).collect::<BTreeSet<_>>(),
        disputes: disputes
            .iter()
            .map(|dispute| DisputeFact { id: dispute.id.clone(), standing: standing(dispute) })
            .collect(),
    }
}

/// What is not known counts as open.
fn standing(dispute: &DisputeNow) -> Standing {
    match dispute.status.as_str() {
        "warning_needs_response" | "warning_under_review" if dispute.is_charge_refundable => {
            Standing::Inquiry
        }
        "lost" => Standing::Lost,
        "won" | "prevented" | "warning_closed" => Standing::Over,
        _ => Standing::Open,
    }
}

async fn customer(api: &Api, id: &str, account: &str) -> Result<Now, StripeError> {
    Ok(match present::<CustomerNow>(api.customer(id, account).await, "customer")? {
        Ok(customer) if customer.deleted => not("Customer not found"),
        Ok(_) => Now::Fine,
        Err(_) => not("Customer not found"),
    })
}

async fn intent(api: &Api, id: &str, account: &str) -> Result<Result<PaymentIntentNow, Now>, StripeError> {
    present(api.payment_intent(id, account).await, "payment")
}

async fn check_invoice(
    api: &Api,
    retry: &parameters::InvoiceRetry,
    account: &str,
) -> Result<Now, StripeError> {
    if let Some(id) = &retry.payment_intent {
        return Ok(match intent(api, id, account).await? {
            Ok(now) if now.status == "requires_payment_method" => Now::Fine,
            Ok(now) => not(&format!("the payment is {}", now.status)),
            Err(gone) => gone,
        });
    }
    Ok(match present::<InvoiceNow>(api.invoice(&retry.invoice, account).await, "invoice")? {
        Ok(now) if now.status.as_deref() != Some("open") => {
            not(&format!("the invoice is {}", now.status.as_deref().unwrap_or("without a status")))
        }
        Ok(now) if now.collection_method.as_deref() == Some("send_invoice") => {
            not("the customer pays this invoice by hand")
        }
        Ok(now) if now.next_payment_attempt.is_some() && !retry.takes_over => {
            not("Stripe tries this invoice again by itself")
        }
        Ok(_) => Now::Fine,
        Err(gone) => gone,
    })
}

/// A loss can be accepted however late it is, and whatever was submitted: only an answer has its time.
async fn dispute(api: &Api, id: &str, account: &str, is_answer: bool) -> Result<Now, StripeError> {
    Ok(match present::<DisputeNow>(api.dispute(id, account).await, "dispute")? {
        Ok(now) if !matches!(now.status.as_str(), "needs_response" | "warning_needs_response") => {
            not(&format!("the dispute is {}", now.status))
        }
        Ok(_) if !is_answer => Now::Fine,
        Ok(now) => {
            let details = now.evidence_details;
            let is_over =
                details.past_due || details.due_by.is_none_or(|due_by| due_by <= clock::now().timestamp());
            if details.submission_count > 0 {
                not("evidence was submitted already")
            } else if is_over {
                not("the dispute can no longer be answered")
            } else {
                Now::Fine
            }
        }
        Err(gone) => gone,
    })
}

/// The inner error: Stripe has it no more.
fn present<T: serde::de::DeserializeOwned>(
    answer: Result<Answer, StripeError>,
    what: &str,
) -> Result<Result<T, Now>, StripeError> {
    match answer {
        Ok(answer) => Ok(Ok(answer.read()?)),
        Err(error) if error.is_missing() => Ok(Err(not(&format!("Stripe has no such {what}")))),
        Err(error) => Err(error),
    }
}

fn not(why: &str) -> Now {
    Now::Not(why.to_owned())
}

fn read_all<T: serde::de::DeserializeOwned>(answers: &[Answer]) -> Result<Vec<T>, StripeError> {
    answers.iter().map(Answer::read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge() -> ChargeNow {
        serde_json::from_str(
            r#"{"id": "ch_1", "status": "succeeded", "amount": 2500, "amount_captured": 2500, "amount_refunded": 500,
            "currency": "usd", "captured": true, "created": 1780000000}"#,
        )
        .unwrap()
    }

    fn refund(amount: i64, status: &str) -> RefundNow {
        let text = format!(
            r#"{{"id": "re_{amount}", "amount": {amount}, "currency": "usd", "status": "{status}"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn pending_refunds_count_failed_ones_do_not_and_old_sums_stand() {
        let refunds = [refund(700, "pending"), refund(800, "failed"), refund(900, "canceled")];
        let facts_now = facts(&charge(), &refunds, &[]);
        assert_eq!((facts_now.captured, facts_now.refunded, facts_now.refunds.len()), (2500, 700, 3));
        assert_eq!(facts(&charge(), &[], &[]).refunded, 500);
        let released = RefundNow { reason: Some("partial_capture".to_owned()), ..refund(1500, "succeeded") };
        let of_a_part = ChargeNow { amount_captured: 1000, amount_refunded: 1500, ..charge() };
        assert_eq!(facts(&of_a_part, std::slice::from_ref(&released), &[]).refunded, 0, "it never came in");
        let given_back = ChargeNow { amount_refunded: 1900, ..of_a_part };
        assert_eq!(facts(&given_back, &[released, refund(400, "pending")], &[]).refunded, 400);
        let uncaptured = ChargeNow { captured: false, ..charge() };
        assert_eq!(facts(&uncaptured, &[], &[]).status, "requires_capture");
    }

    #[test]
    fn a_dispute_of_an_unknown_status_stands_against_a_refund() {
        let dispute = |status: &str, is_charge_refundable| DisputeNow {
            id: "dp_1".to_owned(),
            status: status.to_owned(),
            is_charge_refundable,
            evidence_details: stripe_api::EvidenceDetails::default(),
        };
        for (status, refundable, expected) in [
            ("warning_needs_response", true, Standing::Inquiry),
            ("warning_needs_response", false, Standing::Open),
            ("needs_response", false, Standing::Open),
            ("appeal_needs_response", true, Standing::Open),
            ("lost", false, Standing::Lost),
            ("won", true, Standing::Over),
        ] {
            assert_eq!(standing(&dispute(status, refundable)), expected, "{status}");
        }
    }
}
