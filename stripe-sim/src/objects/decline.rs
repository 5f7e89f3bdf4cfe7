//! How a bank says no, and how Stripe hands it on.

use serde_json::{Value, json};

use crate::Setting;

/// A refusal: the error code, the bank's own code where it gave one, and the sentence that Stripe shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decline {
    pub code: &'static str,
    pub decline_code: Option<&'static str>,
    pub message: &'static str,
}

/// The latest attempt at a payment, which failed.
#[derive(Clone, Debug)]
pub struct PaymentError {
    /// `None`: it ended before a bank was asked.
    pub charge: Option<String>,
    pub decline: Decline,
}

impl Decline {
    pub const INSUFFICIENT: Self = Self {
        code: "card_declined",
        decline_code: Some("insufficient_funds"),
        message: "Your card has insufficient funds.",
    };
    pub const GENERIC: Self = Self {
        code: "card_declined",
        decline_code: Some("generic_decline"),
        message: "Your card was declined.",
    };
    pub const STOLEN: Self =
        Self { code: "card_declined", decline_code: Some("stolen_card"), message: "Your card was declined." };
    pub const EXPIRED: Self =
        Self { code: "expired_card", decline_code: Some("expired_card"), message: "Your card has expired." };
    pub const PROCESSING: Self = Self {
        code: "processing_error",
        decline_code: None,
        message: "An error occurred while processing your card. Try again in a little bit.",
    };
    /// Refused before a charge was made: the customer did not prove who they are.
    pub const UNPROVEN: Self = Self {
        code: "payment_intent_authentication_failure",
        decline_code: None,
        message: "The provided PaymentMethod has failed authentication.",
    };

    /// `outcome` of the charge that was refused.
    pub(super) fn outcome(self) -> Value {
        let said = self.decline_code.unwrap_or(self.code);
        json!({
            "network_decline_code": match self.decline_code {
                Some("insufficient_funds") => "51",
                Some("expired_card") => "54",
                Some("stolen_card") => "43",
                _ => "05",
            },
            "network_status": "declined_by_network",
            "reason": self.decline_code,
            "seller_message": format!("The bank returned the decline code `{said}`."),
            "type": "issuer_declined",
        })
    }
}

impl PaymentError {
    /// `last_payment_error` of the payment.
    pub(super) fn json(&self, setting: &Setting, customer: Option<&str>) -> Value {
        let code = self.decline.code;
        let mut error = json!({
            "charge": self.charge,
            "code": code,
            "decline_code": self.decline.decline_code,
            "message": self.decline.message,
            "type": if self.charge.is_some() { "card_error" } else { "invalid_request_error" },
        });
        if !setting.is_bare {
            error["advice_code"] =
                json!(if code == "expired_card" { "confirm_card_data" } else { "try_again_later" });
            error["doc_url"] =
                json!(format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")));
            error["payment_method"] = json!({
                "id": setting.payer.payment_method,
                "object": "payment_method",
                "card": setting.payer.card.details(),
                "customer": customer,
                "type": "card",
            });
        }
        error
    }
}
