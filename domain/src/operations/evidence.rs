//! The fields of a dispute's evidence, by Stripe's names, with their limits.

use std::collections::BTreeMap;

/// Long texts: 20,000 characters each.
pub const TEXTS: &[&str] = &[
    "access_activity_log",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "duplicate_charge_explanation",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "uncategorized_text",
];

/// Short texts.
pub const LINES: &[&str] = &[
    "billing_address",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_id",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
];

/// Ids of uploaded files: one a field.
pub const FILES: &[&str] = &[
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
];

const TEXT_LIMIT_CHARS: usize = 20_000;
const LINE_LIMIT_CHARS: usize = 5_000;
const SUM_LIMIT_CHARS: usize = 150_000;

/// What is wrong with it, in a sentence.
pub fn check(evidence: &BTreeMap<String, String>) -> Result<(), String> {
    if evidence.is_empty() {
        return Err("the evidence is empty".to_owned());
    }
    let mut sum = 0;
    for (name, value) in evidence {
        let chars = value.chars().count();
        let limit = match name.as_str() {
            name if TEXTS.contains(&name) => TEXT_LIMIT_CHARS,
            name if LINES.contains(&name) => LINE_LIMIT_CHARS,
            name if FILES.contains(&name) => {
                if !value.starts_with("file_") || !crate::fields::is_object_id(value) {
                    return Err(format!("{name} takes the id of a file (file_…)"));
                }
                continue;
            }
            _ => return Err(format!("{name} is no field of a dispute's evidence")),
        };
        if chars == 0 {
            return Err(format!("{name} is empty"));
        }
        if chars > limit {
            return Err(format!("{name} has {chars} characters; Stripe takes {limit}"));
        }
        sum += chars;
    }
    if sum > SUM_LIMIT_CHARS {
        return Err(format!("all texts together have {sum} characters; Stripe takes {SUM_LIMIT_CHARS}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&str, String)]) -> Result<(), String> {
        check(&fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    #[test]
    fn each_field_has_its_limit_and_all_together_have_one() {
        let text = |chars| "é".repeat(chars);
        assert!(of(&[("product_description", text(20_000))]).is_ok());
        assert!(of(&[("product_description", text(20_001))]).unwrap_err().contains("20001 characters"));
        assert!(of(&[("customer_name", text(5_001))]).is_err());
        assert!(of(&[]).is_err() && of(&[("customer_name", String::new())]).is_err());
        assert!(of(&[("made_up", text(1))]).unwrap_err().contains("no field"));
        let all: Vec<(&str, String)> = TEXTS.iter().map(|name| (*name, text(18_750))).collect();
        assert!(of(&all).is_ok());
        let more: Vec<(&str, String)> = TEXTS.iter().map(|name| (*name, text(18_751))).collect();
        assert!(of(&more).unwrap_err().contains("150000"));
    }

    #[test]
    fn a_file_is_named_by_its_id() {
        assert!(of(&[("receipt", "file_1Abc".to_owned())]).is_ok());
        for value in ["receipt.pdf", "re_1", "", "file_"] {
            assert!(of(&[("receipt", value.to_owned())]).is_err(), "{value}");
        }
    }
}
