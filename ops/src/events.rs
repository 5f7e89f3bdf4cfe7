//! `tidegate events`: stored events, as a list, as they come, or one by one; and erasing a body.

mod erase;
mod list;
mod tail;

use std::io::IsTerminal;

pub use desk::wording::belongs_to;
use ledger::Ledger;
use ledger::views::stored_events::StoredEvent;
use shared::env::Env;

pub use self::erase::erase;
pub use self::list::list;
pub use self::tail::tail;
use crate::cli::EventOptions;
use crate::failure::wrongly_called;
use crate::table::Table;
use crate::{money, open, output, staff, when};

pub async fn show(env: &Env, options: &EventOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let events = find(&ledger, &options.id).await?;
    if options.body {
        if staff::cards(&ledger, env).await?.are_hidden() {
            return Err(wrongly_called(
                "a body holds data of cards and customers: it takes the permission billing:manage. Set TIDEGATE_TOKEN \
                 or TIDEGATE_TOKEN_FILE to a token that has it",
            ));
        }
        let result = bodies(&ledger, &events).await;
        ledger.close().await;
        return result;
    }
    let mut erased = Vec::new();
    for event in &events {
        erased.push(erasure(&ledger, event).await?);
    }
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&events);
    }
    let pages: Vec<String> = events.iter().zip(erased).map(|(event, erased)| page(event, erased)).collect();
    output::print(&pages.join("\n"))?;
    output::remark(&format!("what it did: {me} trace {id}", me = output::me(), id = options.id));
    Ok(())
}

/// The stored contents under that id: usually one; several where two API versions or accounts sent it.
pub async fn find(ledger: &Ledger, id: &str) -> anyhow::Result<Vec<StoredEvent>> {
    let events = open::answer(ledger, ledger.event(id)).await?;
    if events.is_empty() {
        let (me, shown) = (output::me(), ledger.shown());
        anyhow::bail!(
            "no event {id} in the ledger at {shown}. If it was sent just now, it may still be queued (`{me} queue`). Otherwise look for it with `{me} events list`, or set DATABASE_URL to another ledger"
        );
    }
    Ok(events)
}

/// The mode, for a column: money that was never moved must not look like money.
pub fn mode(livemode: bool) -> String {
    if livemode { "live" } else { "test" }.to_owned()
}

async fn bodies(ledger: &Ledger, events: &[StoredEvent]) -> anyhow::Result<()> {
    output::remark(
        "warning: the body may contain personal data of a customer; do not leave copies lying around",
    );
    for event in events {
        match open::answer(ledger, ledger.body(&event.key())).await? {
            Some(body) => {
                output::print_bytes(&body)?;
                if std::io::stdout().is_terminal() {
                    output::print("\n")?;
                }
            }
            None => match erasure(ledger, event).await? {
                Some(erased) => anyhow::bail!("the body of {} was {erased}", event.id),
                None => anyhow::bail!(
                    "the body of {} is no longer stored: bodies are deleted after EVENT_RETENTION_DAYS; ids and outcomes stay",
                    event.id
                ),
            },
        }
    }
    Ok(())
}

/// When its body was erased, by whom and why, where it was: the audit knows.
async fn erasure(ledger: &Ledger, event: &StoredEvent) -> anyhow::Result<Option<String>> {
    let Some(erased_at) = event.erased_at else { return Ok(None) };
    let audit = open::answer(ledger, ledger.audit_of_event(&event.id)).await?;
    let line = audit.into_iter().rfind(|line| line.what == "erased" && line.at == erased_at);
    let how = line.map(|line| format!(" by {}: {}", line.actor, line.after.unwrap_or_default()));
    Ok(Some(format!("erased {}{}", when::whole(erased_at), how.unwrap_or_default())))
}

fn page(event: &StoredEvent, erased: Option<String>) -> String {
    let mut table = Table::default().text("").prose("", 200);
    let mut line = |name: &str, value: String| table.row([name.to_owned(), value]);
    line("event", event.id.clone());
    line("type", event.kind.clone());
    line("belongs to", belongs_to(&event.account, event.livemode));
    line("API version", event.api_version.clone().unwrap_or_else(|| "not stated".to_owned()));
    line("outcome", event.outcome.to_string());
    if let Some(reason) = &event.reason {
        line("reason", reason.clone());
    }
    if let Some(retry_at) = event.retry_at {
        line("next try", when::whole(retry_at));
    }
    line("attempts", event.attempts.to_string());
    line("repetitions", repetitions(event));
    line("created", when::whole(event.created_at));
    line("received", format!("{} from {}", when::precise(event.received_at), event.source));
    line("recorded", when::precise(event.recorded_at));
    if !event.endpoint.is_empty() {
        line("endpoint", event.endpoint.clone());
    }
    if event.conflict {
        line("conflict", "yes: the same id and API version arrived with different data".to_owned());
    }
    if let Some(erased) = erased {
        line("body", erased);
    }
    line("content", event.content_hash.clone());
    line("trace", event.trace_parent.clone());
    table.render_bare()
}

fn repetitions(event: &StoredEvent) -> String {
    money::count(event.repetitions.unsigned_abs())
}
