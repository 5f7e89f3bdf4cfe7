//! Stripe's published test cards, by the names of their payment methods (`pm_card_…`) and tokens (`tok_…`), and what
//! each does.

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug)]
pub(crate) struct TestCard {
    pub(crate) name: &'static str,
    pub(crate) brand: &'static str,
    pub(crate) last4: &'static str,
    pub(crate) does: Does,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Pay,
    /// Its funds are available at once.
    PayAtOnce,
    Decline(Decline),
    /// Every payment must be authenticated, unless the card was set up for payments off session.
    Authenticate,
    /// Likewise, and it is declined nevertheless.
    AuthenticateAndDecline(Decline),
    /// A dispute follows, of this reason.
    Dispute {
        reason: &'static str,
        network_reason_code: &'static str,
    },
    Inquiry {
        reason: &'static str,
        network_reason_code: &'static str,
    },
    Warn,
    /// Its refunds begin pending.
    RefundLate,
    /// Its refunds succeed and fail afterwards.
    RefundFail,
}

/// How a bank, or Stripe itself, says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decline {
    pub(crate) code: &'static str,
    pub(crate) bank_code: Option<&'static str>,
    pub(crate) advice_code: &'static str,
    pub(crate) network_decline_code: Option<&'static str>,
    pub(crate) message: &'static str,
    pub(crate) param: Option<&'static str>,
    /// Stripe's Radar blocked it; no bank was asked.
    pub(crate) is_blocked: bool,
}

const fn declined(
    decline_code: &'static str,
    advice_code: &'static str,
    network: &'static str,
    message: &'static str,
) -> Does {
    Does::Decline(Decline {
        code: "card_declined",
        bank_code: Some(decline_code),
        advice_code,
        network_decline_code: Some(network),
        message,
        param: None,
        is_blocked: false,
    })
}

/// One whose code says it all.
const fn refused(
    code: &'static str,
    advice_code: &'static str,
    message: &'static str,
    param: Option<&'static str>,
) -> Does {
    Does::Decline(Decline {
        code,
        bank_code: None,
        advice_code,
        network_decline_code: None,
        message,
        param,
        is_blocked: false,
    })
}

const NO: &str = "Your card was declined.";
const AGAIN: &str = "try_again_later";
const NEVER: &str = "do_not_try_again";
const CHECK: &str = "confirm_card_data";
const GENERIC: Does = declined("generic_decline", AGAIN, "01", NO);
const BLOCKED: Does = Does::Decline(Decline {
    code: "card_declined",
    bank_code: Some("fraudulent"),
    advice_code: NEVER,
    network_decline_code: None,
    message: NO,
    param: None,
    is_blocked: true,
});
const SHORT: Decline = Decline {
    code: "card_declined",
    bank_code: Some("insufficient_funds"),
    advice_code: AGAIN,
    network_decline_code: Some("51"),
    message: "Your card has insufficient funds.",
    param: None,
    is_blocked: false,
};

const fn visa(name: &'static str, last4: &'static str, does: Does) -> TestCard {
    TestCard { name, brand: "visa", last4, does }
}

const CARDS: &[TestCard] = &[
    visa("visa", "4242", Does::Pay),
    visa("visa_debit", "5556", Does::Pay),
    TestCard { name: "mastercard", brand: "mastercard", last4: "4444", does: Does::Pay },
    TestCard { name: "amex", brand: "amex", last4: "8431", does: Does::Pay },
    TestCard { name: "discover", brand: "discover", last4: "9424", does: Does::Pay },
    TestCard { name: "jcb", brand: "jcb", last4: "0505", does: Does::Pay },
    visa("us", "4242", Does::Pay),
    visa("de", "0016", Does::Pay),
    visa("bypassPending", "0077", Does::PayAtOnce),
    visa("chargeDeclined", "0002", GENERIC),
    visa("chargeCustomerFail", "0341", GENERIC),
    visa("chargeDeclinedInsufficientFunds", "9995", Does::Decline(SHORT)),
    visa("chargeDeclinedLostCard", "9987", declined("lost_card", NEVER, "41", NO)),
    visa("chargeDeclinedStolenCard", "9979", declined("stolen_card", NEVER, "43", NO)),
    visa("chargeDeclinedFraudulent", "0019", BLOCKED),
    visa("radarBlock", "0101", BLOCKED),
    visa("riskLevelHighest", "4954", BLOCKED),
    visa(
        "chargeDeclinedVelocityLimitExceeded",
        "6975",
        declined(
            "card_velocity_exceeded",
            AGAIN,
            "61",
            "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
        ),
    ),
    visa(
        "chargeDeclinedExpiredCard",
        "0069",
        refused("expired_card", CHECK, "Your card has expired.", Some("exp_month")),
    ),
    visa(
        "chargeDeclinedIncorrectCvc",
        "0127",
        refused("incorrect_cvc", CHECK, "Your card's security code is incorrect.", Some("cvc")),
    ),
    visa(
        "chargeDeclinedProcessingError",
        "0119",
        refused(
            "processing_error",
            AGAIN,
            "An error occurred while processing your card. Try again in a little bit.",
            None,
        ),
    ),
    visa("authenticationRequired", "3184", Does::Authenticate),
    visa("authenticationRequiredOnSetup", "3155", Does::Authenticate),
    visa("threeDSecure2Required", "3220", Does::Authenticate),
    visa("threeDSecureRequired", "3063", Does::Authenticate),
    visa(
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        "8341",
        Does::AuthenticateAndDecline(SHORT),
    ),
    visa("createDispute", "0259", Does::Dispute { reason: "fraudulent", network_reason_code: "10.4" }),
    visa(
        "createDisputeProductNotReceived",
        "2685",
        Does::Dispute { reason: "product_not_received", network_reason_code: "13.1" },
    ),
    visa("createDisputeInquiry", "1976", Does::Inquiry { reason: "fraudulent", network_reason_code: "10" }),
    visa("createIssuerFraudRecord", "5423", Does::Warn),
    visa("pendingRefund", "7726", Does::RefundLate),
    visa("refundFail", "5126", Does::RefundFail),
];

/// The card of `pm_card_visa`, `tok_visa`, `pm_card_visa_chargeDeclined`, …
pub(crate) fn named(reference: &str) -> Option<&'static TestCard> {
    let name = reference.strip_prefix("pm_card_").or_else(|| reference.strip_prefix("tok_"))?;
    let find = |name: &str| CARDS.iter().find(|card| card.name == name);
    find(name).or_else(|| find(name.strip_prefix("visa_")?))
}

impl Decline {
    /// `outcome` of the charge that was refused.
    pub(crate) fn outcome(self) -> Value {
        if self.is_blocked {
            return json!({ "advice_code": self.advice_code, "network_advice_code": null, "network_decline_code": null,
                "network_status": "not_sent_to_network", "reason": "highest_risk_level", "risk_level": "highest",
                "risk_score": 87, "seller_message": "Stripe blocked this payment as too risky.", "type": "blocked" });
        }
        let reason = self.bank_code.unwrap_or(self.code);
        let seller_message = match reason {
            "generic_decline" => "The bank did not return any further details with this decline.".to_owned(),
            reason => format!("The bank returned the decline code `{reason}`."),
        };
        json!({ "advice_code": self.advice_code, "network_advice_code": null,
            "network_decline_code": self.network_decline_code, "network_status": "declined_by_network", "reason": reason,
            "risk_level": "normal", "risk_score": 23, "seller_message": seller_message, "type": "issuer_declined" })
    }
}

impl TestCard {
    /// `card` of a payment method.
    pub(crate) fn details(&self, fingerprint: &str) -> Value {
        json!({
            "brand": self.brand, "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
            "country": "US", "display_brand": self.brand, "exp_month": 12, "exp_year": 2034, "fingerprint": fingerprint,
            "funding": "credit", "generated_from": null, "last4": self.last4, "networks": { "available": [self.brand], "preferred": null },
            "regulated_status": "unregulated", "three_d_secure_usage": { "supported": true }, "wallet": null,
        })
    }
}
