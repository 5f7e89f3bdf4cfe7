//! An event around an object, byte for byte as Stripe would send it.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{Random, Setting};

pub struct Event<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    /// Seconds since 1970.
    pub created: i64,
    /// The connected account; empty is the merchant's own.
    pub account: &'a str,
    pub object: &'a Value,
    /// What the changed fields were before.
    pub previous: Option<Value>,
}

/// The fields in Stripe's order.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    object: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    account: &'a str,
    api_version: &'static str,
    created: i64,
    data: Data<'a>,
    livemode: bool,
    pending_webhooks: u32,
    request: Value,
    #[serde(rename = "type")]
    kind: &'a str,
}

#[derive(Serialize)]
struct Data<'a> {
    object: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_attributes: Option<Value>,
}

impl Event<'_> {
    pub fn body(self, setting: &Setting, random: &mut Random) -> Bytes {
        let request = json!({ "id": random.text("req_", 14), "idempotency_key": random.text("sample-", 29) });
        let body = Body {
            id: self.id,
            object: "event",
            account: self.account,
            api_version: setting.api_version.as_str(),
            created: self.created,
            data: Data { object: self.object, previous_attributes: self.previous },
            livemode: setting.livemode,
            pending_webhooks: 1,
            request,
            kind: self.kind,
        };
        // Indented by two, as Stripe sends it.
        serde_json::to_vec_pretty(&body).expect("strings and numbers always encode").into()
    }
}
