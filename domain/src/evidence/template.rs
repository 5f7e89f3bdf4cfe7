//! What an answer to a dispute should show: by the reason of the dispute and the kind of goods, what a bank needs to
//! decide at all, and what helps.

use std::collections::BTreeSet;

use serde::Serialize;

use super::fields::EvidenceField as Field;
use crate::row::words;

words! {
    /// What was sold.
    pub enum Goods {
        Digital = "digital",
        Physical = "physical",
        Service = "service",
    }
}

/// One thing that the answer should show: any of these fields does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    pub any_of: &'static [Field],
    pub required: bool,
    /// What the bank wants to see.
    pub why: &'static str,
}

const fn required(any_of: &'static [Field], why: &'static str) -> Need {
    Need { any_of, required: true, why }
}

const fn helps(any_of: &'static [Field], why: &'static str) -> Need {
    Need { any_of, required: false, why }
}

const WHAT: Need = required(&[Field::ProductDescription], "what was sold");
const WHO: Need = required(
    &[Field::CustomerName, Field::CustomerEmailAddress],
    "who bought it, so that the bank can compare",
);
const CONTACT: Need =
    helps(&[Field::CustomerCommunication], "what was written to the customer, and answered");
const RECEIPT: Need = helps(&[Field::Receipt], "the receipt or invoice that the customer got");
const ADDRESS: Need = helps(&[Field::BillingAddress], "the billing address that the bank knows");
const STORY: Need = helps(&[Field::UncategorizedText], "the payment and the customer's earlier ones");
const REFUND_RULES: Need = required(
    &[Field::RefundPolicy, Field::RefundPolicyDisclosure],
    "the refund rules, and where they were shown",
);
const NO_REFUND: Need =
    required(&[Field::RefundRefusalExplanation], "why no refund is due, or that it was given");
const CANCEL_RULES: Need = required(
    &[Field::CancellationPolicy, Field::CancellationPolicyDisclosure],
    "the rules of canceling, and where they were shown",
);
const NOT_CANCELED: Need =
    required(&[Field::CancellationRebuttal], "that it was not canceled before the payment");
const USED: Need = required(
    &[Field::AccessActivityLog, Field::ServiceDocumentation],
    "that the customer used what was sold",
);
const USED_HELPS: Need = Need { required: false, ..USED };
const WHEN: Need = helps(&[Field::ServiceDate], "when it was delivered or became usable");
const SHIPPED: Need = required(
    &[Field::ShippingTrackingNumber, Field::ShippingDocumentation],
    "that it was shipped to the customer",
);
const SHIPPED_WHEN: Need = helps(&[Field::ShippingDate], "when it was shipped");
const SHIPPED_BY: Need = helps(&[Field::ShippingCarrier], "by whom it was shipped");
const SHIPPED_TO: Need = required(&[Field::ShippingAddress], "where it was shipped to");
const AGREED: Need = helps(&[Field::CustomerSignature], "that the customer agreed or signed");
const DONE: Need = required(&[Field::ServiceDocumentation], "that the service was done as agreed");
const FROM_WHERE: Need = helps(&[Field::CustomerPurchaseIp], "from which address it was bought");
const OTHER_CHARGE: Need = required(&[Field::DuplicateChargeId], "the other payment");
const BOTH: Need = required(
    &[Field::DuplicateChargeExplanation],
    "that the two payments are for different things, or that one was refunded",
);
const BOTH_SHOWN: Need =
    helps(&[Field::DuplicateChargeDocumentation], "the receipt or delivery of the other payment");

/// What an answer should show, what it needs before what helps.
pub fn needs(reason: Option<&str>, goods: Goods) -> Vec<Need> {
    let delivered: &[Need] = match goods {
        Goods::Digital => &[USED, WHEN],
        Goods::Physical => &[SHIPPED, SHIPPED_TO, SHIPPED_WHEN, SHIPPED_BY],
        Goods::Service => &[DONE, WHEN],
    };
    let own: &[Need] = match reason.unwrap_or("general") {
        "fraudulent" => &[WHO, FROM_WHERE, ADDRESS, AGREED],
        "unrecognized" => &[WHO, ADDRESS],
        "duplicate" => &[OTHER_CHARGE, BOTH, BOTH_SHOWN],
        "subscription_canceled" => &[CANCEL_RULES, NOT_CANCELED, USED_HELPS],
        "credit_not_processed" => &[REFUND_RULES, NO_REFUND],
        "product_unacceptable" => &[REFUND_RULES],
        _ => &[],
    };
    let asks_for_delivery =
        !matches!(reason, Some("duplicate" | "subscription_canceled" | "credit_not_processed"));
    let mut needs = vec![WHAT];
    needs.extend_from_slice(own);
    if asks_for_delivery {
        needs.extend_from_slice(delivered);
    }
    needs.extend([CONTACT, RECEIPT, STORY]);
    needs.sort_by_key(|need| !need.required);
    needs
}

impl Need {
    pub fn is_met(&self, present: &BTreeSet<Field>) -> bool {
        self.any_of.iter().any(|field| present.contains(field))
    }

    /// `refund_policy or refund_policy_disclosure`.
    pub fn named(&self) -> String {
        self.any_of.iter().map(|field| field.as_str()).collect::<Vec<_>>().join(" or ")
    }
}

/// What is required and not there.
pub fn missing(reason: Option<&str>, goods: Goods, present: &BTreeSet<Field>) -> Vec<String> {
    let missing = needs(reason, goods).into_iter().filter(|need| need.required && !need.is_met(present));
    missing.map(|need| need.named()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_and_goods_decide_what_is_required() {
        let required = |reason, goods| missing(Some(reason), goods, &BTreeSet::new());
        let names = "customer_name or customer_email_address";
        let used = "access_activity_log or service_documentation";
        assert_eq!(required("fraudulent", Goods::Digital), ["product_description", names, used]);
        let shipped = "shipping_tracking_number or shipping_documentation";
        assert_eq!(
            required("product_not_received", Goods::Physical),
            ["product_description", shipped, "shipping_address"]
        );
        assert_eq!(
            required("product_not_received", Goods::Service),
            ["product_description", "service_documentation"]
        );
        assert_eq!(
            required("duplicate", Goods::Physical),
            ["product_description", "duplicate_charge_id", "duplicate_charge_explanation"]
        );
        assert_eq!(
            required("subscription_canceled", Goods::Digital),
            [
                "product_description",
                "cancellation_policy or cancellation_policy_disclosure",
                "cancellation_rebuttal"
            ]
        );
        assert_eq!(missing(None, Goods::Digital, &BTreeSet::new()), ["product_description", used]);
    }

    #[test]
    fn one_of_several_fields_is_enough() {
        let present = [Field::ProductDescription, Field::RefundPolicyDisclosure].into();
        let missing = missing(Some("credit_not_processed"), Goods::Digital, &present);
        assert_eq!(missing, ["refund_refusal_explanation"]);
        let needs = needs(Some("fraudulent"), Goods::Physical);
        assert!(needs.windows(2).all(|pair| pair[0].required >= pair[1].required));
    }
}
