//! What children wait for: objects that were named and not yet reported.

use chrono::{DateTime, Utc};

use super::{Ledger, LedgerError, on};
use crate::rules::Object;
use crate::rules::charges::Charge;
use crate::rules::invoices::Invoice;
use crate::rules::payments::Payment;

/// How many of one kind, and when the first of them was named, by Stripe's stamp.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Waiting {
    pub kind: &'static str,
    pub count: i64,
    pub since: Option<DateTime<Utc>>,
}

impl Ledger {
    pub async fn waiting_for_report(&self) -> Result<Vec<Waiting>, LedgerError> {
        let mut waiting = Vec::new();
        for (kind, statement) in [
            (
                Charge::KIND,
                "SELECT COUNT(*), MIN(first_event_at) FROM charges WHERE status = 'unknown' AND created_at IS NULL",
            ),
            (
                Payment::KIND,
                "SELECT COUNT(*), MIN(first_event_at) FROM payments WHERE status = 'unknown' AND created_at IS NULL",
            ),
            (
                Invoice::KIND,
                "SELECT COUNT(*), MIN(first_event_at) FROM invoices WHERE status = 'unknown' AND is_stripes",
            ),
        ] {
            let mut tx = self.read().await?;
            let (count, since) =
                on!(&mut tx, |connection| sqlx::query_as(statement).fetch_one(connection).await?);
            waiting.push(Waiting { kind, count, since });
        }
        Ok(waiting)
    }
}
