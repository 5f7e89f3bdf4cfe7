//! Reads from Stripe what an operation rests on, right before it is sent: people also act in Stripe's dashboard. What
//! cannot be read is not sent.

use std::collections::BTreeSet;

use chrono::DateTime;
use domain::money::shown;
use domain::operations::refund::{DisputeFact, RefundFacts, Standing};
use domain::operations::{Facts, Operation, Parameters, Refused, parameters};
use shared::clock;
use stripe_api::{
    Api, ChargeNow, DisputeNow, PaymentIntentNow, RefundNow, RefundTarget, StripeError, SubscriptionNow,
};

use super::at_stripe::{Checked, Now, not, present, read_all};
use super::look_up::is_made_by;
use super::payer;
use super::send::target;

pub(super) async fn check(
    api: &Api,
    operation: &Operation,
    parameters: &Parameters,
) -> Result<Checked, StripeError> {
    let account = operation.key.account.as_str();
    let now = match parameters {
        Parameters::Refund(refund) => return check_refund(api, operation, refund).await,
        Parameters::Charge(charge) => return payer::of_charge(api, operation, charge).await,
        Parameters::Subscribe(subscribe) => return payer::of_subscription(api, operation, subscribe).await,
        Parameters::Credit(credit) => return payer::of_credit(api, operation, credit).await,
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
            Ok(now) if now.amount_received > 0 => {
                Now::Not(Refused::PartlyCaptured { captured: shown(now.amount_received, &now.currency) })
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
        Parameters::InvoiceRetry(retry) => payer::of_retry(api, operation, retry).await?,
        Parameters::EvidenceStage(stage) => dispute(api, &stage.dispute, account, true).await?,
        Parameters::EvidenceSubmit(submit) => dispute(api, &submit.dispute, account, true).await?,
        Parameters::DisputeAccept(accept) => dispute(api, &accept.dispute, account, false).await?,
    };
    Ok(Checked::Facts(now))
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
    Ok(Checked::Facts(Now::Rules(Box::new(Facts::Refund(facts(charge, &refunds, &disputes))))))
}

fn facts(charge: &ChargeNow, refunds: &[RefundNow], disputes: &[DisputeNow]) -> RefundFacts {
    let sum = |is_release| -> i64 {
        let counted = refunds.iter().filter(|refund| refund.counts() && refund.is_release() == is_release);
        counted.map(|refund| refund.amount).sum()
    };
    // What a capture leaves is given back by a refund that is not always marked as one. Where more went back than was
    // captured, the rest is in the sum, so that much of it never came in. Else nobody can tell such a refund from one of
    // money: it counts, and less is refunded than might be.
    let uncaptured = (charge.amount - charge.amount_captured).max(0);
    let has_released = charge.captured && charge.amount_refunded > charge.amount_captured;
    let unmarked = if has_released { (uncaptured - sum(true)).max(0) } else { 0 };
    RefundFacts {
        status: if charge.captured { charge.status.clone() } else { "requires_capture".to_owned() },
        currency: charge.currency.clone(),
        captured: charge.amount_captured,
        // Old charges have sums that no refund explains. In our API version what a capture leaves is in the sum.
        refunded: (sum(false) - unmarked).max(charge.amount_refunded - sum(true) - unmarked).max(0),
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
        "prevented" if dispute.has_taken() => Standing::Lost,
        "won" | "prevented" | "warning_closed" => Standing::Over,
        _ => Standing::Open,
    }
}

async fn intent(api: &Api, id: &str, account: &str) -> Result<Result<PaymentIntentNow, Now>, StripeError> {
    present(api.payment_intent(id, account).await, "payment")
}

/// A loss can be accepted however late it is, and whatever was submitted: only an answer has its time.
async fn dispute(api: &Api, id: &str, account: &str, is_answer: bool) -> Result<Now, StripeError> {
    let now = present::<DisputeNow>(api.dispute(id, account).await, "dispute")?;
    Ok(now.map_or_else(|gone| gone, |now| judge_dispute(&now, is_answer)))
}

/// Whether Stripe still waits for an answer.
pub(super) fn judge_dispute(now: &DisputeNow, is_answer: bool) -> Now {
    if !now.waits_for_an_answer() {
        return not(&format!("the dispute is {}", now.status));
    }
    let details = &now.evidence_details;
    let is_over = details.past_due || details.due_by.is_none_or(|due_by| due_by <= clock::now().timestamp());
    if !is_answer {
        Now::Fine
    } else if is_over {
        not("the dispute can no longer be answered")
    } else {
        Now::Fine
    }
}

#[cfg(test)]
mod tests {
    use stripe_api::MovementNow;

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
        let partly = ChargeNow { captured: false, amount_captured: 700, amount_refunded: 200, ..charge() };
        let now = facts(&partly, &[refund(200, "succeeded")], &[]);
        assert_eq!((now.status.as_str(), now.captured, now.refunded), ("requires_capture", 700, 200));
        let uncaptured = ChargeNow { captured: false, ..charge() };
        assert_eq!(facts(&uncaptured, &[], &[]).status, "requires_capture");
    }

    #[test]
    fn a_release_that_is_not_marked_is_no_refund_where_that_is_certain() {
        let of_a_part = |captured, refunded| ChargeNow {
            amount_captured: captured,
            amount_refunded: refunded,
            ..charge()
        };
        for (captured, sum, made, refunded, why) in [
            (1_000, 1_500, &[1_500][..], 0, "only what the capture left"),
            (1_000, 1_900, &[1_500, 400], 400, "and a refund beside it"),
            (1_000, 2_500, &[1_500, 1_000], 1_000, "all went back"),
            (1_500, 1_000, &[1_000], 1_000, "it may be either: it counts"),
            (1_000, 1_500, &[], 0, "no refund is listed for it"),
        ] {
            let listed: Vec<RefundNow> = made.iter().map(|amount| refund(*amount, "succeeded")).collect();
            assert_eq!(facts(&of_a_part(captured, sum), &listed, &[]).refunded, refunded, "{why}");
        }
    }

    #[test]
    fn a_dispute_of_an_unknown_status_stands_against_a_refund() {
        let dispute = |status: &str, is_charge_refundable| DisputeNow {
            id: "dp_1".to_owned(),
            status: status.to_owned(),
            is_charge_refundable,
            evidence_details: stripe_api::EvidenceDetails::default(),
            evidence: std::collections::BTreeMap::new(),
            balance_transactions: Vec::new(),
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
        let prevented = |amounts: &[i64]| {
            let balance_transactions = amounts.iter().map(|&amount| MovementNow { amount }).collect();
            standing(&DisputeNow { balance_transactions, ..dispute("prevented", true) })
        };
        assert_eq!(prevented(&[-1_000]), Standing::Lost, "the cardholder has the money");
        assert_eq!((prevented(&[]), prevented(&[-1_000, 1_000])), (Standing::Over, Standing::Over));
    }
}
