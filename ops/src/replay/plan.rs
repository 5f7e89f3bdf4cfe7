//! `tidegate replay plan`: which events, and which rows would change. It writes and locks no object.

use std::collections::BTreeMap;

use desk::replay::{Change, Chosen, LOOK_AHEAD_EVENTS, LookAhead, look_ahead};
use desk::views::cards::Cards;
use domain::permissions::Permission;
use ledger::Ledger;
use ledger::views::stored_events::EventFilter;
use serde::Serialize;
use serde_json::Value;
use shared::clock;
use shared::env::Env;

use super::file;
use crate::cli::PlanOptions;
use crate::table::Table;
use crate::{open, output};

const EVENTS_LIMIT: i64 = 1_000_000;
const SHOWN_CHANGES: usize = 20;
const SHOWN_COLUMNS: usize = 4;

/// The form of `--json`.
#[derive(Serialize)]
struct Planned {
    plan: Option<String>,
    selection: String,
    events: usize,
    look_ahead: LookAhead,
}

pub async fn plan(env: &Env, options: &PlanOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.permitted(env, "replay plan", Permission::Manage).await?;
    let (selection, chosen) = choose(&ledger, options).await?;
    let cards = Cards::at_command_line(&ledger, &by, clock::now()).await?;
    let look_ahead = open::answer(&ledger, look_ahead(&ledger, &chosen, cards)).await?;
    let plan = match chosen.len() {
        0 => None,
        _ => Some(desk::replay::plan(&ledger, &selection, &chosen, &by, clock::now()).await?),
    };
    ledger.close().await;
    let planned = Planned { plan, selection, events: chosen.len(), look_ahead };
    if options.shape.json {
        return output::print_json(&planned);
    }
    output::print(&page(&planned))
}

async fn choose(ledger: &Ledger, options: &PlanOptions) -> anyhow::Result<(String, Vec<Chosen>)> {
    if let Some(path) = &options.file {
        return Ok((format!("the events of {}", path.display()), file::chosen(ledger, path).await?));
    }
    let stored = |key| Chosen { key, brought: None };
    if !options.ids.is_empty() {
        let mut chosen = Vec::new();
        for id in &options.ids {
            let found = open::answer(ledger, ledger.event(id)).await?;
            anyhow::ensure!(!found.is_empty(), "no event {id} in the ledger at {}", ledger.shown());
            chosen.extend(found.iter().map(|event| stored(event.key())));
        }
        return Ok((options.ids.join(", "), chosen));
    }
    let filter = options.selection.read(ledger, clock::now(), EVENTS_LIMIT).await?;
    let outcome = (!options.any).then(|| "dead".to_owned());
    let keys = open::answer(ledger, ledger.keys_of(&EventFilter { outcome, ..filter })).await?;
    let what = if options.any { "events" } else { "dead letters" };
    let words = options.selection.in_words();
    let selection = if words.is_empty() { format!("all {what}") } else { format!("{what} {words}") };
    Ok((selection, keys.into_iter().map(stored).collect()))
}

fn page(planned: &Planned) -> String {
    let Planned { plan, selection, events, look_ahead } = planned;
    let Some(plan) = plan else { return format!("nothing to replay: no {selection}\n") };
    let mut text = format!("{plan}: {events} events, {selection}\n");
    if look_ahead.events < *events {
        text.extend([format!("(changes are shown for the first {LOOK_AHEAD_EVENTS} of them)\n")]);
    }
    text.extend([format!("\n{} would be applied\n", look_ahead.would_apply)]);
    for (cause, count) in &look_ahead.would_fail {
        text.extend([format!("{count} would fail again: {cause}\n")]);
    }
    if look_ahead.suspects > 0 {
        text.extend([format!(
            "{} are suspects: they are checked again when it runs; what they change is not foretold\n",
            look_ahead.suspects
        )]);
    }
    if look_ahead.without_bytes > 0 {
        text.extend([format!("{} no longer have a body and cannot run\n", look_ahead.without_bytes)]);
    }
    text.push_str(&changes(&look_ahead.changes));
    text.extend([format!("\nNothing has run yet. To run it: {} replay run {plan}\n", output::me())]);
    text
}

fn changes(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "\nNo row would change.\n".to_owned();
    }
    let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
    for change in changes {
        *by_kind.entry(change.kind.as_str()).or_default() += 1;
    }
    let counts: Vec<String> = by_kind.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let mut table = Table::default().text("KIND").text("ID").prose("WOULD CHANGE", 120);
    for change in changes.iter().take(SHOWN_CHANGES) {
        table.row([change.kind.to_string(), change.key.id.clone(), in_words(change)]);
    }
    let more = changes.len().saturating_sub(SHOWN_CHANGES);
    let more = if more > 0 { format!("and {more} more; --json has them all\n") } else { String::new() };
    format!("\n{} rows would change: {}\n\n{}{more}", changes.len(), counts.join(", "), table.render())
}

/// The status first, then whatever else there is room for.
fn in_words(change: &Change) -> String {
    let mut columns: Vec<_> = change.columns.iter().collect();
    columns.sort_by_key(|(name, _)| *name != "status");
    let word = |value: &Value| match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) if text.is_empty() => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let shown = columns.iter().take(SHOWN_COLUMNS);
    let mut words: Vec<String> =
        shown.map(|(name, (old, new))| format!("{name} {} -> {}", word(old), word(new))).collect();
    if columns.len() > SHOWN_COLUMNS {
        words.push(format!("{} more", columns.len() - SHOWN_COLUMNS));
    }
    words.join(", ")
}
