//! How sentences write what is no word of theirs: moments, and whose an object is.

use chrono::{DateTime, Utc};

/// A moment for people, to the second, with its zone: Stripe's own stamps know no more.
pub fn moment(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Whose an object is, in words.
pub fn belongs_to(account: &str, livemode: bool) -> String {
    let mode = if livemode { "live" } else { "test mode" };
    if account.is_empty() { mode.to_owned() } else { format!("{mode}, account {account}") }
}
