//! `tidegate findings`: what checks turned up, and what becomes of it.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use desk::acts::findings::{Act, NotDone, act};
use desk::sheets::findings::COLUMNS;
use desk::views::finding::FindingView;
use domain::findings::{Check, Finding, FindingState, NAME};
use ledger::views::lists::FindingFilter;
use ledger::views::page::Part;
use ledger::{Ledger, Transaction};
use shared::clock;
use shared::env::Env;

use crate::cli::{ByOptions, FindingOptions, FindingsCommand, FindingsListOptions, PageOptions, Shape};
use crate::events::{belongs_to, mode};
use crate::failure::{refused, wrongly_called};
use crate::listing::{self, Listing};
use crate::table::{Table, clean};
use crate::{money, open, output, time_option, when};

pub async fn run(env: &Env, command: &FindingsCommand) -> anyhow::Result<ExitCode> {
    match command {
        FindingsCommand::List(options) => {
            let now = clock::now();
            list(env, &filter(options, now)?, (&options.page, &options.shape), now).await?;
        }
        FindingsCommand::Show(options) => {
            let ledger = open::ledger(env).await?;
            show(&ledger, options).await?;
        }
        FindingsCommand::Note(options) => {
            done(env, &options.finding, &options.by, Act::Note { note: options.note.clone() }).await?;
        }
        FindingsCommand::Acknowledge(options) => {
            done(env, &options.finding, &options.by, Act::Acknowledge { note: options.reason.clone() })
                .await?;
        }
        FindingsCommand::Snooze(options) => {
            let until = time_option::future(&options.until, clock::now());
            let until = until.map_err(|fault| wrongly_called(format!("--until: {fault}")))?;
            let snooze = Act::Snooze { until, note: options.reason.clone() };
            done(env, &options.finding, &options.by, snooze).await?;
        }
        FindingsCommand::Resolve(options) => {
            let fix = Act::Fix { reference: options.reference.clone(), note: options.note.clone() };
            done(env, &options.finding, &options.by, fix).await?;
        }
        FindingsCommand::Accept(options) => {
            done(env, &options.finding, &options.by, Act::Accept { note: options.reason.clone() }).await?;
        }
        FindingsCommand::Assign(options) => {
            let assign = Act::Assign { to: options.to.clone() };
            done(env, &options.finding, &options.by, assign).await?;
        }
        FindingsCommand::Reopen(options) => {
            done(env, &options.finding, &options.by, Act::Reopen { note: options.reason.clone() }).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn filter(options: &FindingsListOptions, now: DateTime<Utc>) -> anyhow::Result<FindingFilter> {
    // The command line takes only words that are known.
    Ok(FindingFilter {
        found_by: options.by_check.clone().and_then(|word| Check::try_from(word).ok()),
        kind: options.kind.clone(),
        state: options.state.clone().and_then(|word| FindingState::try_from(word).ok()),
        resolved_too: options.all,
        severity: options.severity.clone(),
        assignee: options.assignee.clone(),
        subject: options.subject.clone(),
        scope: options.scope.clone(),
        currency: None,
        window: options.window.read(now)?,
        whose: options.whose.read(),
    })
}

/// The findings that a filter lets through.
pub async fn list(
    env: &Env,
    filter: &FindingFilter,
    (page, shape): (&PageOptions, &Shape),
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let listing = Listing::of(NAME, table, COLUMNS)
        .filtered(*filter != FindingFilter::default())
        .begun_by("reconcile` compares yesterday with Stripe's balance");
    let read = async |tx: &mut Transaction, part: &Part| tx.findings(filter, part, now).await;
    listing::show(&ledger, (page, shape), &listing, now, read).await
}

pub fn table(findings: &[Finding], _: DateTime<Utc>) -> Table {
    let mut table = Table::default()
        .text("FOUND")
        .text("FINDING")
        .text("SEVERITY")
        .text("STATE")
        .text("KIND")
        .text("SUBJECT")
        .number("AT STAKE")
        .text("ASSIGNEE")
        .text("MODE")
        .text("ACCOUNT");
    for finding in findings {
        table.row([
            when::whole(finding.first_found_at),
            finding.key.id.clone(),
            finding.severity.to_string(),
            finding.state.to_string(),
            finding.kind.replace('_', " "),
            finding.subject_id.clone(),
            shown(finding.amount, &finding.currency),
            finding.assignee.clone().unwrap_or_default(),
            mode(finding.key.livemode),
            finding.key.account.clone(),
        ]);
    }
    table
}

fn shown(amount: Option<i64>, currency: &str) -> String {
    amount.map(|amount| money::shown(amount, currency)).unwrap_or_default()
}

async fn show(ledger: &Ledger, options: &FindingOptions) -> anyhow::Result<()> {
    let read = async { FindingView::read(&mut ledger.read().await?, options.id.trim(), clock::now()).await };
    let view = open::answer(ledger, read).await?;
    ledger.close().await;
    let Some(view) = view else { anyhow::bail!(NotDone::NoSuchFinding { id: options.id.clone() }) };
    if options.shape.json { output::print_json(&view) } else { output::print(&page(&view)) }
}

async fn done(env: &Env, finding: &FindingOptions, by: &ByOptions, wanted: Act) -> anyhow::Result<()> {
    let (ledger, actor) = by.permitted(env, command(&wanted), wanted.needs()).await?;
    act(&ledger, finding.id.trim(), wanted, &actor, clock::now()).await.map_err(not_done)?;
    show(&ledger, finding).await
}

/// As the audit of a refusal says it.
fn command(act: &Act) -> &'static str {
    match act {
        Act::Note { .. } => "findings note",
        Act::Assign { .. } => "findings assign",
        Act::Acknowledge { .. } => "findings acknowledge",
        Act::Snooze { .. } => "findings snooze",
        Act::Fix { .. } => "findings resolve",
        Act::Accept { .. } => "findings accept",
        Act::Reopen { .. } => "findings reopen",
    }
}

fn not_done(refusal: NotDone) -> anyhow::Error {
    match refusal {
        NotDone::Ledger(error) => error.into(),
        NotDone::Text(refusal) => refused(refusal),
        refusal @ NotDone::NoSuchFinding { .. } => refusal.into(),
        other => wrongly_called(other.to_string()),
    }
}

fn page(view: &FindingView) -> String {
    let finding = &view.finding;
    let owner = belongs_to(&finding.key.account, finding.key.livemode);
    let mut text = format!(
        "{NAME} {}  {}  ({})\n{}\n{}\n",
        finding.key.id,
        finding.state,
        clean(&owner),
        clean(&finding.summary),
        view.says
    );
    if let Some(next) = &view.next {
        text.extend([next, "\n"]);
    }
    let mut table = Table::default().text("").prose("", 200);
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            table.row([name.to_owned(), value]);
        }
    };
    line("kind", finding.kind.replace('_', " "));
    line("severity", finding.severity.to_string());
    line(&finding.subject_kind.replace('_', " "), finding.subject_id.clone());
    line(
        "day",
        if finding.found_by == Check::Reconciliation { finding.scope.clone() } else { String::new() },
    );
    line("at Stripe", shown(finding.stripe_amount, &finding.currency));
    line("in the ledger", shown(finding.ledger_amount, &finding.currency));
    line("at stake", shown(finding.amount, &finding.currency));
    line("assignee", finding.assignee.clone().unwrap_or_default());
    line("note", finding.note.clone().unwrap_or_default());
    line("first found", when::whole(finding.first_found_at));
    line("last found", when::whole(finding.last_found_at));
    text.push('\n');
    text.push_str(&table.render_bare());
    let mut steps = Table::default().text("AT").text("STEP").text("BY").prose("NOTE", 80);
    for past in &view.history {
        steps.row([
            when::whole(past.at),
            past.step.to_string(),
            past.done_by.clone(),
            past.note.clone().unwrap_or_default(),
        ]);
    }
    text.push('\n');
    text + &steps.render()
}
