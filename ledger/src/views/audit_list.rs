//! The audit as a list, the newest line first.

use crate::tables::audit::AuditRow;
use crate::views::page::{POSITION, Page, Part};
use crate::views::search::{Order, Search, Whose, Window};
use crate::{LedgerError, Transaction};
use domain::Key;
use domain::identity::id_hash;

/// Which lines to list; what is `None` does not restrict. Without a subject and an event only what people and programs did:
/// all lines together are too many to order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub subject: Option<String>,
    pub event: Option<String>,
    pub actor: Option<String>,
    pub window: Window,
    pub whose: Whose,
}

/// The condition of an index. What an event did has Stripe as its actor.
const ACTS: &str = "(event_id IS NULL OR actor <> 'stripe')";
/// A line is told from others of its object by kind and revision.
const LINES: &str = "SELECT audit.*, subject_id AS id, subject_kind || ':' || revision AS kind FROM audit";

impl Transaction {
    #[shared::built_once]
    pub async fn audit_lines(
        &mut self,
        filter: &AuditFilter,
        part: &Part,
    ) -> Result<Page<AuditRow>, LedgerError> {
        // Behind a name stands how it is known: `jane (token tok_1)` is jane.
        let by = filter
            .actor
            .as_ref()
            .map(|name| format!("{} (%", name.replace('!', "!!").replace('%', "!%").replace('_', "!_")));
        let is_of_any = filter.subject.is_none() && filter.event.is_none();
        let rows = Search::of(format!("SELECT a.*, at AS {POSITION} FROM ({LINES}) a WHERE TRUE"))
            .when(ACTS, is_of_any)
            .and("subject_id = ?", filter.subject.as_ref())
            .and("event_hash = ?", filter.event.as_deref().map(id_hash))
            .and("event_id = ?", filter.event.as_ref())
            .and("actor || ' ()' LIKE ? ESCAPE '!'", by.as_ref())
            .within("at", &filter.window)
            .whose(&filter.whose)
            .placed(self, ("at", Order::NewestLines), &part.and_one())
            .await?;
        Ok(Page::of(rows, part, |line: &AuditRow| {
            let key =
                Key { id: line.subject_id.clone(), account: line.account.clone(), livemode: line.livemode };
            (key, format!("{}:{}", line.subject_kind, line.revision))
        }))
    }
}
