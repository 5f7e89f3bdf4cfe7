//! `tidegate note` and `tidegate assign`: what staff write about an object, and who takes care of it.

use std::io::Read;

use anyhow::{Context, bail};
use desk::acts::notes::{self, NotedKind};
use desk::finder::find;
use domain::Key;
use domain::permissions::Permission;
use ledger::Ledger;
use ledger::tables::notes::{Assignment, Note};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::{AssignOptions, NoteOptions, WhoseOptions};
use crate::events::belongs_to;
use crate::failure::{refused, wrongly_called};
use crate::{open, output};

const INPUT_LIMIT_BYTES: u64 = 1 << 20;

/// The form of `--json` of `note`.
#[derive(Serialize)]
struct NoteReport<'a> {
    kind: &'static str,
    object: &'a Key,
    note: &'a Note,
}

/// The form of `--json` of `assign`.
#[derive(Serialize)]
struct AssignmentReport<'a> {
    kind: &'static str,
    object: &'a Key,
    assignment: &'a Assignment,
}

pub async fn note(env: &Env, options: &NoteOptions) -> anyhow::Result<()> {
    let text = if options.text == "-" { given()? } else { options.text.clone() };
    let (ledger, by) = options.by.permitted(env, "note", Permission::Request).await?;
    let by = by.person();
    let (kind, key) = the_one(&ledger, &options.id, &options.whose).await?;
    let note = notes::note(&ledger, (kind, &key), &text, &by, clock::now()).await.map_err(refused)?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&NoteReport { kind: kind.name(), object: &key, note: &note });
    }
    output::print(&format!("note {} on {} {}, by {}\n", note.number, kind.name(), key.id, note.written_by))
}

pub async fn assign(env: &Env, options: &AssignOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.permitted(env, "assign", Permission::Request).await?;
    let by = by.person();
    let (kind, key) = the_one(&ledger, &options.id, &options.whose).await?;
    let assignee = options.assignee.as_deref().filter(|_| !options.nobody);
    let assignment = notes::assign(&ledger, (kind, &key), assignee, &by, clock::now()).await;
    let assignment = assignment.map_err(refused)?;
    ledger.close().await;
    if options.shape.json {
        let report = AssignmentReport { kind: kind.name(), object: &key, assignment: &assignment };
        return output::print_json(&report);
    }
    let who = assignment.assignee.as_deref().unwrap_or("nobody");
    output::print(&format!("{} {}: {who} takes care of it\n", kind.name(), key.id))
}

/// What stands on standard input; far more than a note may be is not read.
pub fn given() -> anyhow::Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().take(INPUT_LIMIT_BYTES).read_to_string(&mut text);
    read.context("the note cannot be read from standard input")?;
    Ok(text)
}

/// What the id names, which must be one thing: an act is on one thing.
async fn the_one(ledger: &Ledger, id: &str, whose: &WhoseOptions) -> anyhow::Result<(NotedKind, Key)> {
    let (me, shown) = (output::me(), ledger.shown());
    let Some(found) = open::answer(ledger, find(ledger, id)).await? else {
        bail!("nothing in the ledger at {shown} goes by {id}; `{me} show` says what an id names");
    };
    let Some(kind) = NotedKind::of(found.kind) else {
        return Err(wrongly_called(format!(
            "{id} is nothing that notes stand on: they stand on payments, refunds, disputes, invoices, customers and operations"
        )));
    };
    let whose = whose.read();
    let mut keys = open::answer(ledger, kind.keys(ledger, &found.id)).await?;
    keys.retain(|key| whose.admits(key));
    if keys.len() > 1 {
        let owners: Vec<String> = keys.iter().map(|key| belongs_to(&key.account, key.livemode)).collect();
        return Err(wrongly_called(format!(
            "{id} exists several times ({}): choose one with --account, --live or --test-mode",
            owners.join("; ")
        )));
    }
    match keys.pop() {
        Some(key) => Ok((kind, key)),
        None => bail!("no {} {id} of that account and mode in the ledger at {shown}", kind.name()),
    }
}
