//! From an address to a page: finds out what is asked for, reads the view, and has it rendered. Looking never changes
//! anything.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use desk::actor::Actor;
use desk::acts::operations::batch::BatchView;
use desk::audit_key::AuditKey;
use desk::replay::{Chosen, LOOK_AHEAD_EVENTS, look_ahead};
use desk::reports::ReportError;
use desk::till::Till;
use desk::views::anomalies;
use desk::views::ban::BanView;
use desk::views::cards::Cards;
use desk::views::charge::ChargeView;
use desk::views::customer::CustomerView;
use desk::views::dashboard::{Dashboard, likely_mode};
use desk::views::dead_letters::{cause as cause_name, groups};
use desk::views::dispute::DisputeView;
use desk::views::event::EventView;
use desk::views::finding::FindingView;
use desk::views::invoice::InvoiceView;
use desk::views::kpi::{self, KpiQuery};
use desk::views::object::{ObjectPages, ObjectView};
use desk::views::operation::OperationView;
use desk::views::payment::PaymentView;
use desk::views::payout::PayoutView;
use desk::views::refund::RefundView;
use desk::views::subscription::SubscriptionView;
use domain::Object;
use domain::payments::Payment;
use domain::permissions::Permission;
use ledger::views::kpi::Scope;
use ledger::views::page::Part;
use ledger::views::search::Whose;
use ledger::views::stored_events::EventFilter;
use ledger::{Ledger, LedgerError, Transaction};
use maud::Markup;

use super::address::{Address, link};
use super::dashboard::Waiting;
use super::exports::Sheet;
use super::faults::PageFault;
use super::found::{Failed, Found};
use super::lists::{find_list, find_words};
use super::object::Hangs;
use super::shell::{self, Frame, WAITING_LIMIT};
use super::{
    acts, batches, blocks, dead_letters, event, findings, listed, listings, metrics, modes, notices, object,
    operation, people, reconciliation, replays, reports, saved_views, user,
};

/// What a browser gets.
pub enum PageAnswer {
    Page {
        status: u16,
        html: String,
    },
    SeeOther(String),
    /// A list as a spreadsheet gets it.
    Csv(Box<Sheet>),
    /// A report as one file.
    Report(Box<reports::ReportRequest>),
}

/// What the pages are made from.
pub struct Sources<'a> {
    pub ledger: &'a Ledger,
    /// What waits in the queue, where it can be asked.
    pub waiting: Option<Waiting>,
    /// What signs reports.
    pub audit_key: Option<&'a Arc<AuditKey>>,
    /// What asks Stripe whose an e-mail address is.
    pub till: Option<&'a Till>,
}

/// Answers a request to look at something. The ledger's own failure is given back beside the page, for the log.
pub async fn answer(
    sources: &Sources<'_>,
    actor: &Actor,
    address: &Address,
    now: DateTime<Utc>,
) -> (PageAnswer, Option<LedgerError>) {
    let mode = match modes::named(address) {
        Some(livemode) => Ok(livemode),
        None => likely_mode(sources.ledger).await,
    };
    let mut frame =
        Frame { actor, address, livemode: true, now, account: None, saved: Vec::new(), waiting: 0 };
    let found = match mode {
        Err(error) => Err(Failed::Ledger(error)),
        Ok(livemode) => {
            frame.livemode = livemode;
            if actor.has(Permission::Read) {
                find(sources, &mut frame).await
            } else {
                Err(PageFault::Forbidden(format!(
                    "{} lacks the permission {}.",
                    actor.name(),
                    Permission::Read
                ))
                .into())
            }
        }
    };
    match found {
        Ok(Found::Elsewhere(place)) => (PageAnswer::SeeOther(place), None),
        Ok(Found::Report(wanted)) => (PageAnswer::Report(wanted), None),
        Ok(Found::Csv(sheet)) => (PageAnswer::Csv(sheet), None),
        Ok(Found::Page(title, body)) => (
            PageAnswer::Page {
                status: 200,
                html: shell::page(&frame, &title, &acts::done(address), &body).into_string(),
            },
            None,
        ),
        Err(Failed::Fault(fault)) => (fault_page(&frame, &fault), None),
        Err(Failed::Ledger(error)) => (fault_page(&frame, &PageFault::Away), Some(error)),
    }
}

fn fault_page(frame: &Frame<'_>, fault: &PageFault) -> PageAnswer {
    PageAnswer::Page {
        status: fault.status(),
        html: shell::page(frame, fault.title(), &Markup::default(), &fault.body()).into_string(),
    }
}

/// So many operations that wait for one's own confirmation are shown.
const UNCONFIRMED_LIMIT: i64 = 10;

async fn find(sources: &Sources<'_>, frame: &mut Frame<'_>) -> Result<Found, Failed> {
    let (ledger, address, now) = (sources.ledger, frame.address, frame.now);
    let whose = Whose { account: None, livemode: Some(frame.livemode) };
    let title = |title: &str, body: Markup| Ok(Found::Page(title.to_owned(), body));
    if frame.actor.has(Permission::Manage) {
        let mut tx = ledger.read().await?;
        let asker = frame.actor.staff();
        frame.waiting = tx.waiting_for_approval(frame.livemode, asker, WAITING_LIMIT + 1).await?;
    }
    if let Some(path) = saved_views::list_of(&address.path) {
        frame.saved = ledger.read().await?.saved_views_of(frame.actor.staff(), Some(path)).await?;
    }
    if let Some(found) = find_list(ledger, frame).await? {
        return Ok(found);
    }
    match address.path.trim_end_matches('/') {
        "" | "/payments" => {
            Ok(Found::Elsewhere(link("/payments/dashboard/", address.get("mode").map(|mode| ("mode", mode)))))
        }
        "/payments/dashboard" => {
            let hours = metrics::hours(address, 24)?;
            let view = Dashboard::read(ledger, &kpi_query(frame, hours)?, now).await?;
            let mine = super::dashboard::unconfirmed(frame);
            let mine = ledger.read().await?.operations(&mine, &Part::first(UNCONFIRMED_LIMIT)).await?;
            title("Overview", super::dashboard::page(frame, &view, &mine.rows, sources.waiting, hours))
        }
        "/payments/metrics" => {
            let hours = metrics::hours(address, 168)?;
            let kpis = kpi::read_soon(ledger, &kpi_query(frame, hours)?).await?;
            title("Metrics", metrics::page(frame, &kpis, hours))
        }
        "/batches" => title("Refund several payments", batches::plan(ledger, frame).await?),
        "/payments/anomalies" => {
            let part = listed::part(address)?;
            let found = anomalies::read_page(ledger, &mut ledger.read().await?, &whose, &part).await?;
            title("Anomalies", super::anomalies::page(frame, &found))
        }
        "/notices" => {
            let (filter, part) = (notices::filter(frame)?, listed::part(address)?);
            let targets = if frame.actor.has(Permission::Export) {
                desk::views::notices::targets(ledger).await?
            } else {
                Vec::new()
            };
            let found = ledger.read().await?.notices(&filter, &part).await?;
            title("Notices", notices::page(frame, &targets, &found))
        }
        "/payments/blocks" => title("Blocks and holds", blocks::read(ledger, frame).await?),
        "/payments/reports" | "/payments/reports/archive" => read_report(sources, frame).await,
        "/payments/reconciliation" => read_reconciliation(ledger, frame).await,
        "/payments/replays" => {
            let found = ledger.read().await?.plans(&listed::part(address)?).await?;
            title("Replays", replays::list(frame, &found))
        }
        "/payments/dead-letters" => title("Dead letters", read_dead_letters(ledger, frame).await?),
        "/search" => find_words(ledger, sources.till, frame).await,
        path => {
            if let Some(found) = people::find(ledger, frame).await {
                let (title, body) = found??;
                return Ok(Found::Page(title, body));
            }
            match path.trim_start_matches('/').split_once('/') {
                Some((kind, id)) if !id.is_empty() => read_one(ledger, frame, kind, id).await,
                _ => Err(PageFault::NoPage.into()),
            }
        }
    }
}

fn kpi_query(frame: &Frame<'_>, hours: i64) -> Result<KpiQuery, Failed> {
    let scope = Scope { livemode: frame.livemode, account: None };
    let query = KpiQuery::of_hours(hours, metrics::step(hours), scope, frame.now);
    query.map_err(|wrong| Failed::Fault(PageFault::Wrong(wrong.to_string())))
}

/// The days that were compared, or the one that is asked for.
async fn read_reconciliation(ledger: &Ledger, frame: &Frame<'_>) -> Result<Found, Failed> {
    let mut tx = ledger.read().await?;
    let Some(day) = frame.address.get("day") else {
        let days = reconciliation::read_days(&mut tx, frame).await?;
        return Ok(Found::Page("Reconciliation".to_owned(), reconciliation::page(frame, &days)));
    };
    let found = reconciliation::read_day(&mut tx, frame, day).await?;
    let found = found
        .ok_or_else(|| PageFault::Unknown { kind: "reconciliation of".to_owned(), id: day.to_owned() })?;
    Ok(Found::Page(format!("Reconciliation of {day}"), reconciliation::day(frame, &found)))
}

/// Making a report is taking the lists away.
async fn read_report(sources: &Sources<'_>, frame: &Frame<'_>) -> Result<Found, Failed> {
    let title = "Reports".to_owned();
    let may_take = frame.actor.has(Permission::Export);
    let Some(wanted) = reports::wanted(frame)? else {
        return Ok(Found::Page(title, reports::page(frame, None, may_take)));
    };
    frame.actor.may(Permission::Export).map_err(|forbidden| PageFault::Forbidden(format!("{forbidden}.")))?;
    if frame.address.path.ends_with("/archive") {
        return Ok(Found::Report(Box::new(wanted)));
    }
    let manifest = match wanted.manifest(sources.ledger, sources.audit_key).await {
        Err(ReportError::Ledger(error)) => return Err(error.into()),
        Err(other) => {
            return Err(PageFault::Wrong(format!("The report could not be written: {other}")).into());
        }
        Ok(manifest) => manifest,
    };
    Ok(Found::Page(title, reports::page(frame, Some((&wanted, &manifest)), may_take)))
}

async fn read_one(ledger: &Ledger, frame: &mut Frame<'_>, kind: &str, id: &str) -> Result<Found, Failed> {
    let body = match kind {
        "payment" => read_object::<PaymentView>(ledger, frame, id).await?,
        "charge" => read_object::<ChargeView>(ledger, frame, id).await?,
        "refund" => read_object::<RefundView>(ledger, frame, id).await?,
        "dispute" => read_object::<DisputeView>(ledger, frame, id).await?,
        "invoice" => read_object::<InvoiceView>(ledger, frame, id).await?,
        "customer" => read_object::<CustomerView>(ledger, frame, id).await?,
        "subscription" => read_object::<SubscriptionView>(ledger, frame, id).await?,
        "payout" => read_object::<PayoutView>(ledger, frame, id).await?,
        "user" => {
            let mut tx = ledger.read().await?;
            let views = BanView::read_all(ledger, &mut tx, id, &Whose::default(), frame.now).await?;
            frame.livemode = views.first().map_or(frame.livemode, |view| view.ban.key.livemode);
            (!views.is_empty()).then(|| user::pages(frame, &views))
        }
        "event" => {
            let views = EventView::read_all(ledger, id).await?;
            frame.livemode = views.first().map_or(frame.livemode, |view| view.event.livemode);
            let bodies = event::read_bodies(ledger, frame, &views).await?;
            (!views.is_empty()).then(|| event::pages(frame, &views, &bodies))
        }
        "finding" => {
            let view = FindingView::read(&mut ledger.read().await?, id, frame.now).await?;
            frame.livemode = view.as_ref().map_or(frame.livemode, |view| view.finding.key.livemode);
            view.map(|view| findings::one(frame, &view))
        }
        "operation" => {
            let mut tx = ledger.read().await?;
            match OperationView::read(&mut tx, id, frame.now).await? {
                Some(view) => {
                    frame.livemode = view.operation.key.livemode;
                    let payment = payment_of(ledger, &mut tx, &view, frame.now).await?;
                    Some(operation::page(frame, &view, payment.as_ref()))
                }
                None => None,
            }
        }
        "batch" => {
            let view = BatchView::read(&mut ledger.read().await?, id).await?;
            frame.livemode = view.as_ref().map_or(frame.livemode, |view| view.batch.livemode);
            view.map(|view| batches::page(frame, &view))
        }
        "notice" => {
            let view = desk::views::notices::notice(ledger, id, Cards::of(frame.actor)).await?;
            frame.livemode = view.as_ref().map_or(frame.livemode, |view| view.notice.key.livemode);
            view.map(|view| notices::one(&view))
        }
        "listing" => {
            let mut tx = ledger.read().await?;
            let views = listings::read(&mut tx, id, frame.now).await?;
            frame.livemode = views.first().map_or(frame.livemode, |(view, _)| view.listing.key.livemode);
            (!views.is_empty()).then(|| listings::pages(frame, &views))
        }
        "replay" => match ledger.plan(id).await? {
            Some(plan) => Some(replays::page(frame, &plan, &ledger.results(id).await?)),
            None => None,
        },
        _ => return Err(PageFault::NoPage.into()),
    };
    match body {
        Some(body) => Ok(Found::Page(format!("{kind} {id}"), body)),
        None => Err(PageFault::Unknown { kind: kind.to_owned(), id: id.to_owned() }.into()),
    }
}

/// The page says by itself of which mode it is, whatever its address says.
async fn read_object<V: Hangs>(
    ledger: &Ledger,
    frame: &mut Frame<'_>,
    id: &str,
) -> Result<Option<Markup>, LedgerError> {
    let mut tx = ledger.read().await?;
    let pages =
        ObjectPages::<V>::read(ledger, &mut tx, id, &Whose::default(), Cards::of(frame.actor), frame.now)
            .await?;
    let of_known = pages.known.iter().map(|page| page.view.key().livemode);
    let mut modes = of_known.chain(pages.unapplied.iter().map(|object| object.key.livemode));
    frame.livemode = modes.next().unwrap_or(frame.livemode);
    debug_assert!(!V::Object::NAME.is_empty(), "every kind has a name");
    Ok((!pages.is_empty()).then(|| object::pages(frame, &pages)))
}

/// The payment that an operation is about: whoever decides should know how it stands.
async fn payment_of(
    ledger: &Ledger,
    tx: &mut Transaction,
    view: &OperationView,
    now: DateTime<Utc>,
) -> Result<Option<PaymentView>, LedgerError> {
    if view.operation.subject_kind != Payment::NAME {
        return Ok(None);
    }
    match tx.look_up::<Payment>(&[view.operation.subject()]).await?.pop() {
        Some(payment) => PaymentView::read(ledger, tx, payment, now).await.map(Some),
        None => Ok(None),
    }
}

async fn read_dead_letters(ledger: &Ledger, frame: &Frame<'_>) -> Result<Markup, Failed> {
    const GROUPED_LIMIT: i64 = 100_000;
    let of_mode =
        EventFilter { livemode: Some(frame.livemode), limit: GROUPED_LIMIT, ..EventFilter::default() };
    let found = groups(&ledger.dead(&of_mode).await?);
    let Some(cause) = frame.address.get("cause") else { return Ok(dead_letters::groups(frame, &found)) };
    let Some(group) = found.iter().find(|group| cause_name(&group.fingerprint) == cause) else {
        return Err(PageFault::Unknown { kind: "cause".to_owned(), id: cause.to_owned() }.into());
    };
    let of_cause = EventFilter {
        outcome: Some("dead".to_owned()),
        fingerprint: Some(group.fingerprint.clone()),
        limit: i64::try_from(LOOK_AHEAD_EVENTS).unwrap_or(i64::MAX),
        ..of_mode
    };
    let keys = ledger.keys_of(&of_cause).await?;
    let chosen: Vec<Chosen> = keys.into_iter().map(|key| Chosen { key, brought: None }).collect();
    let plan = look_ahead(ledger, &chosen, Cards::of(frame.actor)).await?;
    let letters = ledger.read().await?.events(&of_cause, &listed::part(frame.address)?).await?;
    Ok(dead_letters::of_cause(frame, group, &letters, &plan))
}

impl Waiting {
    /// As the queue says.
    pub fn of(ready: u64, oldest: Option<TimeDelta>) -> Self {
        Self { ready, oldest_secs: oldest.and_then(|age| u64::try_from(age.num_seconds()).ok()) }
    }
}
