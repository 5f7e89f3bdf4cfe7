//! Dead letters on the pages of their objects: the ledger lacks what they say, perhaps the object itself.

use chrono::{DateTime, Utc};
use desk::views::object::UnappliedObject;
use ledger::views::stored_events::StoredEvent;

use crate::table::clean;
use crate::{dead_letters, events, output};

/// The end of a page.
pub fn section(letters: &[StoredEvent], now: DateTime<Utc>) -> String {
    if letters.is_empty() {
        return String::new();
    }
    let (table, advice) = (dead_letters::table(letters, now).render(), advice(letters));
    format!(
        "\nDead letters: these events could not be applied, so the page lacks what they say.\n{table}{advice}"
    )
}

/// The page of an object that is not in the ledger.
pub fn page(object: &UnappliedObject, now: DateTime<Utc>) -> String {
    let owner = events::belongs_to(&object.key.account, object.key.livemode);
    let (table, advice) =
        (dead_letters::table(&object.dead_letters, now).render(), advice(&object.dead_letters));
    format!(
        "{} {}  not in the ledger  ({})\nStripe has reported it, but none of its events could be applied: only dead letters name it.\n\n{table}{advice}",
        object.kind,
        clean(&object.key.id),
        clean(&owner)
    )
}

fn advice(letters: &[StoredEvent]) -> String {
    let me = output::me();
    let Some(first) = letters.first() else { return String::new() };
    format!(
        "Every failure, and what to do:  {me} dead-letters show {0}\nWhat a replay would change:      {me} replay plan {0}\n",
        clean(&first.id)
    )
}
