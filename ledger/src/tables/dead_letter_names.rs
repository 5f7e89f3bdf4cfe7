//! The table `dead_letter_names`: the objects that a dead letter concerns or names, so that their pages find
//! it. A row stays when its event is no longer a dead letter; readers check the event.

use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::views::stored_events::{STORED, StoredEvent};
use crate::{LedgerError, Transaction};
use domain::event::EventKey;
use domain::outcome::Outcome;
use domain::risk::Risk;

/// An object has few dead letters; of more, the first are shown.
const LETTERS_LIMIT: i64 = 100;

impl Transaction {
    /// Keeps what dead letters name; costs nothing where there is none.
    pub(crate) async fn keep_names<'a>(
        &mut self,
        events: impl Iterator<Item = (&'a EventKey, &'a Outcome, &'a Risk)>,
    ) -> Result<(), LedgerError> {
        let dead = events.filter(|(_, outcome, _)| matches!(outcome, Outcome::Dead { .. }));
        let mut named: Vec<(&str, &EventKey)> =
            dead.flat_map(|(key, _, risk)| risk.named.iter().map(move |id| (id.as_str(), key))).collect();
        named.sort_unstable();
        Rows::of(&named)
            .text("object_id", |(id, _)| id)
            .new_identities(|(_, key)| key.identity())
            .run(
                self,
                "INSERT INTO dead_letter_names (object_id, id_hash, rest_hash, created_at) \
                 SELECT object_id, id_hash, rest_hash, created_at FROM input WHERE TRUE \
                 ON CONFLICT (object_id, id_hash, rest_hash, created_at) DO NOTHING",
            )
            .await?;
        Ok(())
    }

    /// The dead letters that are about an object of this id, or name it, oldest first.
    #[shared::built_once]
    pub async fn dead_about(&mut self, id: &str) -> Result<Vec<StoredEvent>, LedgerError> {
        let sql = format!(
            "SELECT {STORED} FROM dead_letter_names n JOIN events e ON e.id_hash = n.id_hash \
             AND e.rest_hash = n.rest_hash AND e.created_at = n.created_at \
             WHERE n.object_id = $1 AND e.outcome = 'dead' ORDER BY e.recorded_at, e.id LIMIT {LETTERS_LIMIT}"
        );
        query(AssertSqlSafe(sql)).bind(id).all(self).await
    }
}
