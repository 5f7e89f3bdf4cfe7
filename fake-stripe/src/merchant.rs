//! The merchant's own account, and what a restricted key may not read of it.

use serde_json::{Value, json};

use crate::books::Books;
use crate::call::Call;
use crate::error::Refusal;

pub(crate) const ACCOUNT: &str = "acct_1Fake0Tidegate00";

pub(crate) fn account(books: &Books) -> Value {
    let id = if books.account.is_empty() { ACCOUNT } else { &books.account };
    json!({
        "id": id, "object": "account", "business_type": "company", "charges_enabled": true, "country": books.settings.country,
        "default_currency": books.settings.default_currency, "details_submitted": true, "payouts_enabled": true,
        "settings": { "dashboard": { "display_name": books.settings.display_name, "timezone": "Etc/UTC" },
            "payouts": { "debit_negative_balances": true, "schedule": { "delay_days": 2, "interval": "daily" } } },
        "type": "standard",
    })
}

/// A connected account that has left the platform.
pub(crate) fn left(call: &Call, left: &[String]) -> Option<Refusal> {
    left.contains(&call.account).then(|| {
        let words = format!(
            "The provided key '{}*********' does not have access to account '{}' (or that account does not exist). \
             Application access may have been revoked.",
            call.key.chars().take(8).collect::<String>(),
            call.account
        );
        Refusal::new(words).status(403).code("account_invalid").not_kept()
    })
}

/// A restricted key may lack the right to read something.
pub(crate) fn denied(call: &Call, denied: &[String], livemode: bool) -> Option<Refusal> {
    denied.iter().any(|path| call.path.starts_with(path.as_str())).then(|| {
        let words = format!(
            "The provided key 'rk_{}_*********************************abc123' does not have the required permissions for this \
             endpoint on account '{ACCOUNT}'. Having more permissions would allow this request to continue.",
            if livemode { "live" } else { "test" }
        );
        Refusal::new(words).status(403).code("more_permissions_required").not_kept()
    })
}
