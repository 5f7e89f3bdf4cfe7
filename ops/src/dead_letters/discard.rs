//! `tidegate dead-letters discard`: shows what it would discard, and does so only with `--yes`.

use anyhow::bail;
use desk::acts;
use desk::views::dead_letters::groups;
use domain::outcome::OutcomeKind;
use domain::permissions::Permission;
use ledger::Ledger;
use ledger::views::stored_events::{EventFilter, StoredEvent};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use super::{GROUPED_LIMIT, table_of};
use crate::cli::DiscardOptions;
use crate::failure::wrongly_called;
use crate::{open, output};

const REASON_LIMIT_CHARS: usize = 1_000;

/// The form of `--json`.
#[derive(Serialize)]
struct Discarded {
    found: usize,
    discarded: usize,
}

pub async fn discard(env: &Env, options: &DiscardOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let reason = options.reason.trim();
    if reason.is_empty() || reason.contains('\0') || reason.chars().count() > REASON_LIMIT_CHARS {
        return Err(wrongly_called(format!("--reason wants 1 to {REASON_LIMIT_CHARS} characters of text")));
    }
    if options.ids.is_empty() && options.selection.in_words().is_empty() {
        return Err(wrongly_called(
            "name events or pass a filter: all dead letters at once cannot be discarded",
        ));
    }
    let (ledger, by) = options.by.permitted(env, "dead-letters discard", Permission::Manage).await?;
    let by = by.person();
    let letters = chosen(&ledger, options, now).await?;
    let discarded =
        if options.yes { acts::dead_letters::discard(&ledger, &letters, reason, &by, now).await? } else { 0 };
    if options.shape.json {
        output::print_json(&Discarded { found: letters.len(), discarded })?;
    } else if options.yes {
        output::print(&format!("{discarded} dead letters discarded by {}: {reason}\n", by.name()))?;
    } else {
        let filter = EventFilter { limit: GROUPED_LIMIT, ..EventFilter::default() };
        let mut dead = open::answer(&ledger, ledger.dead(&filter)).await?;
        dead.retain(|dead| letters.iter().any(|letter| letter.id == dead.id));
        output::print(&table_of(&groups(&dead), now))?;
        output::remark(&format!("{} dead letters; nothing was changed: --yes discards them", letters.len()));
    }
    ledger.close().await;
    Ok(())
}

async fn chosen(
    ledger: &Ledger,
    options: &DiscardOptions,
    now: chrono::DateTime<chrono::Utc>,
) -> anyhow::Result<Vec<StoredEvent>> {
    if options.ids.is_empty() {
        let filter = options.selection.read(ledger, now, GROUPED_LIMIT).await?;
        let filter = EventFilter { outcome: Some("dead".to_owned()), ..filter };
        return open::answer(ledger, ledger.events(&filter)).await;
    }
    let mut letters = Vec::new();
    for id in &options.ids {
        let found = open::answer(ledger, ledger.event(id)).await?;
        let before = letters.len();
        letters.extend(found.into_iter().filter(|event| event.outcome == OutcomeKind::Dead));
        if letters.len() == before {
            bail!("there is no dead letter {id} in the ledger at {}", ledger.shown());
        }
    }
    Ok(letters)
}
