//! What a customer may be told of a payment that was declined. Why a bank distrusts a card or its holder is never said:
//! that would help a thief, and Stripe forbids it.

/// The code is Stripe's, or the bank's decline code.
pub fn for_customers(code: &str) -> &'static str {
    match code {
        "insufficient_funds" | "card_velocity_exceeded" | "withdrawal_count_limit_exceeded" => {
            "Your card has insufficient funds, or has reached its limit. Please use another payment method."
        }
        "expired_card" => "Your card has expired. Please use another payment method.",
        "incorrect_cvc"
        | "invalid_cvc"
        | "incorrect_number"
        | "invalid_number"
        | "invalid_expiry_month"
        | "invalid_expiry_year"
        | "incorrect_zip" => "Your card's details are not right. Please enter them again.",
        "authentication_required" | "invoice_payment_intent_requires_action" => {
            "Your bank asks you to confirm this payment. Please pay again while you are in the shop."
        }
        "processing_error" | "issuer_not_available" | "try_again_later" | "reenter_transaction" => {
            "Your card could not be charged at this moment. Please try again later."
        }
        _ => "Your card was declined. Please use another payment method, or ask your bank.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_never_reads_that_a_card_is_stolen_or_suspect() {
        let generic = for_customers("generic_decline");
        for code in [
            "lost_card",
            "stolen_card",
            "pickup_card",
            "fraudulent",
            "merchant_blacklist",
            "highest_risk_level",
            "do_not_honor",
            "of_tomorrow",
        ] {
            assert_eq!(for_customers(code), generic, "{code}");
        }
        assert!(for_customers("insufficient_funds").contains("insufficient funds"));
        assert_ne!(for_customers("authentication_required"), generic);
    }
}
