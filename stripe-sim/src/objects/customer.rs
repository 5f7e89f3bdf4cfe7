//! The customer: who pays again and again.

use serde_json::{Value, json};

use super::{CUSTOMER, filled};
use crate::Setting;

#[derive(Clone, Debug)]
pub struct Customer {
    pub id: String,
    pub created: i64,
    pub metadata: Value,
}

impl Customer {
    pub fn json(&self, setting: &Setting) -> Value {
        let payer = &setting.payer;
        filled(
            &CUSTOMER,
            setting,
            json!({
                "id": self.id,
                "object": "customer",
                "created": self.created,
                "email": payer.email,
                "invoice_prefix": payer.card.fingerprint[..8].to_ascii_uppercase(),
                "invoice_settings": { "default_payment_method": payer.payment_method },
                "livemode": setting.livemode,
                "metadata": self.metadata,
                "name": payer.name,
            }),
        )
    }
}
