//! `tidegate disputes evidence draft | attach | show`: the answer to a dispute before it is stored at Stripe, and what is
//! stored there.

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

use anyhow::{Context, bail};
use desk::acts::evidence::{Change, EvidenceRefusal, Upload, attach as attach_file, change};
use desk::views::evidence::{EvidenceView, Source};
use desk::when;
use desk::wording::moment;
use domain::Key;
use domain::evidence::{Goods, files};
use ledger::Ledger;
use shared::clock;
use shared::env::Env;

use super::ask::the_dispute;
use crate::cli::{AttachOptions, DraftOptions, EvidenceShowOptions};
use crate::failure::wrongly_called;
use crate::table::{Table, clean};
use crate::{open, output};

/// So much of a text stands in the table.
const TEXT_SHOWN_CHARS: usize = 70;

/// Shows the draft, after the changes that are asked for.
pub async fn draft(env: &Env, options: &DraftOptions) -> anyhow::Result<ExitCode> {
    let changes = changes(options)?;
    if changes.is_empty() {
        let ledger = open::ledger(env).await?;
        return print(&ledger, &the_dispute(&ledger, &options.id, &options.whose).await?, options.shape.json)
            .await;
    }
    let (ledger, actor) = options.by.actor(env).await?;
    let key = the_dispute(&ledger, &options.id, &options.whose).await?;
    for wanted in &changes {
        change(&ledger, &key, wanted, &actor, clock::now()).await.map_err(refused)?;
    }
    print(&ledger, &key, options.shape.json).await
}

fn changes(options: &DraftOptions) -> anyhow::Result<Vec<Change>> {
    let goods =
        options.goods.iter().filter_map(|goods| Goods::try_from(goods.clone()).ok()).map(Change::Goods);
    let mut changes: Vec<Change> = goods.collect();
    for field in &options.fields {
        let Some((name, text)) = field.split_once('=') else {
            return Err(wrongly_called(format!("--field {field}: write NAME=TEXT, or NAME=@FILE")));
        };
        let text = match text.strip_prefix('@') {
            Some(path) => fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?,
            None => text.to_owned(),
        };
        changes.push(Change::Text { field: name.to_owned(), text });
    }
    changes.extend(options.leave_out.iter().map(|field| Change::LeaveOut { field: field.clone() }));
    changes.extend(options.restore.iter().map(|field| Change::Restore { field: field.clone() }));
    Ok(changes)
}

pub async fn attach(env: &Env, options: &AttachOptions) -> anyhow::Result<ExitCode> {
    let [path] = options.files.as_slice() else {
        return Err(wrongly_called(format!(
            "Stripe takes one file for each field: put the {} into one PDF and attach that, or give each its own field",
            options.files.len()
        )));
    };
    let place = path.display();
    let size = fs::metadata(path).with_context(|| format!("{place} cannot be read"))?.len();
    // Before it is read: it may be anything.
    if size > files::SUM_LIMIT_BYTES as u64 {
        return Err(refused(
            domain::evidence::FileFault::TooLarge { bytes: usize::try_from(size).unwrap_or(usize::MAX) }
                .into(),
        ));
    }
    let content = fs::read(path).with_context(|| format!("{place} cannot be read"))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let upload = Upload { field: options.field.clone(), name, content, replaces: options.replace };
    let (ledger, actor) = options.by.actor(env).await?;
    let key = the_dispute(&ledger, &options.id, &options.whose).await?;
    attach_file(&ledger, &key, upload, &actor, clock::now()).await.map_err(refused)?;
    print(&ledger, &key, options.shape.json).await
}

/// What is stored at Stripe, as far as Tidegate stored it.
pub async fn show(env: &Env, options: &EvidenceShowOptions) -> anyhow::Result<ExitCode> {
    let ledger = open::ledger(env).await?;
    let key = the_dispute(&ledger, &options.id, &options.whose).await?;
    let view = read(&ledger, &key).await?;
    ledger.close().await;
    if options.shape.json {
        output::print_json(&view)?;
    } else {
        output::print(&stored(&view))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn read(ledger: &Ledger, key: &Key) -> anyhow::Result<EvidenceView> {
    let view = EvidenceView::read(&mut ledger.read().await?, key, clock::now()).await?;
    match view {
        Some(view) => Ok(view),
        None => bail!("the ledger knows no dispute {}", key.id),
    }
}

async fn print(ledger: &Ledger, key: &Key, json: bool) -> anyhow::Result<ExitCode> {
    let view = read(ledger, key).await?;
    ledger.close().await;
    if json {
        output::print_json(&view)?;
    } else {
        output::print(&drafted(&view))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn head(view: &EvidenceView) -> String {
    let reason = view.reason.as_deref().unwrap_or("no reason is known");
    let due = view.respond_by.map_or_else(
        || "no answer is allowed".to_owned(),
        |at| format!("answer by {} ({})", moment(at), when::until(at, clock::now())),
    );
    let mut text = format!("dispute {}, {}: {due}\n{}\n", view.key.id, clean(reason), view.says);
    if let Some(next) = &view.next {
        text.push_str(next);
        text.push('\n');
    }
    text
}

fn drafted(view: &EvidenceView) -> String {
    let mut text = head(view);
    let assumed = if view.goods_chosen { "" } else { ", assumed: --goods says otherwise" };
    writeln!(text, "\nThe answer, for {} goods{assumed}", view.goods).expect("a String takes every write");
    let mut table = Table::default().text("field").text("from").text("value");
    for field in &view.fields {
        let from = match field.source {
            Source::Ledger => field.from.join(", "),
            Source::Staff => "you".to_owned(),
            Source::LeftOut => "left out".to_owned(),
            Source::Stripe => "Stripe, when it is sent".to_owned(),
        };
        table.row([field.field.to_string(), from, short(field.text.as_deref().unwrap_or_default())]);
    }
    for file in &view.files {
        let pages = file.pages.map_or_else(|| "pages unknown".to_owned(), |pages| format!("{pages} p."));
        let place = if file.stripe_id.is_some() { "at Stripe" } else { "not uploaded yet" };
        let value =
            format!("{} ({}, {} bytes, {pages}, {place})", file.name, file.file_kind, file.size_bytes);
        table.row([file.field.clone(), file.attached_by.clone(), value]);
    }
    text.push_str(&table.render());
    text.push_str("\nWhat the bank wants to see\n");
    let mut table = Table::default().text("").text("field").text("shows");
    for need in &view.needs {
        let mark = match (need.is_met, need.need.required) {
            (true, _) => "ok",
            (false, true) => "REQUIRED",
            (false, false) => "helps",
        };
        table.row([mark.to_owned(), need.need.named(), need.need.why.to_owned()]);
    }
    text.push_str(&table.render());
    text
}

fn stored(view: &EvidenceView) -> String {
    let mut text = head(view);
    let Some(staged) = &view.staged else { return text };
    let at = staged.at.map(moment).unwrap_or_default();
    writeln!(text, "\nStored at Stripe by {} at {at}", staged.operation).expect("a String takes every write");
    let mut table = Table::default().text("field").number("characters").text("value");
    for kept in &staged.stored {
        let own = staged.parameters.evidence.get(&kept.field);
        let file = staged.parameters.files.get(&kept.field);
        let value = match (own, file) {
            (Some(text), _) => short(text),
            (_, Some(file)) => file.name.clone(),
            _ => "read from Stripe, not kept".to_owned(),
        };
        table.row([kept.field.clone(), kept.chars.to_string(), value]);
    }
    text.push_str(&table.render());
    text
}

fn short(text: &str) -> String {
    let line = text.replace(['\n', '\r', '\t'], " ");
    if line.chars().count() <= TEXT_SHOWN_CHARS {
        return line;
    }
    line.chars().take(TEXT_SHOWN_CHARS - 1).chain(['…']).collect()
}

fn refused(refusal: EvidenceRefusal) -> anyhow::Error {
    match refusal {
        EvidenceRefusal::Ledger(error) => error.into(),
        other => wrongly_called(other.to_string()),
    }
}
