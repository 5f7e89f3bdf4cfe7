//! The page of an event: its way from Stripe's timestamp to the rows that it changed.

use ledger::graph::event_rows::AffectedRow;
use ledger::tables::audit::AuditRow;
use ledger::views::stored_events::StoredEvent;
use ledger::{Ledger, LedgerError};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct EventView {
    pub event: StoredEvent,
    /// From Stripe's stamp, which is in whole seconds, to our receipt.
    pub created_to_received_ms: i64,
    pub received_to_recorded_ms: i64,
    /// The rows that the event is about, as the rules of this build read it; `null` once its body is gone.
    pub rows: Option<Vec<AffectedRow>>,
    pub audit: Vec<AuditRow>,
}

impl EventView {
    /// One view for each content that is stored under the id: usually one.
    #[shared::built_once]
    pub async fn read_all(ledger: &Ledger, id: &str) -> Result<Vec<Self>, LedgerError> {
        let stored = ledger.event(id).await?;
        let audit = ledger.audit_of_event(id).await?;
        let mut views = Vec::new();
        for event in stored {
            let rows = ledger.rows_of_event(&event).await?;
            let same_owner = |row: &&AuditRow| row.account == event.account && row.livemode == event.livemode;
            views.push(Self {
                created_to_received_ms: (event.received_at - event.created_at).num_milliseconds(),
                received_to_recorded_ms: (event.recorded_at - event.received_at).num_milliseconds(),
                rows,
                audit: audit.iter().filter(same_owner).cloned().collect(),
                event,
            });
        }
        Ok(views)
    }
}
