//! `tidegate disputes note`, `resolve` and `reopen`: notes of staff, kept for ever with their names.

use anyhow::bail;
use desk::actor::Actor;
use desk::acts::notes::{Effect, note_dispute};
use domain::Key;
use domain::disputes::Dispute;
use domain::permissions::Permission;
use ledger::Ledger;
use ledger::tables::notes::Note;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::{DisputeNoteOptions, ReopenOptions, ResolveOptions, WhoseOptions};
use crate::events::belongs_to;
use crate::failure::{refused, wrongly_called};
use crate::notes::given;
use crate::{open, output};

/// The form of `--json`.
#[derive(Serialize)]
struct NoteReport {
    dispute: Key,
    note: Note,
}

pub async fn note(env: &Env, options: &DisputeNoteOptions) -> anyhow::Result<()> {
    let text = if options.text == "-" { given()? } else { options.text.clone() };
    let desk = options.by.permitted(env, "disputes note", Permission::Request).await?;
    let shown = write(desk, &options.id, &options.whose, &text, Effect::None).await?;
    if options.shape.json {
        return output::print_json(&shown);
    }
    let (number, id) = (shown.note.number, &shown.dispute.id);
    output::print(&format!("note {number} on {id}, by {}\n", shown.note.written_by))
}

pub async fn resolve(env: &Env, options: &ResolveOptions) -> anyhow::Result<()> {
    let desk = options.by.permitted(env, "disputes resolve", Permission::Manage).await?;
    let shown = write(desk, &options.id, &options.whose, &options.reason, Effect::Resolves).await?;
    if options.shape.json {
        return output::print_json(&shown);
    }
    let id = &shown.dispute.id;
    output::print(&format!(
        "{id} resolved by {}: {}\n\
         It no longer counts as open or due, and triggers no alert; nothing changes at Stripe. It returns if Stripe asks for another answer, or with `{} disputes reopen {id} --reason …`\n",
        shown.note.written_by,
        shown.note.note,
        output::me()
    ))
}

pub async fn reopen(env: &Env, options: &ReopenOptions) -> anyhow::Result<()> {
    let desk = options.by.permitted(env, "disputes reopen", Permission::Manage).await?;
    let shown = write(desk, &options.id, &options.whose, &options.reason, Effect::Reopens).await?;
    if options.shape.json {
        return output::print_json(&shown);
    }
    let id = &shown.dispute.id;
    output::print(&format!("{id} reopened by {}: {}\n", shown.note.written_by, shown.note.note))
}

async fn write(
    (ledger, by): (Ledger, Actor),
    id: &str,
    whose: &WhoseOptions,
    text: &str,
    effect: Effect,
) -> anyhow::Result<NoteReport> {
    let dispute = the_one(&ledger, id, whose).await?;
    // Bounded by the database's own deadlines: to cut an act off would leave open whether it was done.
    let note =
        note_dispute(&ledger, &dispute, text, effect, &by.person(), clock::now()).await.map_err(refused)?;
    ledger.close().await;
    Ok(NoteReport { dispute, note })
}

/// The dispute of that id, which must be one: an act is on one thing.
async fn the_one(ledger: &Ledger, id: &str, whose: &WhoseOptions) -> anyhow::Result<Key> {
    let whose = whose.read();
    let found = open::answer(ledger, ledger.find::<Dispute>(id)).await?;
    let mut keys: Vec<Key> =
        found.into_iter().map(|dispute| dispute.key).filter(|key| whose.admits(key)).collect();
    if keys.len() > 1 {
        let owners: Vec<String> = keys.iter().map(|key| belongs_to(&key.account, key.livemode)).collect();
        return Err(wrongly_called(format!(
            "{id} exists several times ({}): choose one with --account, --live or --test-mode",
            owners.join("; ")
        )));
    }
    let Some(key) = keys.pop() else {
        let (me, shown) = (output::me(), ledger.shown());
        bail!("no dispute {id} in the ledger at {shown}; `{me} disputes list` shows those that are there");
    };
    Ok(key)
}
