//! From an address to a page: finds out what is asked for, reads the view, and has it rendered. Looking never changes
//! anything.

use chrono::{DateTime, TimeDelta, Utc};
use desk::actor::Actor;
use desk::finder;
use desk::replay::{Chosen, LOOK_AHEAD_EVENTS, ReplayError, look_ahead};
use desk::views::anomalies;
use desk::views::ban::{BanView, ListedBan};
use desk::views::cards::Cards;
use desk::views::charge::ChargeView;
use desk::views::customer::CustomerView;
use desk::views::dashboard::{Dashboard, likely_mode};
use desk::views::dead_letters::{cause as cause_name, groups};
use desk::views::dispute::DisputeView;
use desk::views::dispute_list::read_list;
use desk::views::event::EventView;
use desk::views::invoice::InvoiceView;
use desk::views::kpi::{self, KpiQuery};
use desk::views::object::ObjectPages;
use desk::views::operation::OperationView;
use desk::views::payment::PaymentView;
use desk::views::payout::PayoutView;
use desk::views::refund::RefundView;
use desk::views::subscription::SubscriptionView;
use domain::Object;
use domain::permissions::Permission;
use ledger::views::kpi::Scope;
use ledger::views::search::Whose;
use ledger::views::stored_events::EventFilter;
use ledger::{Ledger, LedgerError};
use maud::Markup;

use super::address::Address;
use super::dashboard::Waiting;
use super::exports::{List, SHEET_LIMIT_ROWS};
use super::faults::Fault;
use super::object::Hangs;
use super::shell::{self, Frame};
use super::{
    acts, approvals, audit, bans, dead_letters, disputes, event, history, listed, metrics, modes, notices,
    object, operation, people, replays, search, user, webhooks,
};

/// What a browser gets.
#[derive(Debug)]
pub enum Answer {
    Page {
        status: u16,
        html: String,
    },
    SeeOther(String),
    /// A list as a spreadsheet gets it, under this name.
    Csv {
        name: String,
        text: String,
    },
}

/// What the pages are made from.
pub struct Sources<'a> {
    pub ledger: &'a Ledger,
    /// What waits in the queue, where it can be asked.
    pub waiting: Option<Waiting>,
}

/// A title and what stands below it; or where to look instead.
enum Found {
    Page(String, Markup),
    Elsewhere(String),
    Csv(&'static str, String),
}

/// Why there is no page: the ledger failed, or what was asked for cannot be shown.
enum Failed {
    Ledger(LedgerError),
    Fault(Fault),
}

impl From<LedgerError> for Failed {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A parameter that is not what it should be.
impl From<String> for Failed {
    fn from(why: String) -> Self {
        Self::Fault(Fault::Wrong(why))
    }
}

impl From<ReplayError> for Failed {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Ledger(error) => Self::Ledger(error),
            other => Self::Fault(Fault::Wrong(other.to_string())),
        }
    }
}

/// Answers a request to look at something. The ledger's own failure is given back beside the page, for the log.
pub async fn answer(
    sources: &Sources<'_>,
    actor: &Actor,
    address: &Address,
    now: DateTime<Utc>,
) -> (Answer, Option<LedgerError>) {
    let mode = match modes::named(address) {
        Some(livemode) => Ok(livemode),
        None => likely_mode(sources.ledger).await,
    };
    let mut frame = Frame { actor, address, livemode: true, now };
    let found = match mode {
        Err(error) => Err(Failed::Ledger(error)),
        Ok(livemode) => {
            frame.livemode = livemode;
            if actor.has(Permission::Read) {
                find(sources, &mut frame).await
            } else {
                Err(Fault::Forbidden(format!("{} lacks the permission {}.", actor.name(), Permission::Read))
                    .into())
            }
        }
    };
    match found {
        Ok(Found::Elsewhere(place)) => (Answer::SeeOther(place), None),
        Ok(Found::Csv(what, text)) => {
            let name = format!("{what}-{}.csv", now.format("%Y-%m-%d"));
            (Answer::Csv { name, text }, None)
        }
        Ok(Found::Page(title, body)) => (
            Answer::Page {
                status: 200,
                html: shell::page(&frame, &title, &acts::done(address), &body).into_string(),
            },
            None,
        ),
        Err(Failed::Fault(fault)) => (fault_page(&frame, &fault), None),
        Err(Failed::Ledger(error)) => (fault_page(&frame, &Fault::Away), Some(error)),
    }
}

fn fault_page(frame: &Frame<'_>, fault: &Fault) -> Answer {
    Answer::Page {
        status: fault.status(),
        html: shell::page(frame, fault.title(), &Markup::default(), &fault.body()).into_string(),
    }
}

async fn find(sources: &Sources<'_>, frame: &mut Frame<'_>) -> Result<Found, Failed> {
    let (ledger, address, now) = (sources.ledger, frame.address, frame.now);
    let whose = Whose { account: None, livemode: Some(frame.livemode) };
    let title = |title: &str, body: Markup| Ok(Found::Page(title.to_owned(), body));
    let as_csv = is_csv(frame)?;
    match address.path.trim_end_matches('/') {
        "" | "/payments" => Ok(Found::Elsewhere("/payments/dashboard/".to_owned())),
        "/payments/dashboard" => {
            let hours = metrics::hours(address, 24)?;
            let view = Dashboard::read(ledger, &kpi_query(frame, hours)?, now).await?;
            title("Overview", super::dashboard::page(frame, &view, sources.waiting, hours))
        }
        "/payments/metrics" => {
            let hours = metrics::hours(address, 168)?;
            let kpis = kpi::read(&mut ledger.read().await?, &kpi_query(frame, hours)?).await?;
            title("Metrics", metrics::page(frame, &kpis, hours))
        }
        "/payments/history" => {
            let (filter, part) = (history::filter(address, frame.livemode)?, listed::part(address)?);
            if as_csv {
                return Ok(Found::Csv("payments", sheet(ledger, &List::Payments(filter), now).await?));
            }
            let found = ledger.read().await?.payments(&filter, &part).await?;
            title("Payments", history::page(frame, &found))
        }
        "/payments/disputes" => {
            let (query, part) = (disputes::query(address, frame.livemode)?, listed::part(address)?);
            if as_csv {
                return Ok(Found::Csv("disputes", sheet(ledger, &List::Disputes(query), now).await?));
            }
            let found = read_list(ledger, &mut ledger.read().await?, &query, &part, now).await?;
            title("Disputes", disputes::page(frame, &found))
        }
        "/payments/webhooks" => {
            let (filter, part) = (webhooks::filter(address, frame.livemode)?, listed::part(address)?);
            if as_csv {
                return Ok(Found::Csv("events", sheet(ledger, &List::Events(filter), now).await?));
            }
            let found = ledger.read().await?.events(&filter, &part).await?;
            title("Webhooks", webhooks::page(frame, &found))
        }
        "/approvals" => {
            let (filter, part) = (approvals::filter(address, frame.livemode), listed::part(address)?);
            let found = ledger.read().await?.operations(&filter, &part).await?;
            title("Approvals", approvals::page(frame, &found))
        }
        "/payments/bans" => {
            let part = listed::part(address)?;
            let filter = bans::filter(address, frame.livemode);
            let found = ListedBan::read_list(&mut ledger.read().await?, &filter, &part, now).await?;
            title("Bans", bans::page(frame, &found))
        }
        "/payments/anomalies" => {
            let part = listed::part(address)?;
            let found = anomalies::read_page(ledger, &mut ledger.read().await?, &whose, &part).await?;
            title("Anomalies", super::anomalies::page(frame, &found))
        }
        "/payments/audit" => {
            let (filter, part) = (audit::filter(address, frame.livemode)?, listed::part(address)?);
            let found = ledger.read().await?.audit_lines(&filter, &part).await?;
            title("Audit", audit::page(frame, &found))
        }
        "/notices" => {
            let (filter, part) = (notices::filter(address, frame.livemode)?, listed::part(address)?);
            let targets = desk::views::notices::targets(ledger).await?;
            let found = ledger.read().await?.notices(&filter, &part).await?;
            title("Notices", notices::page(frame, &targets, &found))
        }
        "/payments/dead-letters" => title("Dead letters", read_dead_letters(ledger, frame).await?),
        "/search" => find_words(ledger, frame).await,
        path => {
            if let Some(found) = people::find(ledger, frame).await {
                let (title, body) = found??;
                return Ok(Found::Page(title, body));
            }
            match path.trim_start_matches('/').split_once('/') {
                Some((kind, id)) if !id.is_empty() => read_one(ledger, frame, kind, id).await,
                _ => Err(Fault::NoPage.into()),
            }
        }
    }
}

/// Whether the list is wanted as CSV, by somebody who may take it away.
fn is_csv(frame: &Frame<'_>) -> Result<bool, Failed> {
    let is_wanted = frame.address.get("as") == Some("csv");
    if is_wanted {
        frame.actor.may(Permission::Export).map_err(|forbidden| Fault::Forbidden(format!("{forbidden}.")))?;
    }
    Ok(is_wanted)
}

async fn sheet(ledger: &Ledger, list: &List, now: DateTime<Utc>) -> Result<String, Failed> {
    list.sheet(ledger, now).await?.ok_or_else(|| {
        let why = format!(
            "More than {SHEET_LIMIT_ROWS} rows: narrow the filters, or use `--csv` of the command line, which has no limit"
        );
        Fault::Wrong(why).into()
    })
}

fn kpi_query(frame: &Frame<'_>, hours: i64) -> Result<KpiQuery, Failed> {
    let scope = Scope { livemode: frame.livemode, account: None };
    let query = KpiQuery::of_hours(hours, metrics::step(hours), scope, frame.now);
    query.map_err(|wrong| Failed::Fault(Fault::Wrong(wrong.to_string())))
}

async fn find_words(ledger: &Ledger, frame: &Frame<'_>) -> Result<Found, Failed> {
    let words = frame.address.get("q").unwrap_or_default();
    if !words.is_empty() {
        if let Some(place) = search::payments_of(words, frame.livemode) {
            return Ok(Found::Elsewhere(place));
        }
        if let Some(found) = finder::find(ledger, words).await? {
            return Ok(Found::Elsewhere(search::place(&found)));
        }
    }
    Ok(Found::Page("Search".to_owned(), search::nothing(frame)))
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
            (!views.is_empty()).then(|| event::pages(frame, &views))
        }
        "operation" => {
            let view = OperationView::read(&mut ledger.read().await?, id, frame.now).await?;
            frame.livemode = view.as_ref().map_or(frame.livemode, |view| view.operation.key.livemode);
            view.map(|view| operation::page(frame, &view))
        }
        "notice" => {
            let view = desk::views::notices::notice(ledger, id).await?;
            frame.livemode = view.as_ref().map_or(frame.livemode, |view| view.notice.key.livemode);
            view.map(|view| notices::one(&view))
        }
        "replay" => match ledger.plan(id).await? {
            Some(plan) => Some(replays::page(frame, &plan, &ledger.results(id).await?)),
            None => None,
        },
        _ => return Err(Fault::NoPage.into()),
    };
    match body {
        Some(body) => Ok(Found::Page(format!("{kind} {id}"), body)),
        None => Err(Fault::Unknown { kind: kind.to_owned(), id: id.to_owned() }.into()),
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

async fn read_dead_letters(ledger: &Ledger, frame: &Frame<'_>) -> Result<Markup, Failed> {
    const GROUPED_LIMIT: i64 = 100_000;
    let of_mode =
        EventFilter { livemode: Some(frame.livemode), limit: GROUPED_LIMIT, ..EventFilter::default() };
    let found = groups(&ledger.dead(&of_mode).await?);
    let Some(cause) = frame.address.get("cause") else { return Ok(dead_letters::groups(frame, &found)) };
    let Some(group) = found.iter().find(|group| cause_name(&group.fingerprint) == cause) else {
        return Err(Fault::Unknown { kind: "cause".to_owned(), id: cause.to_owned() }.into());
    };
    let of_cause = EventFilter {
        outcome: Some("dead".to_owned()),
        fingerprint: Some(group.fingerprint.clone()),
        limit: i64::try_from(LOOK_AHEAD_EVENTS).unwrap_or(i64::MAX),
        ..of_mode
    };
    let keys = ledger.keys_of(&of_cause).await?;
    let chosen: Vec<Chosen> = keys.into_iter().map(|key| Chosen { key, brought: None }).collect();
    let plan = look_ahead(ledger, &chosen).await?;
    let letters = ledger.read().await?.events(&of_cause, &listed::part(frame.address)?).await?;
    Ok(dead_letters::of_cause(frame, group, &letters, &plan))
}

impl Waiting {
    /// As the queue says.
    pub fn of(ready: u64, oldest: Option<TimeDelta>) -> Self {
        Self { ready, oldest_secs: oldest.and_then(|age| u64::try_from(age.num_seconds()).ok()) }
    }
}
