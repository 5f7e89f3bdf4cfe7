//! Whether a payment may be captured or given up.

use super::decision::Judged;
use super::refund::busy;
use super::refused::Refused;
use super::{Operation, parameters};
use crate::UNKNOWN;
use crate::chargeable;
use crate::money::shown;
use crate::payments::Payment;

/// What is known of a payment: from the ledger's row, or from what Stripe answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntentFacts {
    /// Stripe's own; `unknown` where only others have named it.
    pub status: String,
    pub currency: String,
    pub capturable: i64,
    /// What was captured already, in parts.
    pub captured: i64,
}

impl IntentFacts {
    pub fn of_row(payment: &Payment) -> Self {
        Self {
            status: payment.state.status.clone(),
            currency: payment.state.currency.clone(),
            capturable: payment.state.amount_capturable,
            captured: payment.state.amount_received,
        }
    }

    fn in_status(&self, wanted: &[&str], done: &'static str) -> Result<(), Refused> {
        match self.status.as_str() {
            UNKNOWN | "" => Err(Refused::NotReported { what: "payment" }),
            status if wanted.contains(&status) => Ok(()),
            status => Err(Refused::WrongStatus { status: status.to_owned(), done }),
        }
    }
}

/// Stripe refuses to cancel what has succeeded, and what a bank works on.
const CANCELABLE: &[&str] =
    &["requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"];
/// Stripe's words for why.
pub const CANCELLATION_REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer", "abandoned"];

pub(super) fn judge_capture(
    capture: &parameters::Capture,
    facts: &IntentFacts,
    others: &[Operation],
) -> Result<Judged, Refused> {
    facts.in_status(&["requires_capture"], "captured")?;
    is_payment_intent(&capture.payment_intent, "captured")?;
    alone(others)?;
    if capture.amount <= 0 {
        return Err(Refused::NoAmount);
    }
    if capture.currency != facts.currency {
        let shown = str::to_ascii_uppercase;
        return Err(Refused::OtherCurrency { own: shown(&facts.currency), asked: shown(&capture.currency) });
    }
    chargeable::in_steps(capture.amount, &capture.currency)?;
    if capture.amount > facts.capturable {
        let (asked, able) =
            (shown(capture.amount, &facts.currency), shown(facts.capturable, &facts.currency));
        return Err(Refused::MoreThanCapturable { asked, able });
    }
    let rest = facts.capturable - capture.amount;
    let warning =
        format!("The other {} are released and cannot be captured later.", shown(rest, &facts.currency));
    Ok(Judged { paid_at: None, warnings: if rest > 0 { vec![warning] } else { Vec::new() } })
}

pub(super) fn judge_cancel(
    cancel: &parameters::Cancel,
    facts: &IntentFacts,
    others: &[Operation],
) -> Result<Judged, Refused> {
    facts.in_status(CANCELABLE, "canceled")?;
    if facts.captured > 0 {
        return Err(Refused::PartlyCaptured { captured: shown(facts.captured, &facts.currency) });
    }
    is_payment_intent(&cancel.payment_intent, "canceled")?;
    alone(others)?;
    Ok(Judged::default())
}

fn is_payment_intent(id: &str, done: &'static str) -> Result<(), Refused> {
    if id.starts_with("pi_") {
        return Ok(());
    }
    Err(Refused::Invalid(format!("{id} has no payment intent, so it cannot be {done}")))
}

/// Nothing else may be under way: its outcome would change what this one finds.
fn alone(others: &[Operation]) -> Result<(), Refused> {
    match others.iter().find(|other| other.state.is_open()) {
        Some(other) => Err(busy(other, "payment")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::OperationState;
    use crate::operations::testing::in_state;

    fn facts(status: &str) -> IntentFacts {
        IntentFacts { status: status.to_owned(), currency: "usd".to_owned(), capturable: 1_000, captured: 0 }
    }

    fn capture(amount: i64, currency: &str) -> parameters::Capture {
        parameters::Capture { payment_intent: "pi_1".to_owned(), amount, currency: currency.to_owned() }
    }

    fn code(judged: &Result<Judged, Refused>) -> &'static str {
        judged.as_ref().err().map_or("may", Refused::code)
    }

    #[test]
    fn what_is_authorised_is_captured_up_to_what_is_held() {
        for (amount, currency, status, expected) in [
            (1_000, "usd", "requires_capture", "may"),
            (1, "usd", "requires_capture", "may"),
            (1_001, "usd", "requires_capture", "amount_exceeds_capturable"),
            (0, "usd", "requires_capture", "amount_not_positive"),
            (1, "eur", "requires_capture", "currency_mismatch"),
            (1, "usd", "succeeded", "wrong_status"),
            (1, "usd", "unknown", "not_reported"),
        ] {
            let judged = judge_capture(&capture(amount, currency), &facts(status), &[]);
            assert_eq!(code(&judged), expected, "{amount} {currency} of {status}");
        }
        let part = judge_capture(&capture(400, "usd"), &facts("requires_capture"), &[]).unwrap();
        assert_eq!(part.warnings, ["The other 6.00 USD are released and cannot be captured later."]);
    }

    #[test]
    fn what_has_succeeded_or_is_with_the_bank_is_not_canceled() {
        let cancel =
            |id: &str| parameters::Cancel { payment_intent: id.to_owned(), cancellation_reason: None };
        for status in crate::payments::STATUSES {
            let expected = match *status {
                "succeeded" | "processing" | "canceled" => "wrong_status",
                _ => "may",
            };
            assert_eq!(code(&judge_cancel(&cancel("pi_1"), &facts(status), &[])), expected, "{status}");
        }
        let in_parts = IntentFacts { captured: 400, capturable: 600, ..facts("requires_capture") };
        assert_eq!(code(&judge_cancel(&cancel("pi_1"), &in_parts, &[])), "partly_captured");
        assert_eq!(code(&judge_cancel(&cancel("ch_1"), &facts("requires_capture"), &[])), "invalid_request");
        let other = [in_state("op_2", 1, OperationState::Approved)];
        let judged = judge_cancel(&cancel("pi_1"), &facts("requires_capture"), &other);
        assert_eq!(code(&judged), "operation_under_way");
    }
}
