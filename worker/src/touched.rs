//! Which rows an event is about, told by the rules themselves from its stored bytes: nothing extra is kept.

use serde::Serialize;
use shared::envelope::Envelope;

use crate::ledger::stored::StoredEvent;
use crate::ledger::{Ledger, LedgerError};
use crate::rules::event::{Content, Meaning};

/// One row that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Touched {
    pub kind: &'static str,
    pub id: String,
}

impl Ledger {
    /// The rows that an event is about; none where it has no effect, or its bytes are gone.
    pub async fn rows_of_event(&self, event: &StoredEvent) -> Result<Vec<Touched>, LedgerError> {
        let Some(body) = self.body(&event.key()).await? else { return Ok(Vec::new()) };
        if event.outcome == "ignored" {
            return Ok(Vec::new());
        }
        Ok(rows_of(&event.clone().envelope(body)))
    }
}

fn rows_of(envelope: &Envelope) -> Vec<Touched> {
    let Ok(Meaning::Observations(observations)) = Content::of(envelope).meaning(envelope) else {
        return Vec::new();
    };
    let mut rows: Vec<Touched> = observations
        .iter()
        .flat_map(|observation| observation.subjects())
        .map(|(kind, key)| Touched { kind, id: key.id })
        .collect();
    rows.sort();
    rows.dedup();
    rows
}
