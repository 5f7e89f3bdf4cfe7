//! One object in the form of the API's version that is asked for. It is kept in the newest form; what only older ones
//! show is kept in fields that begin with `_`, which are never shown.

use serde_json::{Value, json};
use stripe_sim::ApiVersion;

/// Since this one, links between invoices and payments are objects, and no refund is made of what an authorisation
/// releases.
pub(crate) const BASIL: &str = "2025-03-31";
/// Since this one, a version has a name behind its date.
const NAMED: &str = "2024-09-30";
const NAMES: &[&str] = &["acacia", "basil", "clover", "dahlia", "endive", "preview"];

/// Whether Stripe knows such a version.
pub(crate) fn is_known(version: &str) -> bool {
    let (date, name) = version.split_once('.').map_or((version, None), |(date, name)| (date, Some(name)));
    let is_date = date.len() == 10
        && date.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_date
        && date <= &ApiVersion::default().as_str()[..10]
        && name.map_or(date < NAMED, |name| NAMES.contains(&name))
}

pub(crate) fn shown(mut value: Value, version: &str) -> Value {
    if version < BASIL {
        before_basil(&mut value);
    }
    without_private(&mut value);
    value
}

fn before_basil(value: &mut Value) {
    match value["object"].as_str().unwrap_or_default() {
        "payment_intent" | "charge" => value["invoice"] = value["_invoice"].clone(),
        "invoice" => {
            value["paid"] = json!(value["status"] == "paid");
            value["paid_out_of_band"] = json!(value["_paid_out_of_band"] == true);
            for (name, private) in [("payment_intent", "_payment_intent"), ("charge", "_charge")] {
                value[name] = value[private].clone();
            }
            value["subscription"] = value["parent"]["subscription_details"]["subscription"].clone();
            if let Value::Object(fields) = value {
                fields.remove("parent");
            }
        }
        "subscription" => {
            for name in ["current_period_end", "current_period_start"] {
                value[name] = value["items"]["data"][0][name].clone();
            }
        }
        _ => {}
    }
}

fn without_private(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.starts_with('_'));
            fields.values_mut().for_each(without_private);
        }
        Value::Array(items) => items.iter_mut().for_each(without_private),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_a_date_and_since_acacia_a_name() {
        for version in ["2020-08-27", "2024-09-30.acacia", "2025-03-31.basil", "2026-11-18.endive"] {
            assert!(is_known(version), "{version}");
        }
        for version in ["latest", "2024-09-30", "2025-03-31.basalt", "2099-01-01.endive", "2025/03/31.basil"]
        {
            assert!(!is_known(version), "{version}");
        }
    }

    #[test]
    fn an_invoice_names_its_payment_only_in_older_versions() {
        let invoice = json!({ "object": "invoice", "status": "paid", "_payment_intent": "pi_1", "_charge": "ch_1",
            "parent": { "subscription_details": { "subscription": "sub_1" } } });
        let old = shown(invoice.clone(), "2024-09-30.acacia");
        assert_eq!(
            (&old["payment_intent"], &old["paid"], &old["subscription"]),
            (&json!("pi_1"), &json!(true), &json!("sub_1"))
        );
        let new = shown(invoice, "2026-11-18.endive");
        assert!(new.get("payment_intent").is_none() && new.get("_payment_intent").is_none(), "{new}");
    }
}
