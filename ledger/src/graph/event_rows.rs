//! Which rows an event concerns, computed by the rules from its stored body; nothing extra is stored.

use envelope::Envelope;
use serde::Serialize;

use crate::views::stored_events::StoredEvent;
use crate::{Ledger, LedgerError};
use domain::event::{Content, Meaning};
use domain::outcome::OutcomeKind;
use domain::{Kind, Observation};

/// One row that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AffectedRow {
    pub kind: Kind,
    pub id: String,
}

impl Ledger {
    /// The rows that an event is about; none where it had no effect, `None` once its bytes are gone.
    #[shared::built_once]
    pub async fn rows_of_event(&self, event: &StoredEvent) -> Result<Option<Vec<AffectedRow>>, LedgerError> {
        if event.outcome != OutcomeKind::Applied {
            return Ok(Some(Vec::new()));
        }
        let body = self.body(&event.key()).await?;
        Ok(body.map(|body| rows_of(&event.clone().envelope(body))))
    }
}

fn rows_of(envelope: &Envelope) -> Vec<AffectedRow> {
    let Ok(Meaning::Observations(observations)) = Content::of(envelope).meaning(envelope) else {
        return Vec::new();
    };
    let subjects = observations.iter().map(Observation::subject);
    let mut rows: Vec<AffectedRow> =
        subjects.map(|(kind, key)| AffectedRow { kind, id: key.id.clone() }).collect();
    rows.sort();
    rows.dedup();
    rows
}
