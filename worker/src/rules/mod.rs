//! What Stripe's events mean to us: pure functions over plain data, without I/O, clock or chance.
//! An event is read into observations; a `World` of merged objects takes them in, in any order, with any
//! repetition, and always ends in the same state.

pub mod event;
pub mod fields;
pub mod freshness;
pub mod invoices;
pub mod payments;
#[cfg(test)]
mod testing;
pub mod world;

use chrono::{DateTime, Utc};
use serde::Serialize;

/// Raised when a rule changes what an event means; stored with each event that was handled by it.
pub const HANDLER_VERSION: i64 = 1;

/// The status of an object that was named but not yet reported.
pub const UNKNOWN: &str = "unknown";

/// One Stripe object. The same id under another account, or in test mode, is another object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, sqlx::FromRow)]
pub struct Key {
    pub id: String,
    pub account: String,
    pub livemode: bool,
}

impl Key {
    /// Another object of the same account and mode.
    #[must_use]
    pub fn sibling(&self, id: &str) -> Self {
        Self { id: id.to_owned(), account: self.account.clone(), livemode: self.livemode }
    }
}

/// What one event says about one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    Payment(payments::Report),
    Invoice(invoices::Report),
}

impl Observation {
    /// The objects that it names, its own first.
    pub fn subjects(&self) -> Vec<(&'static str, Key)> {
        match self {
            Self::Payment(report) => {
                let invoices = report.invoices().map(|key| ("invoice", key));
                std::iter::once(("payment", report.key.clone())).chain(invoices).collect()
            }
            Self::Invoice(report) => vec![("invoice", report.key.clone())],
        }
    }
}

/// Why an event can never be applied, judged from its body alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {field}: {fault} (API version {version})")]
pub struct Permanent {
    pub rule: &'static str,
    pub field: String,
    pub fault: &'static str,
    pub version: String,
}

/// A step of an object from one status to another, as the audit tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    pub kind: &'static str,
    pub key: Key,
    pub revision: i64,
    pub event_id: String,
    pub before: String,
    pub after: String,
    pub severity: Severity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// The law "first time": the smallest moment that shows it.
fn earliest(known: &mut Option<DateTime<Utc>>, seen: Option<DateTime<Utc>>) {
    if let Some(seen) = seen
        && known.is_none_or(|known| seen < known)
    {
        *known = Some(seen);
    }
}

/// The law "maximum", for moments.
fn latest(known: &mut Option<DateTime<Utc>>, seen: Option<DateTime<Utc>>) {
    *known = (*known).max(seen);
}
