//! The account that a key is of, and its webhook endpoints, as Stripe tells of them.

use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::events::{list, page};
use crate::ids::new_id;
use crate::state::State;

const ACCOUNT: &str = "acct_1Fake0Tidegate00";

impl State {
    /// A restricted key may lack the right to read something.
    pub(crate) fn denied(&self, call: &Call) -> Option<Reply> {
        self.denied.iter().any(|path| call.path.starts_with(path.as_str())).then(|| {
            let words = format!(
                "The provided key 'rk_{}_*********************************abc123' does not have the required permissions for this \
                 endpoint on account '{ACCOUNT}'. Having more permissions would allow this request to continue.",
                if self.livemode { "live" } else { "test" }
            );
            Reply::error(403, "invalid_request_error", "more_permissions_required", &words)
        })
    }

    pub(crate) fn account() -> Reply {
        let account = json!({
            "id": ACCOUNT, "object": "account", "business_type": "company", "charges_enabled": true,
            "country": "DE", "default_currency": "eur", "details_submitted": true, "payouts_enabled": true,
            "settings": { "dashboard": { "display_name": "Tide", "timezone": "Etc/UTC" } }, "type": "standard",
        });
        Reply::ok(account.to_string())
    }

    /// The newest first. The signing secret is shown only once, when an endpoint is made.
    pub(crate) fn list_endpoints(&self, call: &Call) -> Reply {
        let newest_first: Vec<&Value> = self.endpoints.iter().rev().collect();
        match page(&newest_first, call, |endpoint| endpoint["id"].as_str().unwrap_or_default()) {
            Ok((endpoints, has_more)) => {
                let bodies: Vec<String> = endpoints.iter().map(ToString::to_string).collect();
                Reply::ok(list(bodies.iter().map(String::as_str), has_more))
            }
            Err(id) => Reply::no_such("webhook endpoint", id),
        }
    }

    pub(crate) fn make_endpoint(&mut self, url: &str, enabled_events: &[&str], more: &Value) {
        let mut endpoint = json!({
            "id": new_id("we"), "object": "webhook_endpoint",
            "api_version": null, "application": null, "created": 1_780_000_000, "description": null,
            "enabled_events": enabled_events, "livemode": self.livemode, "metadata": {}, "status": "enabled",
            "url": url,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            endpoint[name] = value.clone();
        }
        self.endpoints.push(endpoint);
    }
}
