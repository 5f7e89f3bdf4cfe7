//! Why an attempt to pay failed, in words.

use domain::payment_failures::PaymentFailure;

/// The code, and the bank's own where it says more.
pub fn code(code: Option<&str>, bank: Option<&str>) -> String {
    match (code, bank) {
        (Some(code), Some(bank)) if bank != code => format!("{code} ({bank})"),
        (Some(code), _) => code.to_owned(),
        (None, Some(bank)) => bank.to_owned(),
        (None, None) => "no code".to_owned(),
    }
}

/// As far as anybody told.
pub fn cause(failure: &PaymentFailure) -> String {
    let codes = code(failure.code.id(), failure.decline.id());
    match failure.outcome.id() {
        _ if failure.invoice.is_some() => "reported by the invoice, no reason given".to_owned(),
        Some(reason) if !codes.contains(reason) => format!("{codes}, outcome {reason}"),
        _ => codes,
    }
}

#[cfg(test)]
mod tests {
    use domain::payment_failures::{Code, DeclineCode, OutcomeReason};
    use domain::{Key, Object};

    use super::*;

    #[test]
    fn a_failure_tells_what_each_side_said_once() {
        let failure = |code: Option<&str>, decline: Option<&str>, outcome: Option<&str>| PaymentFailure {
            code: Code { code: code.map(str::to_owned), ..Code::default() },
            decline: DeclineCode { decline_code: decline.map(str::to_owned), ..DeclineCode::default() },
            outcome: OutcomeReason { outcome_reason: outcome.map(str::to_owned), ..OutcomeReason::default() },
            ..PaymentFailure::placeholder(Key::default())
        };
        for (code, decline, outcome, says) in [
            (Some("card_declined"), Some("do_not_honor"), None, "card_declined (do_not_honor)"),
            (Some("expired_card"), Some("expired_card"), None, "expired_card"),
            (None, Some("fraudulent"), Some("fraudulent"), "fraudulent"),
            (
                Some("card_declined"),
                None,
                Some("highest_risk_level"),
                "card_declined, outcome highest_risk_level",
            ),
            (None, None, None, "no code"),
        ] {
            assert_eq!(cause(&failure(code, decline, outcome)), says);
        }
        let reported = PaymentFailure { invoice: Some("in_1".to_owned()), ..failure(None, None, None) };
        assert_eq!(cause(&reported), "reported by the invoice, no reason given");
    }
}
