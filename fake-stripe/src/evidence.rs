//! What a dispute is answered with: texts within their limits, and files that were uploaded for it.

use serde_json::{Map, Value, json};

use crate::books::Books;
use crate::error::Refusal;
use crate::params::Params;

const FILES: &[&str] = &[
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
const TEXT_CHARS: usize = 20_000;
const SUM_CHARS: usize = 150_000;

/// The evidence with what is given laid over it; an empty value takes its field away.
pub(crate) fn merged(books: &Books, before: &Value, given: Params<'_>) -> Result<Value, Refusal> {
    let mut evidence = before.clone();
    for (name, value) in given.0.as_object().into_iter().flat_map(Map::iter) {
        let param = format!("evidence[{name}]");
        if before.get(name).is_none() {
            return Err(Refusal::invalid(&param, format!("Received unknown parameter: {param}"))
                .code("parameter_unknown"));
        }
        if name == "enhanced_evidence" {
            evidence[name] = value.clone();
            continue;
        }
        let text = value.as_str().unwrap_or_default();
        if FILES.contains(&name.as_str()) && !text.is_empty() {
            let file = books.find("file", text, &param).map_err(|refusal| refusal.status(400))?;
            if file["purpose"] != "dispute_evidence" {
                let words = format!("The file {text} was not uploaded with the purpose dispute_evidence.");
                return Err(Refusal::new(words).param(&param));
            }
        }
        if text.chars().count() > TEXT_CHARS {
            let words = format!("Invalid string: must be at most {TEXT_CHARS} characters");
            return Err(Refusal::invalid(&param, words));
        }
        evidence[name] = if text.is_empty() { Value::Null } else { json!(text) };
    }
    let sum: usize = evidence
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, value)| value.as_str())
        .map(|text| text.chars().count())
        .sum();
    if sum > SUM_CHARS {
        let words = format!("The combined character count of the evidence is limited to {SUM_CHARS}.");
        return Err(Refusal::invalid("evidence", words));
    }
    Ok(evidence)
}
