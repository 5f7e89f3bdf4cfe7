//! Which data about a person go into evidence, out of what Stripe has: the dispute's own evidence, the charge, the
//! customer, in this order. Pure; nothing of it is kept.

use std::collections::BTreeMap;
use std::net::IpAddr;

use domain::evidence::EvidenceField;
use serde_json::Value;

/// Where merchants write the address from which somebody bought.
const IP_NAMES: [&str; 5] = ["customer_ip", "purchase_ip", "ip_address", "client_ip", "ip"];
const ADDRESS: [&str; 6] = ["line1", "line2", "city", "state", "postal_code", "country"];

pub(super) fn personal(
    fields: &[String],
    dispute: &Value,
    charge: &Value,
    customer: &Value,
) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for name in fields {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (billing, shipping) = (&charge["billing_details"], &charge["shipping"]);
        let found = text(&dispute["evidence"][name]).or_else(|| match EvidenceField::named(name)? {
            EvidenceField::CustomerName => text(&billing["name"]).or_else(|| text(&customer["name"])),
            EvidenceField::CustomerEmailAddress => {
                let own = text(&billing["email"]).or_else(|| text(&charge["receipt_email"]));
                own.or_else(|| text(&customer["email"]))
            }
            EvidenceField::BillingAddress => {
                address(&billing["address"]).or_else(|| address(&customer["address"]))
            }
            EvidenceField::ShippingAddress => {
                address(&shipping["address"]).or_else(|| address(&customer["shipping"]["address"]))
            }
            EvidenceField::CustomerPurchaseIp => {
                let written = IP_NAMES.iter().filter_map(|known| text(&charge["metadata"][known]));
                written.into_iter().find(|text| text.parse::<IpAddr>().is_ok())
            }
            _ => None,
        });
        if let Some(found) = found {
            values.insert(name.clone(), found);
        }
    }
    values
}

fn address(address: &Value) -> Option<String> {
    let parts: Vec<&str> =
        ADDRESS.iter().filter_map(|part| address[part].as_str()).filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_dispute_comes_before_the_charge_and_the_charge_before_the_customer() {
        let fields: Vec<String> = EvidenceField::ALL
            .iter()
            .filter(|field| field.form() == domain::evidence::Form::Personal)
            .map(ToString::to_string)
            .collect();
        let dispute = json!({"evidence": {"customer_name": "Ada", "customer_email_address": null}});
        let charge = json!({"billing_details": {"name": "A.", "email": null,
            "address": {"line1": "Main St 1", "city": "Linz", "postal_code": "4020", "country": "AT", "state": ""}},
            "metadata": {"ip": "unknown", "client_ip": "203.0.113.7"}});
        let customer = json!({"email": "ada@example.com", "shipping": null});
        let values = personal(&fields, &dispute, &charge, &customer);
        let told: Vec<(&str, &str)> =
            values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            told,
            [
                ("billing_address", "Main St 1, Linz, 4020, AT"),
                ("customer_email_address", "ada@example.com"),
                ("customer_name", "Ada"),
                ("customer_purchase_ip", "203.0.113.7"),
            ]
        );
        assert!(personal(&fields, &Value::Null, &Value::Null, &Value::Null).is_empty());
        assert!(personal(&["receipt".to_owned()], &json!({"evidence": {}}), &charge, &customer).is_empty());
    }
}
